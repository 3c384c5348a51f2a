"""Derivatives of cross-spectra by every regional parameter of every model, in the open and at 1 % from where
the network becomes unstable.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nmm_infer as nmm
from nmm_infer.linear import fixed_point, is_stable, linearise

M = nmm.models
LENGTHS = [[0.0, 40.0, 70.0], [40.0, 0.0, 30.0], [70.0, 30.0, 0.0]]
CONNECTOME = nmm.Connectome(
    [[0.0, 1.0, 0.3], [0.8, 0.0, 0.5], [0.4, 0.6, 0.0]], LENGTHS
).scaled_by_spectral_radius()
FREQUENCIES = jnp.asarray([1e-3, 6e-3, 11e-3, 30e-3])
# Regions differ.
SPREAD = np.array([0.98, 1.0, 1.03])


class Path(NamedTuple):
    """A network on its way to instability.

    Fields:
        network: at a place on the way.
        start, end: where it is stable, and where it is not.
        prepare: how parameters follow from others.
    """

    network: Callable[[Any], Any]
    start: float
    end: float
    prepare: Callable[[Any], Any] = lambda network: network


def coupled(model: Any, G: float, noise: float = 1e-3, speed: float | None = None) -> Any:
    return nmm.Network(
        model, CONNECTOME, nmm.couplings.Additive(G=G), noise=nmm.noises.Additive(sigma=noise), speed=speed
    )


# Along a coupling, an input or a recurrence; what happens at the end is a fold or a Hopf bifurcation.
PATHS = {
    "Linear": Path(lambda x: coupled(M.Linear(gamma=-0.2), x), 0.05, 0.4),
    "LeakyIntegrator": Path(lambda x: coupled(M.LeakyIntegrator(tau=15.0), x), 0.3, 2.0),
    "Hopf": Path(lambda x: coupled(M.Hopf(a=x - 0.2, omega=0.07), 0.02), 0.05, 0.4),
    "StuartLandau": Path(lambda x: coupled(M.StuartLandau(a=x - 0.2, omega=0.07), 0.02), 0.05, 0.4),
    "ReducedWongWang": Path(lambda x: coupled(M.ReducedWongWang(w=x, I_o=0.3), 0.1), 0.5, 1.6),
    "WongWangExcInh": Path(lambda x: coupled(M.WongWangExcInh(w_p=x), 0.1), 1.0, 4.0, nmm.balance),
    "JansenRit": Path(lambda x: coupled(M.JansenRit(mu=x, v0=6.0), 1.0), 0.02, 0.2),
    "JansenRit, delays": Path(lambda x: coupled(M.JansenRit(mu=x, v0=6.0), 1.0, speed=4.0), 0.02, 0.2),
    "WilsonCowan, fold": Path(lambda x: coupled(M.WilsonCowan(P=x), 0.05), 0.02, 0.5),
    "WilsonCowan, Hopf": Path(
        lambda x: coupled(M.WilsonCowan(P=x, c_ee=16.0, c_ei=12.0, c_ie=15.0, c_ii=3.0), 0.05), 0.02, 0.5
    ),
    "MontbrioPazoRoxin": Path(lambda x: coupled(M.MontbrioPazoRoxin(eta=x), 0.1), -8.0, -2.5),
}


def away(name: str, x: Any) -> tuple[Callable[[dict[str, Any]], Any], dict[str, Any]]:
    """What makes the network of that place from regional parameters, and these."""
    path, network = PATHS[name], PATHS[name].network(x)
    values = {
        of: jnp.asarray(getattr(network.model, of), float) * SPREAD for of in type(network.model).parameters()
    }

    def build(values: dict[str, Any]) -> Any:
        return path.prepare(
            eqx.tree_at(lambda n: [getattr(n.model, of) for of in values], network, list(values.values()))
        )

    return build, values


@functools.cache
def edge(name: str) -> float:
    """Where it becomes unstable, or its fixed point vanishes: the first of many places, then by halves."""
    path = PATHS[name]

    def place(x: Any) -> Any:
        build, values = away(name, x)
        network = build(values)
        rest = fixed_point(network)
        return rest.ravel(), is_stable(linearise(network, point=rest))

    xs = np.linspace(path.start, path.end, 60)
    rests, fine = jax.jit(lambda xs: jax.lax.map(place, xs))(xs)
    moved = np.linalg.norm(np.diff(rests, axis=0), axis=1)
    gone = [k for k in range(2, len(xs)) if not fine[k] or moved[k - 1] > 10 * moved[k - 2] + 1e-6]
    assert gone
    last, next_, decide = xs[gone[0] - 1], xs[gone[0]], jax.jit(place)
    here, there = rests[gone[0] - 1], rests[gone[0]]
    for _ in range(40):
        middle = 0.5 * (last + next_)
        rest, stable = decide(middle)
        inside = stable and (not fine[gone[0]] or np.linalg.norm(rest - here) < np.linalg.norm(rest - there))
        last, next_ = (middle, next_) if inside else (last, middle)
    return last


@pytest.mark.filterwarnings("ignore:.*outside of its declared range")
@pytest.mark.parametrize("where", ["far", "at 1 %"])
@pytest.mark.parametrize(
    "name",
    [name if name == "ReducedWongWang" else pytest.param(name, marks=pytest.mark.slow) for name in PATHS],
)
def test_derivatives_of_cross_spectra_are_those_of_differences(name, where):
    """By every parameter, along a random direction of its regions, to 1e-5 of its largest derivative."""
    path = PATHS[name]
    x = path.start if where == "far" else edge(name) + 0.01 * abs(edge(name)) * np.sign(path.start - path.end)
    build, values = away(name, x)
    likelihood = nmm.likelihoods.Spectral(band=(1e-3, 40e-3))
    weights = jnp.asarray(np.random.default_rng(0).normal(size=(2, len(FREQUENCIES), 3, 3)))

    def total(values):
        S, fine = likelihood.cross_spectra(build(values), nmm.observe.Subsample(), FREQUENCIES, 5.0)
        return jnp.where(fine, jnp.sum(weights[0] * S.real + weights[1] * S.imag), jnp.nan)

    rng = np.random.default_rng(1)
    directions = {
        of: jnp.asarray(rng.choice([-1.0, 1.0], size=3) * rng.uniform(0.5, 1.0, size=3)) for of in values
    }
    steps = {
        of: 1e-5 * jnp.where(jnp.any(value != 0), jnp.abs(value).max(), 1.0) for of, value in values.items()
    }
    beside = [
        {**values, of: values[of] + k * steps[of] * directions[of]}
        for of in values
        for k in (-2.0, -1.0, 1.0, 2.0)
    ]
    every = jax.jit(lambda places: jax.lax.map(total, places))(
        jax.tree.map(lambda *leaves: jnp.stack(leaves), *beside)
    )
    quotients = np.asarray(every).reshape(-1, 4) @ np.array([1.0, -8.0, 8.0, -1.0]) / 12.0
    # Nothing is shown by NaN on both sides: the network has to be stable there.
    assert np.isfinite(quotients).all()
    gradient = jax.jit(jax.grad(total))(values)
    for of, quotient in zip(values, quotients / np.asarray(list(steps.values())), strict=True):
        slope, size = jnp.sum(gradient[of] * directions[of]), jnp.abs(gradient[of]).max()
        np.testing.assert_allclose(slope, quotient, rtol=0, atol=1e-5 * size + 1e-300, err_msg=of)
