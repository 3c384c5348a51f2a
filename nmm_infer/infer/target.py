"""The posterior as a function of one flat vector."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Bool, Float, PRNGKeyArray
from numpyro import handlers
from numpyro.infer.util import constrain_fn, potential_energy, unconstrain_fn

from ..likelihoods.base import AbstractObserved
from ..problem import Problem

# Prior draws looked at for one start; their median by site is a central point that still differs between chains.
DRAWS_PER_START = 15


class Target:
    """Unconstrained log density of a problem given data.

    Where the model fails (an unstable network, a diverged simulation) the log density is -inf with
    gradient zero, so that a sampler rejects the point instead of meeting a NaN.
    """

    def __init__(self, problem: Problem, observed: AbstractObserved):
        # Arrays in the precision of this context: NumPy constants that a program of the other precision
        # has seen would keep it.
        self.problem = _in_precision(problem)
        self.observed = observed
        self.sites = self._trace()
        example = {name: site["value"] for name, site in self.sites.items() if site["type"] == "sample"}
        flat, self._unravel = ravel_pytree(unconstrain_fn(self._prior, (), {}, example))
        self.size = flat.size
        self.names = sorted(example)

    def _prior(self) -> None:
        self.problem.draw()

    def _trace(self) -> dict[str, Any]:
        with handlers.seed(rng_seed=0):
            trace = handlers.trace(self._prior).get_trace()
        return {name: site for name, site in trace.items() if site["type"] in ("sample", "deterministic") and not site.get("is_observed")}

    def dims(self, name: str) -> tuple[str, ...]:
        """Names of the plates that site `name` lies in, outermost first."""
        frames = sorted(self.sites[name]["cond_indep_stack"], key=lambda frame: frame.dim) if "cond_indep_stack" in self.sites[name] else []
        return tuple(frame.name for frame in frames)

    def log_density(self, x: Float[Array, " latent"]) -> Float[Array, ""]:
        """Log posterior density (not normalised) in unconstrained coordinates, Jacobians included."""
        return _guarded(self._raw)(x)

    def _raw(self, x: Float[Array, " latent"]) -> Float[Array, ""]:
        return -potential_energy(self.problem.model, (self.observed,), {}, self._unravel(x))  # pyright: ignore[reportReturnType]

    def log_prior(self, x: Float[Array, " latent"]) -> Float[Array, ""]:
        """Log prior density in unconstrained coordinates."""
        return -potential_energy(self._prior, (), {}, self._unravel(x))  # pyright: ignore[reportReturnType]

    def constrain(self, x: Float[Array, " latent"]) -> dict[str, Array]:
        """All sites, deterministic ones included, in the units of their priors. Runs no simulation."""
        return constrain_fn(self._prior, (), {}, self._unravel(x), return_deterministic=True)

    def unravel(self, x: Float[Array, " latent"]) -> dict[str, Array]:
        """Unconstrained values by site."""
        return self._unravel(x)

    def prior_draw(self, key: PRNGKeyArray) -> Float[Array, " latent"]:
        """A draw from the prior, unconstrained."""
        with handlers.seed(rng_seed=key):
            trace = handlers.trace(self._prior).get_trace()
        values = {name: trace[name]["value"] for name in self.names}
        return ravel_pytree(unconstrain_fn(self._prior, (), {}, values))[0]

    def shared_scales(self) -> Bool[np.ndarray, " latent"]:
        """Which unknowns are the free scale of a hierarchy."""
        sites = {prior.scale_site(name) for name, prior in self.problem.priors.items()}
        mask = {name: jnp.full(jnp.shape(value), float(name in sites)) for name, value in self._unravel(jnp.zeros(self.size)).items()}
        return np.asarray(ravel_pytree(mask)[0]) > 0

    def prior_median(self) -> Float[np.ndarray, " latent"]:
        """The prior's median, unknown by unknown, unconstrained."""
        draws = jax.jit(jax.vmap(self.prior_draw))(jax.random.split(jax.random.key(0), 1000))
        return np.median(np.asarray(draws), axis=0)

    def starts(self, key: PRNGKeyArray, n: int) -> Float[np.ndarray, "chain latent"]:
        """Points of finite density, each the median of some draws from the prior.

        Never uniform on (-2, 2): informative priors are then ignored, and most chains end in wrong modes.

        Raises:
            ValueError: no draw from the prior has a finite density.
        """
        draws = jax.jit(jax.vmap(self.prior_draw))(jax.random.split(key, n * DRAWS_PER_START))
        groups = np.asarray(draws).reshape(n, DRAWS_PER_START, self.size)
        density = jax.jit(self.log_density)
        starts = []
        for group in groups:
            candidates = [np.median(group, axis=0), *group]
            start = next((x for x in candidates if np.isfinite(density(x))), None)
            if start is None:
                raise ValueError(
                    f"none of {len(candidates)} draws from the prior has a finite density: the network is unstable or the simulation diverges there; "
                    "narrow the priors (global coupling, noise) or use a smaller step"
                )
            starts.append(start)
        return np.stack(starts)


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


def _in_precision(tree: Any) -> Any:
    return jax.tree.map(lambda x: jnp.asarray(x) if isinstance(x, np.ndarray) else x, tree)
