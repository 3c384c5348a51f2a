"""The posterior as a function of one flat vector."""

import collections
import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray
from numpyro import handlers
from numpyro.infer.util import constrain_fn, potential_energy, unconstrain_fn

from ..likelihoods._failure import Failure
from ..priors._whole import whole
from ..problems import AbstractConditioned, AbstractProblem
from ..problems._base import jax_arrays
from .devices import AbstractArrangement, Vectorised

# Prior draws looked at for one start; their median by site is a central point that still differs between
# chains.
DRAWS_PER_START = 15
# Draws of the prior that are looked at for starts, at most; of many chains, so many for each.
MOST_DRAWS, MOST_PER_START = 1000, 50
# Draws mapped at once where each may run a simulation.
BATCH = 50
# Points that `densities` has room for, at least.
ROOM = 64


class CompiledKey:
    """What programs are compiled for, beside the arrays of a target: targets that hold the same one share
    them. It is equal to itself alone.
    """

    def __init__(self, conditioned: AbstractConditioned):
        self._conditioned, self._double = conditioned, _double()

    def serves(self, conditioned: AbstractConditioned) -> bool:
        """Whether programs of this key are right for `conditioned` in the precision of this context."""
        return self._double == _double() and conditioned.alike(self._conditioned)


# Keys of late, the newest last: what was compiled longer ago is compiled again.
_RECENT: collections.deque[CompiledKey] = collections.deque(maxlen=16)


def _key_of(conditioned: AbstractConditioned) -> CompiledKey:
    for key in reversed(_RECENT):
        if key.serves(conditioned):
            return key
    _RECENT.append(CompiledKey(conditioned))
    return _RECENT[-1]


def _double() -> bool:
    return jax.config.jax_enable_x64  # pyright: ignore[reportAttributeAccessIssue]


class Aside:
    """Something that goes with a program's arguments without being one: all are equal, so that none of them
    has a program of its own.
    """

    def __init__(self, value: Any):
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Aside)

    def __hash__(self) -> int:
        return 0


