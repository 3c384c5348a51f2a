"""Parameters from the prior, data from the likelihood: the worlds in which a posterior is checked."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from ...infer._target import Target
from ...likelihoods._capabilities import simulates
from ...problems import AbstractConditioned, AbstractProblem, Problem

# Draws from the prior for one world, before it counts as hopeless.
ATTEMPTS = 100


class Replications(NamedTuple):
    """Some simulations.

    Fields:
        latent: unconstrained parameters, `["simulation latent"]`.
        values: data, a pytree with a leading axis.
        failed: draws of the prior before each that gave no data.
    """

    latent: Float[np.ndarray, "simulation latent"]
    values: Any
    failed: np.ndarray


def example(problem: AbstractProblem, data: Any, caller: str) -> AbstractConditioned:
    """The problem given data of the right shape: those that were passed, or, for a problem that simulates,
    what it would simulate.

    Raises:
        ValueError: nobody knows the shape of the data.
    """
    if data is not None:
        return problem.condition(data)
    if isinstance(problem, Problem) and simulates(problem.likelihood):
        shape = problem._shapes().values.shape
        return problem.condition(np.random.default_rng(0).normal(size=shape))
    what = (
        f"the {type(problem.likelihood).__name__} likelihood does not simulate"
        if isinstance(problem, Problem)
        else "a NumPyro model takes them as they come"
    )
    raise ValueError(
        f"{caller} cannot know the shape of the data ({what}); pass data=, a recording of the right length,"
        " whose numbers do not matter"
    )


def drawer(target: Target, truth: dict[str, Array]) -> Callable[[PRNGKeyArray], Replications]:
    """A function of an array of keys that draws a world for each, the same one whatever the others are; sites
    in `truth` have its values.

    Draws that give no data (NaN: unstable network, diverged simulation) are replaced: the prior is cut off
    where the model works.
    """

    def one(key: Array, attempt: Array) -> tuple[Array, Any]:
        key_prior, key_data = jax.random.split(jax.random.fold_in(key, attempt))
        x = target.prior_draw(key_prior)
        if truth:
            x = target.flatten({**target.constrain(x), **truth})
        return x, target.conditioned.replicate(key_data, target.constrain(x))

    compiled = jax.jit(jax.vmap(one))

    def draw(keys: PRNGKeyArray) -> Replications:
        attempt = np.zeros(len(keys), int)
        while True:
            latent, values = compiled(keys, jnp.asarray(attempt))
            good = np.all([_finite(leaf) for leaf in jax.tree.leaves(values)] + [_finite(latent)], axis=0)
            if good.all():
                return Replications(np.asarray(latent), jax.tree.map(np.asarray, values), attempt)
            attempt = attempt + ~good
            if attempt.max() >= ATTEMPTS:
                raise ValueError(
                    f"none of {ATTEMPTS} draws from the prior gave data: the network is unstable or the"
                    " simulation diverges there; narrow the priors (global coupling, noise) or use a smaller"
                    " step"
                )

    return draw


def _finite(values: Any) -> np.ndarray:
    return np.all(np.isfinite(np.asarray(values)).reshape(len(values), -1), axis=1)
