"""Is the linearisation good enough for this posterior?"""

import math
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from ..._tools._keys import random_key
from ..._tools._kinds import kind_of
from .._groups import recording, require_posterior
from ._linearity_report import Linearity, coverage

# Data drawn from the likelihood itself for each recording: they cost no simulation, and their scatter is
# subtracted from that of the recordings.
REPLICAS = 4
# States of all simulations that run together, and recordings at most, so that there is progress to watch.
STATES, TOGETHER = 20_000, 25
# Resamplings of the recordings for Monte-Carlo errors.
RESAMPLED = 200
KINDS = ("simulated", "linear", "predicted")


def linearity(
    problem: Any,
    tree: Any,
    data: Any = None,
    *,
    recordings: int = 100,
    step: Any = None,
    transient: Any = None,
    key: PRNGKeyArray | int | None = None,
    progress: bool = True,
) -> Linearity:
    """How far a posterior is off because `Spectral` or `Covariance` take the network for a linear one.

    At draws of the posterior the network is simulated as it is, and as a linear one in the same noise; both
    are observed, sampled and made noisy as the data were. Of each recording the score is taken, the gradient
    g of the log likelihood at the very parameters that made it. Were the likelihood right, its mean would be
    zero and its covariance Fisher's information. To first order an estimate moves by Cov(θ, x) g, where θ is
    a parameter, x are the unconstrained ones and the covariance is that of the posterior. Its mean over the
    recordings is the bias; its variance, less that for data drawn from the likelihood, is what the
    posterior's lacks. The two together give the coverage to expect of 90 % intervals. No fit is repeated.

    The bias of the linear twin is no fault of the linearisation: recordings are finite and sampled without a
    filter, bands are wide, BOLD responds about a working point of its own. The difference of the two is, and
    is known better than either, for they have their noise in common.

    Args:
        problem: an `nmm.Problem` with a `Spectral` or a `Covariance` likelihood.
        tree: its posterior, the result of an engine.
        data: what it was fitted to; None: as the tree has them.
        recordings: how many of each kind. A hundred tell a bias to a tenth of the posterior's standard
            deviation.
        step: of the solver, Quantity or ms; None: a tenth of the fastest time constant of the linearised
            network, and not more than the resolution of a haemodynamic observation.
        transient: simulated before each recording, which starts at the fixed point, Quantity or ms; None:
            five times the slowest time constant, not more than the length of the recording, and 30 s more for
            BOLD.
        key: for the noise; None: always the same.
        progress: show progress.

    Returns:
        `Linearity`: print it, or draw `nmm.viz.linearity(result.data)`.

    Raises:
        TypeError: the likelihood does not linearise.
        ValueError: the tree is of another problem or of other data, or has too few draws for a covariance; no
            simulation succeeds.
    """
    from ...infer._engine import check_counts, precision
    from ...infer._evidence._bridge_sampling import latent_draws
    from ...infer._progress import Steps, progress_bar
    from ...infer._target import Target
    from ...observe import Bold
    from ...units import milliseconds
    from . import _linear_twin as twin

    problem = _checked(problem)
    check_counts("linearity", recordings=recordings)
    posterior = require_posterior(tree, "linearity(tree)")
    wanted = [
        None if value is None else milliseconds(value, f"linearity({name}=...)")
        for name, value in (("step", step), ("transient", transient))
    ]
    with precision("float64"), progress_bar(progress) as bars:
        target = Target(_conditioned(problem, tree, data))
        draws = latent_draws(target, tree)
        flat = draws.reshape(-1, target.size)
        if len(flat) < target.size + 2:
            raise ValueError(
                f"linearity(tree) got {len(flat)} draws of {target.size} unknowns, expected at least"
                f" {target.size + 2} for their covariance; pass the result of a sampler, or of"
                " nmm.infer.Laplace()"
            )
        chosen = flat[np.round(np.linspace(0, len(flat) - 1, recordings)).astype(int)]
        sites = jax.jit(jax.vmap(target.constrain))(jnp.asarray(chosen))
        conditioned: Any = target.conditioned
        observed = conditioned.observed
        if "time" not in observed.recording.dims:
            raise ValueError(
                "linearity(tree): the data are a matrix, so that nobody knows of how many samples; expected"
                " time courses, linearity(..., data=time courses)"
            )
        length, interval = observed.recording.values.shape, observed.interval
        samples = math.prod(length[:-1])
        found = np.asarray(
            jax.jit(lambda sites: jax.lax.map(lambda one: twin.rates(target.problem, one), sites))(sites)
        )
        times = twin.times(problem.observe, interval, samples, found, *wanted)
        keys = jax.random.split(
            jax.random.key(0) if key is None else random_key(key, "linearity(key=...)"), (recordings, 2)
        )

        simulate = jax.jit(
            jax.vmap(lambda sites, key: twin.pair(target.problem, sites, key, times, observed.directions))
        )
        bar, parts = Steps(bars, "simulations", recordings), []
        for part in _parts(recordings, np.size(problem.network.initial)):
            one = jax.tree.map(lambda leaf, part=part: leaf[part], sites)
            parts.append(jax.tree.map(np.asarray, simulate(one, keys[part, 0])))
            bar.advance(len(part))
        pairs = jax.tree.map(lambda *leaves: np.concatenate(leaves)[:recordings], *parts)

        # Peaks are not looked for again at every recording.
        settled = eqx.tree_at(
            lambda problem: problem.likelihood, problem, problem.likelihood.settled(observed)
        )
        recorded, reasons = zip(
            *(
                _bind(settled, observed, full, linear)
                for full, linear in zip(pairs.full, pairs.twin, strict=True)
            ),
            strict=True,
        )
        usable = [i for i, both in enumerate(recorded) if both is not None and not pairs.left[i]]
        if len(usable) < 2:
            why = next((reason for reason in reasons if reason), "they leave the fixed point")
            units = (
                ", or the data are no fractional signal changes, as Bold predicts them"
                if isinstance(problem.observe, Bold)
                else ""
            )
            raise ValueError(
                f"linearity(...): {recordings - len(usable)} of {recordings} simulations at draws of the"
                f" posterior are of no use ({why}): the network does not stay near the fixed point at which"
                f" the likelihood linearises it, or step= is too large{units}"
            )
        simulated, linear = (_stacked([recorded[i][kind] for i in usable]) for kind in (0, 1))
        at, kept = jnp.asarray(chosen[usable]), jax.tree.map(lambda leaf: leaf[np.asarray(usable)], sites)
        bar = Steps(bars, "scores", 3)
        score, replicate, look = _programs(target)
        scores, drawn, summaries, seen = [], [], [], []
        for values in (simulated, linear):
            scores.append(np.asarray(score(at, values)))
            summaries.append(jax.tree.map(np.asarray, look(values)))
            bar.advance(1)
        same = _stacked([observed] * len(usable))
        for again in jnp.stack(
            [jax.random.split(key, REPLICAS) for key in keys[np.asarray(usable), 1]], axis=1
        ):
            values = eqx.tree_at(lambda observed: observed.values, same, replicate(kept, again))
            drawn.append(np.asarray(score(at, values)))
            seen.append(jax.tree.map(np.asarray, look(values)))
        bar.advance(1)
        summaries.append({name: np.mean([one[name] for one in seen], axis=0) for name in seen[0]})
        dims = {name: named.dims for name, named in conditioned.summaries().items()}
    labels, theta = _parameters(conditioned, posterior, draws.shape[:2])
    good = np.all([np.isfinite(x).all(axis=-1) for x in (*scores, *drawn)], axis=0)
    shifts = _shifts(theta, flat)
    moved = [x[good] @ shifts.T for x in (*scores, *drawn)]
    of_summaries = {name: (dims[name], np.stack([one[name][good] for one in summaries])) for name in dims}
    result = _dataset(np.stack(moved[:2]), np.stack(moved[2:]), labels, of_summaries, observed.coords())
    result.attrs.update(
        recordings=recordings,
        failed=sum(reason != "" for reason in reasons) + int((~good).sum()),
        left=int(sum(bool(pairs.left[i]) and not reasons[i] for i in range(recordings))),
        reason=next((reason for reason in reasons if reason), ""),
        step=times.step,
        transient=times.transient,
        length=samples * interval,
        likelihood=type(problem.likelihood).__name__,
    )
    return Linearity(result)


