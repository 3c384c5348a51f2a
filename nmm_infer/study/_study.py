"""A study: the same question to many recordings."""

import hashlib
import json
import re
import uuid
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from .._tools import _html as html
from .._tools._files import write_whole
from .._tools._keys import random_key
from .._tools._kinds import kind_of
from ..check import diagnose
from ..check._store import settings_of
from ..check._table import TAILS, convergence, element_label
from ..check._text import aligned
from ..infer import AbstractEngine
from ..infer._progress import Steps, progress_bar
from ..results import load
from ._fit import InterruptedFitError, failure_path, fit, result_path

SETTINGS = "study.json"
# Names of fits are names of files on all systems.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
STATES = ("done", "failed", "missing")
SHOWN = 60  # characters of what is said of a fit
HEADS = ("fit", "state", "verdict", "R-hat", "ESS", "seconds")
COLUMNS = ("fit", "parameter", "element", "unit", "mean", "sd", "5 %", "95 %", "r_hat", "ess_bulk", "ok")


class Entry(NamedTuple):
    """One fit of a study.

    Fields:
        name: of the fit.
        state: "done", "failed" or "missing".
        said: the verdict of `diagnose`, or the error.
        r_hat, ess: the worst of all parameters; NaN where they do not apply.
        seconds: that it took.
    """

    name: str
    state: str
    said: str
    r_hat: float
    ess: float
    seconds: float


