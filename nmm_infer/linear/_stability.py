"""Whether a linearised network is stable, delays included."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from .._tools._kinds import kind_of
from ._linearisation import Linearisation
from ._local import resolvent
from ._loop_gain import local_eigenvalues, region_gains

# Points of the frequency axis on which the phase of the characteristic function is followed; as long as it
# jumps by more than SHARP (radians) between two of them, up to so many more.
NYQUIST_POINTS, MORE_POINTS, SHARP = 192, 32, 1.0
# How much larger the gain of a region of three states or more might be between the frequencies at which it is
# looked at.
GAIN_MARGIN = 1.05


@eqx.filter_jit
def is_stable(lin: Linearisation) -> Bool[Array, ""]:
    """Whether every mode decays. Not differentiable, and False where anything is NaN.

    Networks without inhibition (whatever arrives excites, as do states among each other) are positive
    systems: their stability does not depend on delays (Haddad & Chellaboina 2004) and is decided by one
    linear solve. Others are stable, if there are no delays, where all distances shrink, which is one Cholesky
    factor. Regions that are stable alone stay so, whatever the delays, where what goes round between them
    shrinks at every frequency (small gain; Zames 1966), which is another solve. Otherwise by eigenvalues, or
    with delays by the number of times the characteristic function goes round zero (Nyquist).

    The phase is followed on 192 frequencies, and on more where it jumps; two resonances much sharper than the
    grid in the same gap may still hide each other. `nmm.dynamics.eigenvalues` solves the characteristic
    equation itself, outside jit.

    Raises:
        TypeError: a network, which has to be linearised first.
    """
    if not isinstance(lin, Linearisation):
        raise TypeError(
            f"is_stable(lin=...) got {kind_of(lin)}, expected a Linearisation: nmm.linear.linearise(network)"
        )
    arrays, static = eqx.partition(jax.tree.map(jax.lax.stop_gradient, lin), eqx.is_array)
    leaves, structure = jax.tree.flatten(arrays)

    def of_leaves(decide: Callable[[Linearisation], Any]) -> Callable[..., Any]:
        return lambda *leaves: decide(eqx.combine(jax.tree.unflatten(structure, leaves), static))

    quickly, count = map(of_leaves, (_quickly, _counted))

    @jax.custom_batching.custom_vmap
    def stable(*leaves: Array) -> Bool[Array, ""]:
        settled, verdict = quickly(*leaves)
        return jax.lax.cond(settled, lambda *_: verdict, count, *leaves)

    @stable.def_vmap
    def _(size: int, batched: Any, *leaves: Array) -> tuple[Bool[Array, " network"], bool]:
        # Of many networks at once `cond` would go both ways for each, and eigenvalues are found one after the
        # other, on a GPU too.
        axes = [0 if is_batched else None for is_batched in batched]
        soon, counted = (jax.vmap(decide, axes, axis_size=size) for decide in (quickly, count))
        settled, verdict = soon(*leaves)
        return (
            jax.lax.cond(
                settled.all(),
                lambda *_: verdict,
                lambda *leaves: jnp.where(settled, verdict, counted(*leaves)),
                *leaves,
            ),
            True,
        )

    return stable(*leaves)


def _quickly(lin: Linearisation) -> tuple[Bool[Array, ""], Bool[Array, ""]]:
    """Whether one solve decides, and what."""
    excites = _excites(lin)
    verdict = jax.lax.cond(excites, lambda: _positive(lin.jacobian()), lambda: _shrinks(lin))
    # Contraction and small gain are enough and not necessary: without them, nothing is decided.
    return excites | verdict, verdict


def _shrinks(lin: Linearisation) -> Bool[Array, ""]:
    """Whether small gain or contraction decides; the former is looked at first, for its solve is of the
    messages, that of contraction of all states.
    """
    damped = _damped(lin)
    return jax.lax.cond(damped, lambda: damped, lambda: _contracts(lin))


def _excites(lin: Linearisation) -> Bool[Array, ""]:
    """Whether nothing inhibits."""
    local = jnp.einsum("str,st->str", lin.A, 1.0 - jnp.eye(lin.n_states))
    arriving = jnp.einsum("smr,rq,mtq->srtq", lin.B, lin.weights, lin.C)
    return jnp.all(local >= 0) & jnp.all(arriving >= 0)


def _contracts(lin: Linearisation) -> Bool[Array, ""]:
    """Whether all distances shrink from the first moment on: the symmetric part of the Jacobian is negative
    definite. Nothing of networks with delays.

    Sufficient, not necessary: of states in different units it knows little. It is what diffusively coupled
    oscillators do.
    """
    if lin.delays is not None:
        return jnp.asarray(False)
    J = lin.jacobian()
    return jnp.all(jnp.isfinite(jnp.linalg.cholesky(-0.5 * (J + J.T), symmetrize_input=False)))


def _damped(lin: Linearisation) -> Bool[Array, ""]:
    """Whether every region is stable alone, and the largest gain of each, at whatever frequency, is too small
    for a loop through others to grow.

    Sufficient, not necessary. Of regions of three states or more the largest gain is not known exactly, and
    taken somewhat larger than what is found.
    """
    eigenvalues = local_eigenvalues(lin.A)  # "region state"
    calm = jnp.all(jnp.isfinite(eigenvalues)) & (jnp.max(eigenvalues.real) < 0)
    n, messages = lin.n_regions, lin.n_messages
    if messages == 0:
        return calm
    largest = (1.0 if lin.n_states <= 2 else GAIN_MARGIN) * region_gains(lin, eigenvalues)
    loop = jnp.einsum("mlr,rk->mrlk", largest, jnp.abs(lin.weights)).reshape(messages * n, messages * n)
    return calm & _is_m_matrix(jnp.eye(messages * n) - loop)


def _counted(lin: Linearisation) -> Bool[Array, ""]:
    return _by_eigenvalues(lin.jacobian()) if lin.delays is None else _by_winding(lin)


def _positive(J: Array) -> Bool[Array, ""]:
    """-J is a nonsingular M-matrix exactly when -J x = 1 has a positive solution (Berman & Plemmons 1994, ch.
    6), whatever the scale of its rows.

    What is nearer to the edge than rounding can tell counts as stable: a density that is zero at random there
    would stop trajectories at random.
    """
    n = J.shape[0]
    M = -J / jnp.abs(jnp.diagonal(J))[:, None] + n * jnp.finfo(J.dtype).eps * jnp.eye(n, dtype=J.dtype)
    return _is_m_matrix(M)


def _is_m_matrix(M: Float[Array, "n n"]) -> Bool[Array, ""]:
    """Whether M, of no positive number off its diagonal, is a nonsingular M-matrix: M x = 1 has a positive
    solution.
    """
    x = jnp.linalg.solve(M, jnp.ones(M.shape[0], M.dtype))
    return jnp.all(jnp.isfinite(x)) & jnp.all(x > 0)


def _by_eigenvalues(J: Array) -> Bool[Array, ""]:
    return jnp.all(jnp.isfinite(J)) & (jnp.max(jnp.linalg.eigvals(jnp.nan_to_num(J)).real) < 0)


def _by_winding(lin: Linearisation) -> Bool[Array, ""]:
    """Nyquist: det(I - C R B K) winds round 0 once for each unstable mode, if every region alone is stable.

    Regions that are unstable alone are not rescued by delays in any model of interest, and count as unstable.
    """
    n, messages = lin.n_regions, lin.n_messages
    local = local_eigenvalues(lin.A)
    # Beyond the fastest local mode plus the strongest coupling the loop gain is below 1.
    fastest = jnp.max(jnp.abs(local)) + jnp.max(jnp.abs(lin.jacobian()).sum(axis=1))
    grid = fastest * jnp.linspace(0.0, 1.0, NYQUIST_POINTS) ** 2

    def phase(omega: Array) -> Array:
        R = resolvent(lin.A, omega)
        CB = jnp.einsum("msr,str,tlr->mlr", lin.C, R, lin.B)
        K = lin.weights * jnp.exp(-1j * omega * lin.delays)  # pyright: ignore[reportOperatorIssue]
        loop = jnp.einsum("mlr,rk->mrlk", CB, K).reshape(messages * n, messages * n)
        return jnp.angle(jnp.linalg.slogdet(jnp.eye(messages * n) - loop)[0])

    angles = jnp.unwrap(_refined(phase, grid, jax.lax.map(phase, grid)))
    # Half of the axis: a full turn for a pair of unstable modes, half a turn for a real one.
    turns = jnp.abs(angles[-1] - angles[0]) / jnp.pi
    return jnp.all(jnp.isfinite(angles)) & (jnp.max(local.real) < 0) & (turns < 0.5)


def _refined(
    phase: Callable[[Array], Array], grid: Float[Array, " frequency"], angles: Float[Array, " frequency"]
) -> Float[Array, " finer"]:
    """Phases in the order of frequency, with new points in the middle of the greatest jump: a mode at a
    distance ε from the axis turns the phase within ε.

    The loop ends at once where there is no sharp jump, so that smooth networks pay nothing.
    """

    def jumps(angles: Array) -> Array:
        return jnp.abs(jnp.remainder(jnp.diff(angles) + jnp.pi, 2.0 * jnp.pi) - jnp.pi)

    def going(carry: tuple[Array, Array, Array]) -> Array:
        return (carry[2] < MORE_POINTS) & (jumps(carry[1]).max() > SHARP)

    def insert(carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        grid, angles, n = carry
        i = jnp.argmax(jumps(angles))
        middle = 0.5 * (grid[i] + grid[i + 1])
        # Places that are not used yet repeat the last frequency; the last of all is one of them.
        grid, angles = grid.at[-1].set(middle), angles.at[-1].set(phase(middle))
        order = jnp.argsort(grid)
        return grid[order], angles[order], n + 1

    finer, phases = (jnp.concatenate([a, jnp.full(MORE_POINTS, a[-1])]) for a in (grid, angles))
    return jax.lax.while_loop(going, insert, (finer, phases, jnp.asarray(0)))[1]
