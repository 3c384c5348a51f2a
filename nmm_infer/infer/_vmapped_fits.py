"""Many data sets of one shape in one compiled program, for simulation-based calibration and studies."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec
from jaxtyping import Array, Float, PRNGKeyArray
from numpyro.infer import autoguide
from rich.progress import Progress

from ..problems import AbstractConditioned
from ._engine import precision
from ._mcmc._chains import Draw
from ._mcmc._hmc import HMC
from ._mcmc._nuts import NUTS
from ._mcmc._sampler import AbstractSampler
from ._mcmc._warmup import stages
from ._mcmc.stopping import Never
from ._progress import progress_bar
from ._target import DRAWS_PER_START, Target
from ._variational._svi import CHUNK, SVI
from .devices import Parallel
from .metrics._affine import Coordinates, Posterior, stacked
from .metrics._metric import AbstractAdaptive
from .starts import FromPrior


class Batch(NamedTuple):
    """What a batch of fits gave.

    Fields:
        latent: unconstrained draws.
        divergences: in each data set.
    """

    latent: Float[np.ndarray, "dataset chain draw latent"]
    divergences: np.ndarray


type Fit = Callable[[Any, PRNGKeyArray, Progress], Batch]


@functools.singledispatch
def batched(engine: Any, conditioned: AbstractConditioned) -> Fit | None:
    """A function `fit(values, keys, progress)` of data like `conditioned.values` with a leading axis, and of
    a key for each; None: `engine` cannot.

    The program is compiled at the first call, for the number of data sets there. Interrupted, it raises
    KeyboardInterrupt.
    """
    return None


@batched.register(NUTS)
@batched.register(HMC)
def _(engine: AbstractSampler, conditioned: AbstractConditioned) -> Fit | None:
    if not isinstance(engine.stop, Never) or not isinstance(engine.start, FromPrior | None):
        return None  # chains of one data set would end or begin apart from those of the others
    # Small factorisations gain nothing from a second BLAS thread, and data sets on several devices would wait
    # for each other.
    threads = Parallel().threads
    with precision(engine.dtype):
        fit = _sampled(engine, Target(conditioned))

    def run(values: Any, keys: PRNGKeyArray, progress: Progress) -> Batch:
        with precision(engine.dtype), threads():
            return fit(values, keys, progress)

    return run


def _sampled(engine: AbstractSampler, target: Target) -> Fit:
    algorithm = engine.algorithm()

    def begin(values: Any, key: Array, placed: tuple[Coordinates, Array] | None) -> tuple[Posterior, Any]:
        key_start, _, key_warm, key_run = jax.random.split(key, 4)
        given = target.given(values)
        coordinates, at = (
            (Coordinates(), starts(given, key_start, engine.chains)) if placed is None else placed
        )
        posterior = Posterior(given, coordinates)
        with progress_bar(False) as silent:
            warm = engine.warm(posterior, at, key_warm, silent)
        return posterior, (jax.random.split(key_run, engine.chains), warm.states)

    def advance(posterior: Posterior, chains: Any, now: Any) -> tuple[Any, Draw]:
        def step(carry: Any, stage: Any) -> tuple[Any, Draw]:
            key, state = carry
            key, key_step = jax.random.split(key)
            state, draw = algorithm.step(key_step, state, stage, posterior)
            return (key, state), Draw(
                posterior.coordinates.to_latent(draw.position),
                {name: draw.stats[name] for name in ("diverging", "n_steps")},
                draw.tried,
            )

        return jax.vmap(lambda chain: jax.lax.scan(step, chain, now))(chains)

    # Stages are the same for all, so that what they decide remains a branch instead of both of its sides.
    first, further = _spread(begin, 3), _spread(advance, 2, shared=1)
    plan = stages(engine.warmup, engine.draws, engine.chunk)

    def fit(values: Any, keys: PRNGKeyArray, progress: Progress) -> Batch:
        total = engine.warmup + engine.draws
        values = jax.tree.map(lambda x: jnp.asarray(np.asarray(x)), values)
        adaptive = isinstance(engine.metric, AbstractAdaptive)
        placed = None if adaptive else _placed(engine, target, values, keys, progress)
        bar = progress.add_task("fits", total=total, note="")
        posteriors, chains = first(values, keys, placed)
        pieces: list[Draw] = []
        for done in range(0, total, engine.chunk):
            now = jax.tree.map(lambda x: x[done : done + engine.chunk], plan)  # noqa: B023
            chains, piece = further(posteriors, chains, now)
            pieces.append(jax.tree.map(np.asarray, piece))
            progress.update(
                bar, advance=engine.chunk, note=f"{pieces[-1].stats['n_steps'].mean():.0f} steps a draw"
            )
        progress.remove_task(bar)
        drawn = slice(engine.warmup, total)
        latent = np.concatenate([piece.position for piece in pieces], axis=2)[:, :, drawn]
        diverging = np.concatenate([piece.stats["diverging"] for piece in pieces], axis=2)[:, :, drawn]
        return Batch(np.asarray(latent, dtype=np.float64), diverging.sum(axis=(1, 2)))

    return fit


def _placed(
    engine: AbstractSampler, target: Target, values: Any, keys: PRNGKeyArray, progress: Progress
) -> tuple[Coordinates, Array]:
    """Coordinates and starts of every data set, one after the other: the engine's own search, with what it
    decides on the way.
    """
    bar, found = progress.add_task("coordinates", total=len(keys), note=""), []
    for k, key in enumerate(keys):
        given = target.given(jax.tree.map(lambda x: x[k], values))  # noqa: B023
        with progress_bar(False) as silent:
            found.append(
                engine.metric.coordinates(
                    given, jax.random.split(key, 4)[1], engine.chains, engine.start, silent
                )
            )
        progress.update(bar, advance=1)
    progress.remove_task(bar)
    return stacked([each.coordinates for each in found]), jnp.stack(
        [jnp.asarray(each.starts) for each in found]
    )


@batched.register
def _(engine: SVI, conditioned: AbstractConditioned) -> Fit | None:
    if (
        engine.stop is not None
        or not isinstance(engine.start, FromPrior)
        or engine.guide is autoguide.AutoLaplaceApproximation
    ):
        return None
    with precision(engine.dtype):
        fit = _variational(engine, Target(conditioned))

    def run(values: Any, keys: PRNGKeyArray, progress: Progress) -> Batch:
        with precision(engine.dtype):
            return fit(values, keys, progress)

    return run


def _variational(engine: SVI, target: Target) -> Fit:
    guide = engine._guide(target, target.prior_median())
    svi, _ = engine._program(guide, target, CHUNK, engine._decay(0, engine.steps))
    start = svi.init(jax.random.key(0), target.conditioned)

    def advance(values: Any, state: Any) -> tuple[Any, Array]:
        conditioned = target.given(values).conditioned
        # A step into a region where the model fails is not taken.
        return jax.lax.scan(lambda state, _: svi.stable_update(state, conditioned), state, length=CHUNK)

    def draw(state: Any, key: Array) -> Array:
        sites = guide.sample_posterior(key, svi.get_params(state), sample_shape=(engine.draws,))
        return jax.vmap(target.flatten)({name: sites[name] for name in target.names})

    further, last = _spread(advance, 2), _spread(draw, 2)

    def fit(values: Any, keys: PRNGKeyArray, progress: Progress) -> Batch:
        bar = progress.add_task("fits", total=engine.steps, note="")
        keys = jax.vmap(jax.random.split)(keys)
        values = jax.tree.map(lambda x: jnp.asarray(np.asarray(x)), values)
        states = jax.tree.map(lambda x: jnp.broadcast_to(x, (len(keys), *jnp.shape(x))), start)._replace(
            rng_key=keys[:, 0]
        )
        for _ in range(-(-engine.steps // CHUNK)):
            states, loss = further(values, states)
            progress.update(bar, advance=CHUNK, note=f"ELBO {-float(np.nanmean(loss)):.1f}")
        progress.remove_task(bar)
        return Batch(
            np.asarray(last(states, keys[:, 1]), dtype=np.float64)[:, None], np.zeros(len(keys), int)
        )

    return fit


def starts(target: Target, key: Array, n: int) -> Float[Array, "chain latent"]:
    """`Target.starts` inside a program: medians of prior draws, or the first of these with a finite
    density.
    """
    draws = target.prior_draws(key, n * DRAWS_PER_START).reshape(n, DRAWS_PER_START, -1)
    candidates = jnp.concatenate([jnp.median(draws, axis=1, keepdims=True), draws], axis=1)
    finite = jnp.isfinite(jax.vmap(jax.vmap(target.log_density))(candidates))
    return jnp.take_along_axis(candidates, jnp.argmax(finite, axis=1)[:, None, None], axis=1)[:, 0]


def _spread(function: Callable[..., Any], mapped: int, shared: int = 0) -> Callable[..., Any]:
    """`function` of many data sets, its first `mapped` arguments stacked, spread over the devices if their
    number allows.
    """

    def program(*args: Any) -> Any:
        return jax.vmap(function, in_axes=(0,) * mapped + (None,) * shared)(*args)

    n = len(jax.devices())
    compiled = jax.jit(program)
    if n == 1:
        return compiled
    mesh, spec = Mesh(jax.devices(), ("dataset",)), PartitionSpec("dataset")
    spread = jax.jit(
        jax.shard_map(
            program,
            mesh=mesh,
            in_specs=(spec,) * mapped + (PartitionSpec(),) * shared,
            out_specs=spec,
            check_vma=False,
        )
    )
    return lambda *args: (spread if len(jax.tree.leaves(args[0])[0]) % n == 0 else compiled)(*args)
