"""One problem fitted to more and more of its data."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from arviz_stats import SamplingWrapper  # pyright: ignore[reportPrivateImportUsage]
from jaxtyping import PRNGKeyArray

from ...infer._datatree import pointwise
from ...infer._engine import AbstractEngine, precision
from ...infer._progress import Steps
from ...infer._target import Target
from ...infer.devices import default_arrangement
from ...problems._base import used
from .._calibration._calibration_report import CONVERGED
from .._calibration._fits import refit
from .._calibration._rank_statistics import r_hat
from .._store import Store
from ._truncated_problem import Truncated


class Refits(SamplingWrapper):
    """Fits to the data before a moment, as ArviZ asks for them; those that were made are kept.

    Args:
        past: the problem given all its data.
        engine, key: of all fits.
        store: where fits are kept, by the number of data that they saw.
        bar: moves on from `begin`, the number of data of the first fit.

    Attributes:
        unfinished: data of the fit that was asked for last.
        apart: R-hat of the fits that had not converged, by their number of data.
    """

    def __init__(
        self, past: Truncated, engine: AbstractEngine, key: PRNGKeyArray, store: Store, bar: Steps, begin: int
    ):
        super().__init__(past)
        self.unfinished = 0
        self.apart: dict[int, float] = {}
        self._past, self._engine, self._key, self._store, self._bar, self._shown = (
            past,
            engine,
            key,
            store,
            bar,
            begin,
        )
        self._values = past.conditioned.values
        self._coords = used(past.coords(), {past.dim: past.size})
        with precision(engine.dtype):
            self._target = Target(past)

    def sel_observations(self, idx: Any) -> tuple[int, np.ndarray]:
        """How many data there are before those that are left out, and which these are."""
        return int(idx[0]), np.asarray(idx)

    def sample(self, modified_observed_data: int) -> dict[str, np.ndarray]:
        """The fit to so many data."""
        n = self.unfinished = modified_observed_data
        if n < self._past.size:
            self._bar.advance(n - self._shown, f"fit to {n} of {self._past.size}")
            self._shown = n
        if n not in self._store.done():
            self._store.write(n, self._fit(n))
        fit = self._store.done()[n]
        if (apart := r_hat(fit["latent"])) > CONVERGED:
            self.apart[n] = apart
        return fit

    def _fit(self, n: int) -> dict[str, np.ndarray]:
        seen = np.arange(self._past.size) < n
        stopped = f"interrupted in the fit to {n} of {self._past.size}"
        run = refit(
            self._engine, self._target, (self._values, seen), jax.random.fold_in(self._key, n), stopped
        )
        arrangement = default_arrangement(run.latent.shape[0] * run.latent.shape[1], self._past.problem)
        with precision(self._engine.dtype), arrangement.threads():
            # Of all data, those that were left out included.
            each, _ = pointwise(self._target, jnp.asarray(run.latent), arrangement)
        if not each.data_vars:
            raise ValueError(
                "leave_future_out: the fit has no pointwise log likelihood, for it would fill the memory;"
                " take fewer draws"
            )
        total = sum(
            np.asarray(
                one.sum([dim for dim in one.dims if dim not in ("chain", "draw", self._past.dim)])
                .transpose("chain", "draw", self._past.dim)
                .values
            )
            for one in each.data_vars.values()
        )
        return {
            "latent": np.asarray(run.latent, dtype=np.float64),
            "log_likelihood": np.asarray(total, dtype=np.float64),
        }

    def get_inference_data(self, fitted_model: dict[str, np.ndarray]) -> Any:
        """A fit as ArviZ reads it: the data of an index together."""
        import xarray as xr

        posterior = xr.Dataset({"latent": (("chain", "draw", "latent_dim_0"), fitted_model["latent"])})
        pointwise = xr.Dataset(
            {"y": (("chain", "draw", self._past.dim), fitted_model["log_likelihood"])}, coords=self._coords
        )
        return xr.DataTree.from_dict({"posterior": posterior, "log_likelihood": pointwise})

    def log_likelihood__i(self, excluded_obs: np.ndarray, idata__i: Any) -> Any:
        """Log likelihoods of data that the fit has not seen."""
        return idata__i["log_likelihood"]["y"].isel({self._past.dim: excluded_obs})
