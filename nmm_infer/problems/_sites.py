"""What a NumPyro model consists of."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import jax
import numpy as np


class Site(NamedTuple):
    """One statement of a model, without its numbers.

    Fields:
        name: of the site.
        observed: conditioned on data, or a factor.
        auxiliary: a factor, or another part of the density that is no data.
        deterministic: computed from other sites.
        discrete: its support is.
        shape: of the value.
        dims: names of the value's axes.
        batch: number of axes that the pointwise log density has.
    """

    name: str
    observed: bool
    auxiliary: bool
    deterministic: bool
    discrete: bool
    shape: tuple[int, ...]
    dims: tuple[str, ...]
    batch: int

    @property
    def latent(self) -> bool:
        """Unknown: drawn, not observed, not computed."""
        return not (self.observed or self.deterministic)


def sites_of(model: Callable[[], Any]) -> dict[str, Site]:
    """The sites of `model`, by name, in its order. Nothing is computed: the model is traced with abstract
    draws.

    Raises:
        ValueError: a plate draws a subset of its indices, or a site has no proper distribution to draw from.
    """
    from numpyro import handlers

    found: dict[str, Site] = {}

    def run(key: Any) -> None:
        # Blocked, for a user's own handlers may be looking on.
        with handlers.block(), handlers.trace() as trace, handlers.seed(rng_seed=key):
            model()
        for site in trace.values():
            if site["type"] == "plate" and site["args"][1] not in (None, site["args"][0]):
                raise ValueError(
                    f"plate {site['name']!r} draws {site['args'][1]} of {site['args'][0]}, so that the"
                    " density is random; leave subsample_size out"
                )
        found.update(
            {name: _site(site) for name, site in trace.items() if site["type"] in ("sample", "deterministic")}
        )

    try:
        jax.eval_shape(run, jax.random.key(0))
    except NotImplementedError as error:
        raise ValueError(
            f"a site cannot be drawn from its prior ({error or 'it has no sample method'}); give every"
            " unknown a proper distribution"
        ) from error
    return found


def _site(site: dict[str, Any]) -> Site:
    shape = tuple(np.shape(site["value"]))
    drawn = site["type"] == "sample"
    # A deterministic value may have axes of its own, but nobody knows on which side of its plates'.
    batch = len(site["fn"].batch_shape) if drawn else len(shape)
    frames = site.get("cond_indep_stack") or []
    return Site(
        name=site["name"],
        observed=drawn and site["is_observed"],
        auxiliary=drawn and bool(site["infer"].get("is_auxiliary")),
        deterministic=not drawn,
        discrete=drawn and bool(site["fn"].support.is_discrete),
        shape=shape,
        dims=_dims(site["name"], shape, batch, frames),
        batch=batch,
    )


def _dims(name: str, shape: tuple[int, ...], batch: int, frames: Any) -> tuple[str, ...]:
    """Names of the axes: that of the plate which an axis belongs to, else numbered."""
    names: dict[int, str] = {}
    for frame in sorted(frames, key=lambda frame: frame.dim):
        candidates = [batch + frame.dim, *range(len(shape))]
        axis = next(
            (i for i in candidates if 0 <= i < len(shape) and i not in names and shape[i] == frame.size), None
        )
        if axis is not None:
            names[axis] = frame.name
    own = iter(range(len(shape)))
    return tuple(names[i] if i in names else f"{name}_dim_{next(own)}" for i in range(len(shape)))


@contextmanager
def at(sites: dict[str, jax.Array]) -> Iterator[None]:
    """Statements of a NumPyro model made in here have the values of `sites`, and are seen by no handler
    outside.
    """
    from numpyro import handlers

    with handlers.block(), handlers.substitute(data=sites), handlers.seed(rng_seed=0):
        yield