class Target(eqx.Module):
    """Unconstrained log density of a problem given data.

    Where the model fails (an unstable network, a diverged simulation) the log density is -inf with
    gradient zero, so that a sampler rejects the point instead of meeting a NaN.

    A pytree, to be an argument of compiled programs: `target.given(values)` is the posterior given other
    data, for which nothing is compiled anew.

    Args:
        conditioned: what `problem.condition(data)` returned; used in the precision of this context.
    """

    values: Any
    compiled_key: CompiledKey = eqx.field(static=True)
    # Of a form with that which programs were compiled for, and maybe of another subject.
    _own: Aside = eqx.field(static=True)
    size: int = eqx.field(static=True)
    names: tuple[str, ...] = eqx.field(static=True)
    _unravel: Callable[[Array], dict[str, Array]] = eqx.field(static=True)

    def __init__(self, conditioned: AbstractConditioned):
        whole()
        self.compiled_key = _key_of(conditioned)
        self._own = Aside(_in_precision(conditioned))
        self.values = jax.tree.map(jnp.asarray, self._own.value.values)
        shapes = jax.eval_shape(lambda key: self._unconstrained_draw(key), jax.random.key(0))
        flat, self._unravel = ravel_pytree(jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes))
        self.size = flat.size
        self.names = tuple(sorted(shapes))

    @property
    def conditioned(self) -> AbstractConditioned:
        """The problem given `values`."""
        return self._own.value.with_values(self.values)

    @property
    def problem(self) -> AbstractProblem:
        """What is unknown."""
        return self._own.value.problem

    def given(self, values: Any) -> "Target":
        """The posterior given other data of the same shape."""
        return eqx.tree_at(lambda target: target.values, self, values)

    def prior(self) -> None:
        """The prior as a NumPyro model, deterministic sites included."""
        self.conditioned.prior()

    def _unconstrained_draw(self, key: PRNGKeyArray) -> dict[str, Array]:
        with handlers.block(), handlers.trace() as trace, handlers.seed(rng_seed=key):
            self.conditioned.unknowns()
        latent = {
            name: site["value"]
            for name, site in trace.items()
            if site["type"] == "sample" and not site["is_observed"]
        }
        return unconstrain_fn(self.conditioned.unknowns, (), {}, latent)

    def log_density(self, x: Float[Array, " latent"]) -> Float[Array, ""]:
        """Log posterior density (not normalised) in unconstrained coordinates, Jacobians included."""
        return _guarded(self._raw)(x)

    def _raw(self, x: Float[Array, " latent"]) -> Float[Array, ""]:
        return -potential_energy(self.conditioned.model, (), {}, self._unravel(x))  # pyright: ignore[reportReturnType]

    def log_prior(self, x: Float[Array, " latent"]) -> Float[Array, ""]:
        """Log prior density in unconstrained coordinates."""
        return -potential_energy(self.conditioned.unknowns, (), {}, self._unravel(x))  # pyright: ignore[reportReturnType]

    def log_likelihood(self, x: Float[Array, " latent"]) -> Float[Array, ""]:
        """Log likelihood, factors included; -inf where the model fails."""
        return self.log_density(x) - self.log_prior(x)

    def constrain(self, x: Float[Array, " latent"]) -> dict[str, Array]:
        """All sites, deterministic ones included, in the units of their priors. For a Problem it runs no
        simulation.
        """
        return constrain_fn(self.prior, (), {}, self._unravel(x), return_deterministic=True)

    @eqx.filter_jit
    def constrain_all(self, latent: Float[Array, "chain draw latent"]) -> dict[str, Array]:
        """`constrain` of many draws."""
        return self.for_each(self.constrain, latent)

    def for_each(
        self,
        function: Callable[..., Any],
        latent: Float[Array, "chain draw latent"],
        *others: Array,
        arrangement: AbstractArrangement | None = None,
    ) -> Any:
        """`function` of each draw, some at a time: memory for a few simulations, however many draws.

        Args:
            function: of a flat vector of unknowns, and of a slice of each of `others`.
            latent, others: `["chain draw …"]`.
            arrangement: how draws share the machine; None: one processor does them all, which is best for
                functions that take no time.
        """
        flat = tuple(x.reshape(-1, *x.shape[2:]) for x in (latent, *others))
        mapped = (arrangement or Vectorised()).each(function, flat, BATCH)
        return jax.tree.map(lambda x: x.reshape(*latent.shape[:2], *x.shape[1:]), mapped)

    def unravel(self, x: Float[Array, " latent"]) -> dict[str, Array]:
        """Unconstrained values by site."""
        return self._unravel(x)

    def flatten(self, sites: dict[str, Array]) -> Float[Array, " latent"]:
        """The inverse of `constrain`; sites that are no unknowns are ignored."""
        with handlers.block():
            return ravel_pytree(
                unconstrain_fn(self.prior, (), {}, {name: sites[name] for name in self.names})
            )[0]

    def join(self, draws: Mapping[str, Any]) -> Float[np.ndarray, "chain draw latent"]:
        """Draws by site, unconstrained, each `["chain draw …"]`, as flat vectors.

        Raises:
            ValueError: they are of other unknowns.
        """
        expected = {name: x.shape for name, x in self.unravel(jnp.zeros(self.size)).items()}
        got = {name: np.shape(x)[2:] for name, x in draws.items()}
        if got != expected:
            raise ValueError(
                f"got draws of {_listed(got)}, the problem has the unknowns {_listed(expected)}; pass what an"
                " engine returned for this problem"
            )
        # Flat vectors have their sites in the order of names.
        return np.concatenate(
            [
                np.asarray(draws[name], dtype=np.float64).reshape(*np.shape(draws[name])[:2], -1)
                for name in self.names
            ],
            axis=-1,
        )

    def prior_draw(self, key: PRNGKeyArray) -> Float[Array, " latent"]:
        """A draw from the prior, unconstrained."""
        return ravel_pytree(self._unconstrained_draw(key))[0]

    @eqx.filter_jit
    def value_and_gradient(
        self, x: Float[Array, " latent"]
    ) -> tuple[Float[Array, ""], Float[Array, " latent"]]:
        """`log_density` and its gradient at one point, compiled once."""
        return jax.value_and_grad(self.log_density)(x)

    def prior_draws(self, key: PRNGKeyArray, n: int) -> Float[Array, "draw latent"]:
        """`n` draws from the prior, unconstrained.

        Not compiled as a whole: the samplers of ten Gamma distributions in one program take seconds to
        compile, one after the other they are one program.
        """
        return jax.vmap(self.prior_draw)(jax.random.split(key, n))

    def densities(self, x: Float[Array, "draw latent"]) -> Float[Array, " draw"]:
        """`log_density` of many points, one after the other. One program does it for any number up to a power
        of two.
        """
        n = len(x)
        room = max(ROOM, 1 << (n - 1).bit_length())
        return self._densities(jnp.zeros((room, self.size), x.dtype).at[:n].set(x), jnp.asarray(n))[:n]

    @eqx.filter_jit
    def _densities(self, x: Float[Array, "room latent"], n: Int[Array, ""]) -> Float[Array, " room"]:
        return jax.lax.fori_loop(
            0,
            n,
            lambda i, found: found.at[i].set(self.log_density(x[i])),
            jnp.zeros(len(x), jax.eval_shape(self.log_density, x[0]).dtype),
        )

    @eqx.filter_jit
    def failures(self, x: Float[Array, "point latent"]) -> Int[Array, " point"]:
        """Why the density is zero (`Failure`) at points where it is; no gradients, one after the other."""
        return jax.lax.map(self._failure, x)

    def _failure(self, x: Float[Array, " latent"]) -> Int[Array, ""]:
        known = self.conditioned.failure(self.constrain(x))
        # What the problem does not explain is NaN or overflows: the density, or its gradient alone.
        return jnp.where(known > 0, known, int(Failure.NOT_FINITE))

    def shared_scales(self) -> Bool[np.ndarray, " latent"]:
        """Which unknowns are the free scale of a hierarchy."""
        return self.belonging(self.problem.shared_scales().__contains__)

    def belonging(self, chosen: Callable[[str], bool]) -> Bool[np.ndarray, " latent"]:
        """Which unknowns are of sites with a name that is `chosen`."""
        return self._mask(lambda name, shape: chosen(name))

    def single(self) -> Bool[np.ndarray, " latent"]:
        """Which unknowns are the only number of their site."""
        return self._mask(lambda name, shape: shape == ())

    def _mask(self, chosen: Callable[[str, tuple[int, ...]], bool]) -> Bool[np.ndarray, " latent"]:
        mask = {
            name: jnp.full(jnp.shape(value), float(chosen(name, jnp.shape(value))))
            for name, value in self._unravel(jnp.zeros(self.size)).items()
        }
        return np.asarray(ravel_pytree(mask)[0]) > 0

    def prior_median(self) -> Float[np.ndarray, " latent"]:
        """The prior's median, unknown by unknown, unconstrained."""
        return np.median(np.asarray(self.prior_draws(jax.random.key(0), 1000)), axis=0)

    def starts(self, key: PRNGKeyArray, n: int, *, spread: bool = False) -> Float[np.ndarray, "chain latent"]:
        """Points of finite density, each the median of some draws from the prior; or single draws, `spread`
        over all of it.

        Medians are central, so that chains begin where the prior's mass is. Searches for several modes need
        what lies apart. Never uniform on (-2, 2): informative priors are then ignored, and most chains end in
        wrong modes.

        Each chain has draws of its own. One without a finite density among them takes one of what the others
        have not used, or of further draws; where fewer than `n` are found, chains share them.

        Raises:
            ValueError: no draw from the prior has a finite density; says why.
        """
        groups = np.asarray(self.prior_draws(key, n * DRAWS_PER_START)).reshape(n, DRAWS_PER_START, self.size)
        tried: list[np.ndarray] = []

        def finite(x: np.ndarray) -> bool:
            tried.append(x)
            return bool(np.isfinite(self.value_and_gradient(jnp.asarray(x))[0]))

        starts: list[np.ndarray | None] = []
        unused: list[np.ndarray] = []
        for group in groups:
            candidates = iter(group if spread else [np.median(group, axis=0), *group])
            starts.append(next(filter(finite, candidates), None))
            unused.extend(candidates)
        missing = [i for i, start in enumerate(starts) if start is None]
        pool = itertools.chain(
            unused, self._further(key, max(MOST_DRAWS, n * MOST_PER_START) - n * DRAWS_PER_START)
        )
        found = list(itertools.islice(filter(finite, pool), len(missing)))
        shared = found or [start for start in starts if start is not None]
        if not shared:
            raise ValueError(self._nowhere(np.stack(tried)))
        for i, start in zip(missing, itertools.cycle(shared)):
            starts[i] = start
        return np.stack([start for start in starts if start is not None])

    def _further(self, key: PRNGKeyArray, n: int) -> Iterator[np.ndarray]:
        for batch in range(-(-n // BATCH)):
            yield from np.asarray(self.prior_draws(jax.random.fold_in(key, batch), BATCH))[
                : n - batch * BATCH
            ]

    def _nowhere(self, tried: np.ndarray) -> str:
        counts = collections.Counter(
            Failure(int(code)) for code in np.asarray(self.failures(jnp.asarray(tried)))
        )
        why = ", ".join(f"{reason.words} at {count}" for reason, count in counts.most_common())
        return (
            f"none of {len(tried)} draws from the prior has a finite density: {why}; narrow the priors"
            " (global coupling, noise) or use a smaller step"
        )


def _in_precision(conditioned: AbstractConditioned) -> AbstractConditioned:
    """Its arrays in the precision of this context: constants that a program of the other precision has seen
    would keep it.
    """
    conditioned = jax_arrays(conditioned)
    problem = jax.tree.map(lambda x: jnp.asarray(x) if isinstance(x, np.ndarray) else x, conditioned.problem)
    return eqx.tree_at(lambda conditioned: conditioned.problem, conditioned, problem)


def _listed(shapes: dict[str, tuple[int, ...]]) -> str:
    return ", ".join(f"{name} {list(shape)}" for name, shape in sorted(shapes.items())) or "nothing"


def _guarded(function: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """`function` with -inf in the place of NaN, and a gradient that is zero wherever either is not finite."""

    @jax.custom_vjp
    def guarded(x: Array) -> Array:
        value = function(x)
        return jnp.where(jnp.isnan(value) | (value == jnp.inf), -jnp.inf, value)

    def forward(x: Array) -> tuple[Array, Array]:
        value, gradient = jax.value_and_grad(function)(x)
        fine = jnp.isfinite(value) & jnp.all(jnp.isfinite(gradient))
        return jnp.where(fine, value, -jnp.inf), jnp.where(fine, gradient, 0.0)

    def backward(gradient: Array, cotangent: Array) -> tuple[Array]:
        return (cotangent * gradient,)

    guarded.defvjp(forward, backward)
    return guarded
