"""Archives that ship with the package."""

from importlib import resources

import numpy as np


def load(name: str) -> dict[str, np.ndarray]:
    """The arrays of `files/NAME.npz`; `name` without the suffix."""
    with (
        resources.files(__package__).joinpath("files", f"{name}.npz").open("rb") as stream,
        np.load(stream, allow_pickle=False) as archive,
    ):
        return {key: archive[key] for key in archive.files}


def strings(array: np.ndarray) -> list[str]:
    return [str(item) for item in array]
