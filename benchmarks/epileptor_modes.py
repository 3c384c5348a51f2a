"""Where the posterior of a virtual epileptic patient has its modes, and the problem itself.

A region that seizes in the data and not in the model, or the other way round, makes a wrong mode, hundreds of
nats lower, that no gradient of the simulation leads out of. So searches free the path and make it follow the
model more and more (`PathAnnealing`), with offsets of contacts in place of levels and with a wider prior of
the initial states; Newton's method finishes the best ends in the problem whose posterior is wanted.
"""

from typing import Any, NamedTuple

import numpy as np

from .patient import INITIAL_SD, LEVEL, SAMPLES, STEP, Patient, contacts, from_rest, network

X0_MEAN, X0_SD = -2.5, 0.35
# How much wider the prior of initial states is while modes are searched.
WIDER = 2.0
# Ends of searches that lie lower than the best by more nats than this are left out.
BELOW = 100.0


def problem(who: Patient, levels: bool = True, wider: float = 1.0) -> Any:
    """Unknown are excitability and initial state of every region, coupling, amplitude, the level of every
    contact, noise.

    Before a seizure regions are near rest, which depends on their excitability and coupling: the prior of the
    initial state says so.
    """
    import numpyro.distributions as dist

    import nmm_infer as nmm

    level = dist.Normal(LEVEL if levels else 0.0, 1.0)
    deviation = dist.Normal(0.0, np.full((2, who.connectome.n_regions), INITIAL_SD * wider))
    return nmm.Problem(
        network(
            who.connectome,
            x0=nmm.Prior(dist.Normal(X0_MEAN, X0_SD), over="region"),
            G=nmm.Prior(dist.LogNormal(0.0, 0.5)),
            initial=nmm.Prior(deviation.to_event(2)),
        ),
        contacts(
            who.gain,
            nmm.Prior(dist.LogNormal(0.0, 0.3)),
            nmm.Prior(level.expand([len(who.gain)]).to_event(1)),
            levels,
        ),
        nmm.likelihoods.Gaussian(scale=nmm.Prior(dist.LogNormal(np.log(0.1), 1.0))),
        duration=SAMPLES * STEP,
        step=STEP,
        prepare=from_rest,
    )


def search(who: Patient, data: Any, starts: int, steps: int, key: Any) -> Any:
    """The modes: free paths, then Adam. Contacts have offsets here and not levels, for it is absolute levels
    that tell a free path where to be.
    """
    import nmm_infer as nmm

    o = nmm.infer.optimisers
    way = o.InTurn(o.PathAnnealing(steps), o.Adam(max(50, steps // 6), 0.01))
    return nmm.infer.MAP(way, starts=starts, predictive_draws=0)(
        problem(who, levels=False, wider=WIDER), data, key=key, progress=False
    )


class Mode(NamedTuple):
    """A mode of the problem with levels.

    Fields:
        sites: its values by name.
        log_density: there.
        mass: logarithm of the mass around it, by Laplace's approximation without its constants.
    """

    sites: dict[str, Any]
    log_density: float
    mass: float


def finish(who: Patient, conditioned: Any, found: Any) -> tuple[list[Mode], int]:
    """The modes with levels near the ends with offsets, by Newton's method, that with the most mass first;
    and the gradients that it took.

    The highest is not taken for the best: a path may end along the unstable branch (a canard), where the
    density changes a million times within a millionth of the excitability, and no draw is ever there.
    """
    import jax
    import jax.numpy as jnp

    import nmm_infer as nmm
    from nmm_infer.infer._optimise._mode import curvature
    from nmm_infer.infer._optimise.optimisers import Objective
    from nmm_infer.infer._progress import Steps, progress_bar
    from nmm_infer.infer._target import Target

    height = found["optimization"]["log_density"].values
    close = np.flatnonzero(height > height[0] - BELOW)
    with jax.enable_x64(True), progress_bar(False) as bars:
        target = Target(conditioned)
        starts = np.stack(
            [_with_levels(who, target, found["ends"].to_dataset().isel(start=k)) for k in close]
        )
        ends = nmm.infer.optimisers.Newton(40, 0.01).search(
            Objective(target.log_density, target.densities), starts, Steps(bars, "", 1)
        )
        modes = []
        for x, density in zip(ends.positions, ends.log_density, strict=True):
            sites = {name: np.asarray(value) for name, value in target.constrain(jnp.asarray(x)).items()}
            stiffness = np.abs(np.linalg.eigvalsh(curvature(target.value_and_gradient, x)))
            modes.append(
                Mode(sites, float(density), float(density - 0.5 * np.log(np.maximum(stiffness, 1.0)).sum()))
            )
    return sorted(modes, key=lambda mode: -mode.mass), ends.gradients + 2 * target.size * len(modes)


def _with_levels(who: Patient, target: Any, end: Any) -> np.ndarray:
    """The unknowns of the problem with levels where the search with offsets has ended."""
    import jax.numpy as jnp

    import nmm_infer as nmm

    sites = {str(name): jnp.asarray(values.values) for name, values in end.data_vars.items()}
    offset, amplitude = sites.pop("observe.offset"), sites.pop("observe.amplitude")
    drawn = from_rest(network(who.connectome, sites["model.x0"], sites["coupling.G"], sites["initial"]))
    seen = contacts(who.gain, amplitude, offset, levels=False)(nmm.solve(drawn, SAMPLES * STEP, step=STEP))
    level = np.asarray(seen.values).mean(axis=0)
    return np.asarray(
        target.flatten(
            {**sites, "observe.parts.0.amplitude": amplitude, "observe.parts.1.level": jnp.asarray(level)}
        )
    )
