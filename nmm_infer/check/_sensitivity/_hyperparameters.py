"""Derivatives of posterior means by the numbers in the priors."""

from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float

from .._groups import group
from .._unwrapped import unwrapped

# Ends of a support, whose derivative is a flux through them and no covariance.
ENDS = ("low", "high")


def effects(
    tree: Any, problem: Any, data: Any, parameters: list[Any], change: float
) -> tuple[list[str], Float[np.ndarray, "hyperparameter parameter"]]:
    """Names of the hyperparameters, and by how many posterior standard deviations each mean moves if one
    grows by `change`.

    d E[θ]/dη = Cov(θ, ∂ log p(θ | η)/∂η), over the posterior. Locations grow in units of their distribution's
    scale, everything else relative to itself. Arguments that are themselves drawn, as in a hierarchy, are no
    hyperparameters, and ends of a support are left out.

    Raises:
        ValueError: the tree has no draws of an unknown of the problem.
    """
    import jax
    import jax.numpy as jnp

    from ...infer._engine import check_problem, precision
    from ...problems import Problem

    check_problem(problem)
    posterior = group(tree, "posterior")
    values = [
        np.asarray(posterior[name].transpose("chain", "draw", ...).values, dtype=np.float64)
        for name in parameters
    ]
    theta = np.concatenate([array.reshape(array.shape[0] * array.shape[1], -1) for array in values], axis=1)
    names, scores = [], []
    with precision("float64"):
        # The priors of a network are known without data.
        prior = (
            problem.draw if data is None and isinstance(problem, Problem) else problem.condition(data).prior
        )
        first, other = (_priors(prior, posterior.isel(chain=-k, draw=-k)) for k in (0, 1))
        missing = [name for name in first if name not in posterior]
        if missing:
            raise ValueError(
                f"sensitivity(problem=...) has unknowns {', '.join(missing)} that the tree has no draws of;"
                " pass the problem that was fitted"
            )
        for site, distribution in first.items():
            draws = jnp.asarray(posterior[site].transpose("chain", "draw", ...).values, dtype=float)
            for argument, value in _arguments(distribution).items():
                build = _rebuilder(distribution, argument)
                if build is None or not np.array_equal(value, _arguments(other[site]).get(argument, np.nan)):
                    continue
                unit = getattr(unwrapped(distribution), "scale", 1.0) if argument == "loc" else value

                def score(x: Any, build: Any = build, value: Any = value, unit: Any = unit) -> Any:
                    return jax.grad(lambda step: build(value + step * unit).log_prob(x).sum())(0.0)

                names.append(f"{site}.{argument}")
                scores.append(np.asarray(jax.jit(jax.vmap(score))(draws.reshape(-1, *draws.shape[2:]))))
    if not names:
        return [], np.zeros((0, theta.shape[1]))
    S = np.stack(scores)
    return names, change * (S - S.mean(axis=1, keepdims=True)) @ (
        (theta - theta.mean(axis=0)) / theta.std(axis=0)
    ) / len(theta)


def _priors(prior: Callable[[], Any], draw: Any) -> dict[str, Any]:
    """The distribution of each unknown of `prior` where the others have the values of a draw."""
    from numpyro import handlers

    values: dict[str, Any] = {str(name): np.asarray(value.values) for name, value in draw.data_vars.items()}
    with (
        handlers.block(),
        handlers.trace() as trace,
        handlers.substitute(data=values),
        handlers.seed(rng_seed=0),
    ):
        prior()
    return {
        name: site["fn"]
        for name, site in trace.items()
        if site["type"] == "sample" and not site["is_observed"]
    }


def _arguments(distribution: Any) -> dict[str, np.ndarray]:
    """The numbers that a distribution was made with."""
    inner = unwrapped(distribution)
    values = {name: getattr(inner, name, None) for name in inner.arg_constraints if name not in ENDS}
    return {name: np.asarray(value, dtype=float) for name, value in values.items() if value is not None}


def _rebuilder(distribution: Any, argument: str) -> Callable[[Any], Any] | None:
    """The same distribution with another value of one argument; None: nobody knows how to make it."""
    inner = unwrapped(distribution)
    given = {name: getattr(inner, name, None) for name in inner.arg_constraints}

    def build(value: Any) -> Any:
        return type(inner)(**{**given, argument: value})

    try:
        build(given[argument])
    except (TypeError, ValueError):
        return None
    return build
