"""How well models predict Fourier coefficients of a recording that they have not seen."""

import math
from collections.abc import Iterable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from .fits import Fit, fitted, table

# Every third coefficient of a band is left out in turn.
FOLDS = 3


class HeldOut(NamedTuple):
    """What a model predicts of Fourier coefficients that it has not seen.

    Fields:
        elpd: log density of each, averaged over the posterior: `["band bin"]`.
        fits: of each fold.
    """

    elpd: np.ndarray
    fits: list[Fit]

    def numbers(self) -> dict[str, Any]:
        """All but the draws."""
        return {"elpd": self.elpd.tolist(), "fits": [fit.numbers() for fit in self.fits]}

    @classmethod
    def of(cls, numbers: dict[str, Any]) -> "HeldOut":
        """The same without the draws."""
        return cls(np.asarray(numbers["elpd"]), [Fit.of(fit) for fit in numbers["fits"]])


def held_out(
    title: str, problem: Any, data: Any, sampler: Any, folds: Iterable[int] = range(FOLDS)
) -> HeldOut:
    """Coefficients are predicted from a fit without them: every third, from the first, second and third on,
    or from those `folds` only.
    """
    import jax
    import jax.numpy as jnp

    conditioned = problem.condition(data)
    values = np.asarray(conditioned.values)
    bins = np.arange(values.shape[1] // FOLDS * FOLDS)
    elpd = np.full((values.shape[0], len(bins)), np.nan)
    single = jax.jit(lambda sites, value: conditioned.with_values(value).log_likelihood(sites)["y"].values)
    each = jax.jit(jax.vmap(single, in_axes=(0, None)))
    fits = []
    for fold in (folds := tuple(folds)):
        train = conditioned.with_values(values[:, bins[bins % FOLDS != fold]])
        run = partial(sampler, problem, train, key=jax.random.key(fold))
        fits.append(fitted(f"{title}, fold {fold + 1}", run, sampler.warmup))
        posterior = fits[-1].tree["posterior"]
        every = max(1, posterior.sizes["chain"] * posterior.sizes["draw"] // 200)
        sites = {
            name: jnp.asarray(posterior[name].values.reshape(-1, *posterior[name].shape[2:])[::every])
            for name in posterior.data_vars
        }
        for k in bins[bins % FOLDS == fold]:
            log_p = np.asarray(each(sites, jnp.asarray(values[:, [k]])), dtype=np.float64)
            elpd[:, k] = np.logaddexp.reduce(log_p, axis=0) - math.log(len(log_p))
    return HeldOut(elpd[:, np.isin(bins % FOLDS, folds)], fits)


def comparison_table(what: str, found: dict[str, HeldOut]) -> list[str]:
    """Held-out log densities, the differences to the best, and their standard errors over coefficients."""
    sums = {name: one.elpd.sum() for name, one in found.items()}
    best = max(sums, key=lambda name: sums[name])
    rows = []
    for name, one in sorted(found.items(), key=lambda item: -sums[item[0]]):
        difference = (one.elpd - found[best].elpd).ravel()
        error = math.sqrt(difference.size * difference.var(ddof=1))
        fits = one.fits
        rows.append(
            (
                name,
                str(fits[0].unknowns),
                f"{one.elpd.sum():.1f}",
                f"{math.sqrt(one.elpd.size * one.elpd.var(ddof=1)):.1f}",
                "0" if name == best else f"{difference.sum():.1f}",
                "" if name == best else f"{error:.1f}",
                f"{max(fit.r_hat for fit in fits):.3f}",
                f"{min(fit.ess for fit in fits):.0f}",
                f"{sum(fit.seconds for fit in fits):.0f}",
            )
        )
    head = (
        what,
        "unknowns",
        "held-out log density",
        "se",
        "difference",
        "se",
        "R-hat",
        "smallest ESS",
        "seconds of fits",
    )
    return table(head, rows)