class Study:
    """Fits of many recordings, each kept the moment it ends.

    A study that was stopped, by Ctrl-C, an error or a power cut, goes on where it was: what is finished is
    not fitted again. A fit that fails leaves its traceback in the folder and stops no other. Every fit has a
    random key of its own, made of the study's and of its name, so that neither their order nor who runs them
    changes a draw. Recordings of one shape share one compilation, if `make` builds the same problem.

    What a fit asks is not compared: after a change of the model or of a recording, choose another folder, or
    delete the results that are out of date.

    Args:
        make: from the name of a fit to its problem and its data, such as a function that reads a file; on
            other machines it is sent to them.
        names: of the fits, which become names of files: "sub-01", "sub-01_ses-2".
        engine: draws each posterior.
        folder: for the results, `NAME.nc`, and `NAME.failure.txt`; it is made if it does not exist.
        key: random key or seed.

    Raises:
        ValueError: names that are no file names or come twice, or a folder of a study with another engine or
            key, or of something else.
        TypeError: no engine, or `make` cannot be called.
    """

    def __init__(
        self,
        make: Callable[[str], tuple[Any, Any]],
        names: Iterable[str],
        engine: AbstractEngine,
        folder: str | Path,
        *,
        key: PRNGKeyArray | int = 0,
    ):
        if not callable(make):
            raise TypeError(
                f"Study(make=...) got {kind_of(make)}, expected a function from a name to (problem, data)"
            )
        if not isinstance(engine, AbstractEngine):
            raise TypeError(f"Study(engine=...) got {kind_of(engine)}, expected an engine such as NUTS()")
        self.make, self.engine = make, engine
        self.names = _checked([names] if isinstance(names, str) else list(names))
        self.key = random_key(key, "Study(key=...)")
        self.folder = Path(folder).expanduser().resolve()  # `make` may go elsewhere
        self.folder.mkdir(parents=True, exist_ok=True)
        self._claim()

    def run(self, *, retry: bool = True, client: Any = None, progress: bool = True) -> "Study":
        """Fits what is missing.

        Args:
            retry: fit again what has failed.
            client: a `distributed.Client` whose workers see the folder: a `LocalCluster`, or SLURM's through
                dask-jobqueue. None: one fit after another, here.
            progress: show a bar of the fits, and here the engine's own bars.

        Returns:
            The study itself, which prints as a table.
        """
        waiting = [
            entry.name
            for entry in self._states()
            if entry.state == "missing" or (retry and entry.state == "failed")
        ]
        if client is None:
            self._here(waiting, progress)
        else:
            self._there(waiting, client, progress)
        return self

    def _here(self, waiting: list[str], progress: bool) -> None:
        done = 0
        for number, name in enumerate(waiting, 1):
            if progress:
                print(f"{name} ({number} of {len(waiting)})", flush=True)
            try:
                error = fit(self.make, self.engine, name, self._words(name), str(self.folder), progress)
            except (InterruptedFitError, KeyboardInterrupt):
                print(f"stopped in {name}; {done} of {len(waiting)} are done, the next run goes on")
                return
            done += not error
            if error:
                print(f"{name} failed: {error}; see {failure_path(self.folder, name)}", flush=True)

    def _there(self, waiting: list[str], client: Any, progress: bool) -> None:
        from distributed import as_completed  # pyright: ignore[reportMissingImports]

        # A key of its own for each: of an older one the scheduler may remember what came out.
        names = {f"fit-{name}-{uuid.uuid4().hex}": name for name in waiting}
        futures = [
            client.submit(
                fit, self.make, self.engine, name, self._words(name), str(self.folder), False, key=key
            )
            for key, name in names.items()
        ]
        try:
            with progress_bar(progress) as bars:
                bar, failed = Steps(bars, "fits", max(len(waiting), 1)), 0
                for future in as_completed(futures, raise_errors=False):
                    if future.status == "finished":
                        failed += bool(future.result())
                    else:  # it has written nothing: the next run fits it again
                        failed += 1
                        print(f"{names[future.key]} was lost: {future.exception()}", flush=True)
                    bar.advance(1, f"{failed} failed" if failed else "")
        finally:
            client.cancel(futures)

    def entries(self) -> tuple[Entry, ...]:
        """Every fit, what became of it, and whether to trust it."""
        return tuple(self._judged(entry) for entry in self._states())

    def result(self, name: str) -> Any:
        """The result of a fit, an `xarray.DataTree`.

        Raises:
            ValueError: no such fit, or one that is not done.
        """
        if name not in self.names:
            raise ValueError(f"result({name!r}): the study has {', '.join(self.names[:8])}")
        if not result_path(self.folder, name).exists():
            failure = failure_path(self.folder, name)
            why = f"it failed: see {failure}" if failure.exists() else "it has not been run yet"
            raise ValueError(f"result({name!r}): {why}")
        return load(result_path(self.folder, name))

    def summary(self) -> Any:
        """A `pandas.DataFrame` with a row for every parameter, or every region of it, of every fit that is
        done: estimates, 90 % intervals, diagnostics. Save it by `.to_csv(...)`.
        """
        import pandas as pd

        rows = [row for entry in self._states() if entry.state == "done" for row in self._rows(entry.name)]
        return pd.DataFrame(rows, columns=list(COLUMNS))

    def combined(self) -> Any:
        """Posterior draws of all fits that are done, an `xarray.Dataset` with the dim `fit`; variables whose
        shapes differ between fits are left out. Save it by `.to_zarr(...)` or `.to_netcdf(...)`.

        Raises:
            ValueError: no fit is done.
        """
        import xarray as xr

        done = [entry.name for entry in self._states() if entry.state == "done"]
        if not done:
            raise ValueError("combined(): no fit is done yet; call run() first")
        posteriors = [self.result(name)["posterior"].to_dataset() for name in done]
        shared = [
            name
            for name, data in posteriors[0].data_vars.items()
            if all(name in other and _alike(other[name], data) for other in posteriors)
        ]
        left_out = sorted({str(name) for one in posteriors for name in one.data_vars} - set(map(str, shared)))
        if left_out:
            warnings.warn(
                f"combined(): {', '.join(left_out[:6])} have other shapes, or other labels, in some of the"
                " fits, and are left out",
                stacklevel=2,
            )
        parts = [posterior[shared] for posterior in posteriors]
        return xr.concat(parts, dim=_axis(done), join="exact", combine_attrs="drop_conflicts")

    def __str__(self) -> str:
        entries = self.entries()
        cells = [
            (name, state, said if len(said) <= SHOWN else f"{said[: SHOWN - 1]}…", *numbers)
            for name, state, said, *numbers in map(_cells, entries)
        ]
        return "\n".join([self._head(entries), "", *aligned([HEADS, *cells], left=3)])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        entries = self.entries()
        return html.heading(self._head(entries)) + html.rows(HEADS, map(_cells, entries))

    def _head(self, entries: tuple[Entry, ...]) -> str:
        counts = {state: sum(entry.state == state for entry in entries) for state in STATES}
        told = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
        return f"Study of {len(entries)} fits: {told}"

    def _claim(self) -> None:
        """The folder belongs to this engine and key; draws of others would be taken for theirs."""
        words = jax.random.key_data(self.key)
        mine = {"engine": settings_of(self.engine), "key": np.asarray(words).ravel().tolist()}
        path = self.folder / SETTINGS
        if not path.exists() and any(self.folder.iterdir()):
            raise ValueError(
                f"Study(folder={str(self.folder)!r}) is not empty, and holds no study ({SETTINGS} is"
                " missing); choose another folder"
            )
        if path.exists():
            before = json.loads(path.read_text(encoding="utf-8"))
            other = [name for name, value in mine.items() if before.get(name) != value]
            if other:
                raise ValueError(
                    f"Study(folder={str(self.folder)!r}) holds fits of another {' and '.join(other)}:"
                    f" {before.get(other[0])} there, {mine[other[0]]} here; choose another folder, or"
                    " delete this one"
                )
        else:
            write_whole(path, f"{json.dumps(mine, indent=1)}\n".encode())

    def _words(self, name: str) -> list[int]:
        """Of the key of a fit."""
        number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
        folded = jax.random.fold_in(self.key, number)
        return np.asarray(jax.random.key_data(folded)).ravel().tolist()

    def _states(self) -> list[Entry]:
        nan = float("nan")
        found = []
        for name in self.names:
            failure = failure_path(self.folder, name)
            if _is_readable(result_path(self.folder, name)):
                found.append(Entry(name, "done", "", nan, nan, nan))
            elif failure.exists():
                said = (failure.read_text(encoding="utf-8").splitlines() or ["unknown"])[0]
                found.append(Entry(name, "failed", said, nan, nan, nan))
            else:
                found.append(Entry(name, "missing", "", nan, nan, nan))
        return found

    def _judged(self, entry: Entry) -> Entry:
        if entry.state != "done":
            return entry
        tree = self.result(entry.name)
        diagnosis = diagnose(tree)
        r_hats = [row.r_hat for row in diagnosis.table if np.isfinite(row.r_hat)]
        sizes = [row.ess_bulk for row in diagnosis.table if np.isfinite(row.ess_bulk)]
        return entry._replace(
            said=diagnosis.verdict,
            r_hat=max(r_hats, default=float("nan")),
            ess=min(sizes, default=float("nan")),
            seconds=float(tree.attrs.get("wall_time_s", float("nan"))),
        )

    def _rows(self, name: str) -> list[tuple[Any, ...]]:
        tree = self.result(name)
        diagnosis = diagnose(tree)
        posterior = tree["posterior"].to_dataset()
        return [
            row
            for known in diagnosis.shown
            for row in _elements(name, posterior[known.name], known, diagnosis.ok)
        ]