def _checked(problem: Any) -> Any:
    """The problem.

    Raises:
        TypeError: it does not linearise a network.
    """
    from ...infer._engine import check_problem
    from ...likelihoods import Covariance, Spectral
    from ...problems import Problem

    check_problem(problem)
    if not isinstance(problem, Problem):
        raise TypeError(
            f"linearity(problem=...) got {kind_of(problem)}, expected an nmm.Problem, of which the network is"
            " known"
        )
    if not isinstance(problem.likelihood, Spectral | Covariance):
        raise TypeError(
            f"linearity(problem=...) got the likelihood {type(problem.likelihood).__name__}, expected"
            " Spectral or Covariance: no other likelihood linearises the network at its fixed point, so that"
            " there is nothing to check"
        )
    return problem


def _conditioned(problem: Any, tree: Any, data: Any) -> Any:
    """The problem given the data that were fitted.

    Raises:
        ValueError: the tree does not hold them, or others.
    """
    given = data is not None
    if not given:
        data = recording(tree)
        if data is None:
            raise ValueError(
                f"linearity(tree) has no constant_data.data (groups: {', '.join(tree.children) or 'none'});"
                " pass data=, what was fitted"
            )
        # Times without a unit are the numbers of the samples.
        data = data if "units" in data["time"].attrs else data.drop_vars("time")
    conditioned = problem.condition(data)
    fitted = tree.attrs.get("data_hash")
    if given and fitted is not None and fitted != conditioned.fingerprint():
        raise ValueError(
            f"linearity(data=...) has hash {conditioned.fingerprint()}, the tree was fitted to data with hash"
            f" {fitted}; pass the data of the fit"
        )
    return conditioned


