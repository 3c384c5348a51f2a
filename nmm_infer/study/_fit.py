"""One fit of a study, here or on a worker."""

import contextlib
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax

from .._tools._files import write_whole
from ..results import save

# NumPyro's handlers are one stack for all threads: a worker with several does one fit after another.
_ONE_AT_A_TIME = threading.Lock()
RESULT, FAILURE = ".nc", ".failure.txt"


class InterruptedFitError(Exception):
    """A fit was stopped before its end; what it had drawn is not kept."""


def result_path(folder: Path, name: str) -> Path:
    """Where the result of a fit is."""
    return folder / f"{name}{RESULT}"


def failure_path(folder: Path, name: str) -> Path:
    """Where a fit that failed has left its traceback."""
    return folder / f"{name}{FAILURE}"


def fit(
    make: Callable[[str], tuple[Any, Any]], engine: Any, name: str, words: list[int], folder: str, bars: bool
) -> str:
    """Makes problem and data, fits, and writes the result, or the traceback of what went wrong.

    Args:
        make: from the name of a fit to its problem and data.
        engine: draws.
        name: of the fit.
        words: of its random key.
        folder: where its files go.
        bars: whether progress is shown.

    Returns:
        "" for a fit that is done; else the first line of the error.

    Raises:
        InterruptedFitError: by Ctrl-C.
    """
    with _ONE_AT_A_TIME:
        place = Path(folder)
        try:
            key = jax.random.wrap_key_data(jax.numpy.asarray(words, dtype="uint32"))
            problem, data = make(name)
            tree = engine(problem, data, key=key, progress=bars)
            tree.attrs["fit"] = name
            if int(tree.attrs.get("interrupted", 0)):
                raise InterruptedFitError(name)
            save(tree, result_path(place, name))
        except InterruptedFitError:
            raise
        except Exception as error:
            said = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
            told = f"{said}\n\n{''.join(traceback.format_exception(error))}"
            write_whole(failure_path(place, name), told.encode("utf-8", "backslashreplace"))
            return said
        with contextlib.suppress(FileNotFoundError):
            failure_path(place, name).unlink()
        return ""
