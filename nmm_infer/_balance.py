"""Feedback inhibition control."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float

from ._networks._network import Network
from ._tools._implicit import implicit_root
from ._tools._kinds import kind_of
from .models._transfer import rate as firing_rate
from .models._wong_wang_exc_inh import WongWangExcInh
from .priors._sample import priors
from .units import to_canonical

MAX_STEPS = 64


def balance(network: Network, rate: Any = 0.003) -> Network:
    r"""The same network with local inhibition `J_i` such that every region rests at the firing rate `rate`.

    Without it a region's rate follows the strength of its connections, and no global coupling of interest
    keeps all of them physiological. At rest H_e(x_e) = rate gives x_e and S_e, S_i follows from
    x_i = J_N S_e - S_i + W_i I_o + λ J_N c, and x_e is linear in J_i, so

    J_i = (w_p J_N S_e + W_e I_o + J_N c + I_ext - x_e) / S_i

    is exact whatever the coupling and the regional parameters, and needs no iteration over the network. Its
    gradient is the implicit one, so that coupling and regional parameters can be inferred while rates stay:
    `nmm.Problem(..., prepare=nmm.balance)`, or `nmm.balance(nmm.sample(network))` in a NumPyro model of
    one's own. Whether the state is stable is for `nmm.linear.is_stable` to say.

    Deco et al. 2014 (J Neurosci 34:7886) find J_i by repeated simulation; the analytic form is that of
    Demirtaş et al. 2019 (Neuron 101:1181).

    Args:
        network: of `WongWangExcInh` in all regions, coupled through S_e; without priors.
        rate: of the excitatory pools, a Quantity or kHz; one number or one for each region. 3 Hz by default.

    Returns:
        The network with one `J_i` for each region; NaN where a traced network has no positive solution, or a
        traced rate is not positive.

    Raises:
        TypeError: another model.
        ValueError: priors, another source than S_e, a rate that is not positive, a region that cannot rest at
            it.
    """
    model = _check(network)
    rates = _rates(rate, network.n_regions)
    x_e = _solve(
        lambda x, p: firing_rate(x, p[0], p[1], p[2]) - p[3],
        (model.a_e, model.b_e, model.d_e, rates),
        (model.b_e + rates) / model.a_e,
    )
    drive = model.tau_e * model.gamma_e * rates
    S_e = drive / (1.0 + drive)
    (c,) = network.undelayed(jnp.stack([S_e, jnp.zeros_like(S_e)]))
    arriving = model.J_N * S_e + model.W_i * model.I_o + model.lamda * model.J_N * c
    gain = model.tau_i * model.gamma_i  # S_i = gain H_i(x_i)
    x_i = _solve(
        lambda x, p: x - p[0] + p[1] * firing_rate(x, p[2], p[3], p[4]),
        (arriving, gain, model.a_i, model.b_i, model.d_i),
        arriving,
    )
    excess = model.w_p * model.J_N * S_e + model.W_e * model.I_o + model.J_N * c + model.I_ext - x_e
    J_i = excess / (arriving - x_i)
    _check_positive(J_i, network, rates)
    return eqx.tree_at(lambda n: n.model.J_i, network, jnp.where((J_i > 0) & (rates > 0), J_i, jnp.nan))


def _solve(
    function: Callable[[Array, Any], Array], parameters: tuple[Any, ...], start: Any
) -> Float[Array, " region"]:
    """Roots, region by region. Both functions are convex and increasing and start above their root, where
    Newton's method cannot fail.
    """
    first = jnp.asarray(start)
    first = jnp.broadcast_to(first, jnp.broadcast_shapes(first.shape, *(jnp.shape(p) for p in parameters)))
    tolerance = 1e-12 if first.dtype == jnp.float64 else 1e-6

    def value_and_slope(x: Array, p: tuple[Any, ...]) -> tuple[Array, Array]:
        return jax.jvp(lambda x: function(x, p), (x,), (jnp.ones_like(x),))

    def find(given: tuple[tuple[Any, ...], Array]) -> Array:
        p, start = given

        def going(carry: tuple[Array, Array, Array]) -> Array:
            k, x, change = carry
            return (k < MAX_STEPS) & jnp.any(jnp.abs(change) > tolerance * (1.0 + jnp.abs(x)))

        def advance(carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
            k, x, _ = carry
            value, slope = value_and_slope(x, p)
            return k + 1, x - value / slope, value / slope

        return jax.lax.while_loop(going, advance, (jnp.asarray(0), start, jnp.full_like(start, jnp.inf)))[1]

    return implicit_root(
        (parameters, jax.lax.stop_gradient(first)),
        find=find,
        residual=lambda x, given: function(x, given[0]),
        solve=lambda x, given, b: b / value_and_slope(x, given[0])[1],
    )


def _check(network: Network) -> WongWangExcInh:
    if not isinstance(network, Network) or not isinstance(network.model, WongWangExcInh):
        got = network.model.title() if isinstance(network, Network) else kind_of(network)
        raise TypeError(
            f"balance(network=...) got {got}, expected a Network of nmm.models.WongWangExcInh in every region"
        )
    if priors(network):
        raise ValueError(
            f"balance(network=...) has priors at {', '.join(priors(network))}; draw them first, or pass"
            " nmm.Problem(..., prepare=nmm.balance)"
        )
    for coupling in network.couplings:
        if network.source_of(coupling) != ("S_e",):
            raise ValueError(
                f"balance(network=...): {type(coupling).__name__} sends"
                f" {', '.join(network.source_of(coupling))}, expected S_e alone"
            )
    return network.model


def _rates(rate: Any, n: int) -> Float[Array, " region"]:
    value = to_canonical(rate, "kHz", "balance(rate=...)")
    numbers = isinstance(value, Tracer) or np.asarray(value).dtype.kind in "iuf"
    if not numbers or (
        not isinstance(value, Tracer) and not (np.all(np.isfinite(value)) and np.all(np.asarray(value) > 0))
    ):
        raise ValueError(
            f"balance(rate=...) got {rate}, expected a positive firing rate such as 3 * u.Hz; a bare number"
            " is in kHz"
        )
    if np.shape(value) not in ((), (n,)):
        raise ValueError(
            f"balance(rate=...) has shape {np.shape(value)}, expected one rate or one for each of the"
            f" network's {n} regions"
        )
    return jnp.broadcast_to(jnp.asarray(value), (n,))


def _check_positive(J_i: Any, network: Network, rates: Any) -> None:
    if isinstance(J_i, Tracer):
        return
    bad = np.flatnonzero(~(np.asarray(J_i) > 0))
    if bad.size:
        labels = ", ".join(network.connectome.labels[i] for i in bad[:5])
        raise ValueError(
            f"balance(...): {bad.size} regions ({labels}) would need an inhibition J_i of"
            f" {float(np.asarray(J_i)[bad].min()):g} nA to rest at {1e3 * float(np.asarray(rates)[bad[0]]):g}"
            " Hz, expected a positive one; they get too little excitation: raise I_o, w_p or G, or lower the"
            " rate"
        )