def _is_readable(path: Path) -> bool:
    """Whether a result is there, whole: what was cut by something else counts as missing."""
    import h5py  # pyright: ignore[reportMissingImports]

    if not path.exists():
        return False
    try:
        with h5py.File(path, "r") as file:
            return "posterior" in file
    except OSError:
        return False


def _alike(one: Any, other: Any) -> bool:
    """Whether two variables have the same axes with the same labels."""
    return one.sizes == other.sizes and all(one[dim].equals(other[dim]) for dim in one.dims)


def _axis(names: list[str]) -> Any:
    """The axis of the fits."""
    import pandas as pd

    return pd.Index(names, name="fit")


def _elements(fit_name: str, data: Any, row: Any, ok: bool) -> list[tuple[Any, ...]]:
    """A parameter, one row for each of its values. A point has no interval."""
    one = data.isel(chain=0, draw=0)
    draws = data.transpose("chain", "draw", ...).values.astype(float)
    r_hat, bulk, _ = convergence(data.transpose("chain", "draw", ...), draws)
    known = np.isfinite(row.r_hat) or np.isfinite(row.ess_bulk)  # not of independent draws
    draws = draws.reshape(-1, one.size)
    several = len(draws) > 1
    low, high = np.quantile(draws, TAILS, axis=0) if several else np.full((2, one.size), np.nan)
    sd = draws.std(axis=0) if several else np.full(one.size, np.nan)
    worth = [np.ravel(values) if known else np.full(one.size, np.nan) for values in (r_hat, bulk)]
    return [
        (
            *(fit_name, row.name, element_label(one, i), row.unit, draws[:, i].mean(), sd[i]),
            *(low[i], high[i], worth[0][i], worth[1][i], ok),
        )
        for i in range(one.size)
    ]


def _cells(entry: Entry) -> tuple[str, ...]:
    """As texts, columns as in `HEADS`."""
    numbers = ((entry.r_hat, 3), (entry.ess, 0), (entry.seconds, 0))
    shown = (f"{value:.{digits}f}" if np.isfinite(value) else "" for value, digits in numbers)
    return (entry.name, entry.state, entry.said, *shown)


def _checked(names: list[str]) -> tuple[str, ...]:
    wrong = [name for name in names if not isinstance(name, str) or not NAME.fullmatch(name)]
    if wrong:
        raise ValueError(
            f"Study(names=...) got {wrong[0]!r}, expected names of files: letters, digits, and . _ + -"
            " between them"
        )
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated or not names:
        raise ValueError(
            f"Study(names=...) repeats {', '.join(repeated[:5])}" if repeated else "Study(names=...) is empty"
        )
    return tuple(names)
