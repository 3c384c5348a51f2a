"""A search for modes becomes a DataTree."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from ...problems._base import Named, dataset
from .._progress import Steps
from .._run import Point
from .._target import Target
from ._mode import Section, at_best
from .optimisers import AbstractOptimiser, Objective, SearchResults


def prepare(target: Target, key: PRNGKeyArray, n: int) -> tuple[Section, Float[np.ndarray, "start free"]]:
    """The free unknowns of a search, and where it starts in them.

    Free scales of hierarchies are held at their prior's median: the joint mode of a hierarchy lies where its
    posterior has no mass.

    Raises:
        ValueError: no draw from the prior has a finite density, or nothing is free.
    """
    section = section_of(target)
    return section, target.starts(key, n)[:, section.free]


def section_of(target: Target) -> Section:
    """The free unknowns of a search, the scales of hierarchies held at their prior's median.

    Raises:
        ValueError: nothing is free.
    """
    held = target.shared_scales()
    if held.all():
        raise ValueError(
            "every unknown is the free scale of a hierarchy, which has no useful mode; use NUTS or SMC"
        )
    return Section(target.prior_median(), ~held)


def spread_search(
    target: Target,
    optimiser: AbstractOptimiser,
    key: PRNGKeyArray,
    runs: int,
    bar: Steps,
    *,
    spread: bool = True,
) -> tuple[Section, SearchResults]:
    """Searches from draws of the prior, or from its middle, shared scales held; an end where the density is
    none has -inf.

    Raises:
        ValueError: as `section_of`.
    """
    section = section_of(target)
    starts = target.starts(key, runs, spread=spread)[:, section.free]
    ends = optimiser.search(objective(target, section, optimiser.squares), starts, bar)
    return section, ends._replace(
        log_density=np.nan_to_num(np.asarray(ends.log_density, dtype=np.float64), nan=-np.inf)
    )


def objective(target: Target, section: Section, squares: bool = False) -> Objective:
    """The log posterior density of the free unknowns; with residuals if they are asked for.

    Raises:
        ValueError: residuals are asked for, and the density is no sum of squares.
    """
    from ._relaxed_path import freed

    found = Objective(
        section.of(target.log_density),
        section.of(target.densities),
        freed=lambda segment: freed(target, section, segment),
    )
    if not squares:
        return found
    from ._least_squares import residuals

    return found._replace(residuals=section.of(residuals(target)))


def point(target: Target, section: Section, ends: SearchResults, starts: np.ndarray) -> Point:
    """The best end as the one draw of the posterior, and all ends.

    Group `optimization` has for each search, the best first, the log density at start and end, whether it
    ended in the best mode, and the distances of the ends in unconstrained units; group `ends` has the
    parameters there.

    Raises:
        ValueError: no search ended at a finite density.
    """
    import xarray as xr

    if not np.any(np.isfinite(ends.log_density)):
        raise ValueError(
            f"all {len(starts)} searches ended where the density is zero; narrow the priors, or take another"
            " optimiser"
        )
    heights = section.of(target.densities)
    order = np.argsort(-np.nan_to_num(ends.log_density, nan=-np.inf), kind="stable")
    ends = ends._replace(positions=ends.positions[order], log_density=ends.log_density[order])
    best = at_best(heights, ends)
    before = np.asarray(heights(jnp.asarray(starts[order])))
    latent = np.asarray(section.embed(jnp.asarray(ends.positions)), dtype=np.float64)
    searches = {
        "log_density": (("start",), ends.log_density),
        "log_density_at_start": (("start",), before),
        "best_mode": (("start",), best),
        "distance": (("start", "start_2"), np.linalg.norm(latent[:, None] - latent[None], axis=-1)),
    }
    values: dict[str, Array] = jax.jit(jax.vmap(target.constrain))(jnp.asarray(latent))
    dims = target.conditioned.site_dims()
    sites = {name: Named(value, ("start", *dims[name])) for name, value in values.items()}
    return Point(
        latent=latent[None, :1],
        stats={"lp": ends.log_density[None, :1]},
        gradients=ends.gradients,
        failed=latent[~np.isfinite(ends.log_density)],
        interrupted=ends.interrupted,
        groups={"optimization": xr.Dataset(searches), "ends": dataset(sites, target.conditioned.coords())},
        attrs={"modes": _words(ends.log_density, best)}
        | ({} if section.free.all() else {"held": ", ".join(held_sites(target, section))}),
    )


def held_sites(target: Target, section: Section) -> list[str]:
    """Names of the sites that are held."""
    flags = target.unravel(jnp.asarray(~section.free, dtype=float))
    return sorted(name for name, flag in flags.items() if bool(jnp.any(flag > 0)))


def _words(density: np.ndarray, best: np.ndarray) -> str:
    found = f"{int(best.sum())} of {len(best)} searches ended in the best mode (log density {density[0]:.1f})"
    others = density[~best & np.isfinite(density)]
    return found + (
        f"; the best of the others ended {density[0] - others.max():.1f} nats below" if len(others) else ""
    )
