"""What can give another engine its start."""

import abc

import equinox as eqx
import numpy as np
from jaxtyping import Float, PRNGKeyArray
from rich.progress import Progress

from .target import Target


class AbstractStart(eqx.Module):
    """Finds one point from which another engine begins."""

    @abc.abstractmethod
    def start(self, target: Target, key: PRNGKeyArray, progress: Progress) -> Float[np.ndarray, " latent"]:
        """An unconstrained point of finite density."""
