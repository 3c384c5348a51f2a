"""What a file may hold of a recording."""

from typing import NamedTuple

import numpy as np


class Recording(NamedTuple):
    """Values as the file has them; labels of rows and columns, and the time step (ms), where it
    states them.
    """

    values: np.ndarray
    rows: list[str] | None = None
    columns: list[str] | None = None
    step: float | None = None