def _parts(recordings: int, states: int) -> list[np.ndarray]:
    """Numbers of the recordings that run together, the same number in each part: the last ones are filled
    with others.
    """
    most = max(1, min(TOGETHER, recordings, STATES // (2 * states)))
    parts = -(-recordings // most)
    size = -(-recordings // parts)
    return [np.minimum(np.arange(first * size, (first + 1) * size), recordings - 1) for first in range(parts)]


def _bind(
    problem: Any, observed: Any, full: np.ndarray, linear: np.ndarray
) -> tuple[tuple[Any, Any] | None, str]:
    """Both recordings as the likelihood takes them, treated as the data were; or None, and why not."""
    if not (np.isfinite(full).all() and np.isfinite(linear).all()):
        return None, "they diverge"
    shape = observed.recording.values.shape
    try:
        recordings = (
            eqx.tree_at(lambda recording: recording.values, observed.recording, values.reshape(shape))
            for values in (full, linear)
        )
        first, second = (problem.condition(recording).observed for recording in recordings)
    except ValueError as error:
        return None, str(error)
    return (first, second), ""


def _stacked(observed: list[Any]) -> Any:
    return jax.tree.map(lambda *leaves: np.stack([np.asarray(leaf) for leaf in leaves]), *observed)


def _programs(
    target: Any,
) -> tuple[Callable[..., Array], Callable[..., Any], Callable[[Any], dict[str, Array]]]:
    """Gradients of the log likelihood at many places, each of its own data; data drawn at many places; what
    is looked at of many data.
    """
    problem, conditioned = target.problem, target.conditioned

    def log_likelihood(x: Array, observed: Any) -> Array:
        return jnp.sum(
            jnp.stack(
                [
                    jnp.sum(named.values)
                    for named in problem.condition(observed).log_likelihood(target.constrain(x)).values()
                ]
            )
        )

    # One after the other: the cross-spectra of many large networks would not fit side by side.
    score = jax.jit(
        lambda x, observed: jax.lax.map(lambda one: jax.grad(log_likelihood)(*one), (x, observed))
    )
    replicate = jax.jit(
        lambda sites, keys: jax.lax.map(lambda one: conditioned.replicate(one[1], one[0]), (sites, keys))
    )
    look = jax.jit(
        jax.vmap(
            lambda observed: {
                name: named.values for name, named in problem.condition(observed).summaries().items()
            }
        )
    )
    return score, replicate, look


def _parameters(
    conditioned: Any, posterior: Any, sample: tuple[int, ...]
) -> tuple[Any, Float[np.ndarray, "draw parameter"]]:
    """Labels and draws of what is reported: parameters as users know them, those apart that are constant."""
    from .._labels import chosen, flat, labels

    sites = {
        str(name): posterior[name].transpose("chain", "draw", ...).values for name in posterior.data_vars
    }
    names = [name for name in chosen(sites) if np.ptp(sites[name], axis=(0, 1)).min(initial=np.inf) > 0]
    what = labels(
        {name: sites[name][0, 0] for name in names}, conditioned.site_dims(), conditioned.coords(), names
    )
    return what, flat({name: sites[name] for name in names}, names, 2).reshape(math.prod(sample), -1)


def _shifts(
    theta: Float[np.ndarray, "draw parameter"], x: Float[np.ndarray, "draw latent"]
) -> Float[np.ndarray, "parameter latent"]:
    """By how many of its standard deviations each parameter moves for a unit of each score: its covariance
    with the unconstrained ones.

    The posterior given a log likelihood with a little more of the slope g has the mean E[θ] + Cov(θ, x) g
    (Gustafson 1996, Ann Statist 24:174).
    """
    theta, x = theta - theta.mean(axis=0), x - x.mean(axis=0)
    return (theta / theta.std(axis=0)).T @ x / len(x)


def _dataset(
    moved: Float[np.ndarray, "kind recording parameter"],
    drawn: Float[np.ndarray, "replica recording parameter"],
    labels: Any,
    summaries: dict[str, tuple[tuple[str, ...], np.ndarray]],
    known: dict[str, Any],
) -> Any:
    import xarray as xr

    n = moved.shape[1]
    rng = np.random.default_rng(0)
    # The first row has every recording once; the others are resampled.
    weights = np.vstack([np.ones(n), rng.multinomial(n, np.full(n, 1.0 / n), size=RESAMPLED)]) / n
    bias = np.einsum("br,krp->bkp", weights, np.concatenate([moved, drawn.mean(axis=0)[None]]))
    square = np.einsum("br,krp->bkp", weights, np.concatenate([moved**2, (drawn**2).mean(axis=0)[None]]))
    correction = n / (n - 1.0)
    # Of data from the likelihood the mean is known to be zero.
    variance = np.concatenate([correction * (square - bias**2)[:, :2], square[:, 2:]], axis=1)
    spread = np.sqrt(np.maximum(1.0 + variance - variance[:, 2:], 0.05))
    covered = coverage(bias, spread)
    difference = bias[:, 0] - bias[:, 1]
    by = ("kind", "parameter")
    variables: dict[str, Any] = {
        "shift": (("kind", "recording", "parameter"), np.concatenate([moved, drawn[:1]])),
        "bias": (by, bias[0]),
        "bias_error": (by, bias[1:].std(axis=0)),
        "spread": (by, spread[0]),
        "spread_error": (by, spread[1:].std(axis=0)),
        "coverage": (by, covered[0]),
        "coverage_error": (by, covered[1:].std(axis=0)),
        "by_linearisation": ("parameter", difference[0]),
        "by_linearisation_error": ("parameter", difference[1:].std(axis=0)),
    }
    coords: dict[str, Any] = {
        "kind": list(KINDS),
        "parameter": list(labels.parameter),
        "name": ("parameter", list(labels.name)),
        "element": ("parameter", list(labels.element)),
    }
    for name, (dims, values) in summaries.items():
        # Matrices of every recording would be large, and only their mean is looked at.
        whole = "frequency" in dims
        variables[name] = (
            ("kind", *(("recording",) if whole else ()), *dims),
            values if whole else values.mean(axis=1),
        )
        coords |= {dim: known[dim] for dim in dims if dim in known}
    return xr.Dataset(variables, coords=coords)
