"""Where a run ended."""

from typing import Any

import equinox as eqx
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float, Int, PRNGKeyArray, UInt32

from ._tools._keys import key_from


class Ending(eqx.Module):
    """All that the next step of a run needs: `nmm.solve(..., after=trajectory.final)` goes on as if the run
    had never stopped.

    A pytree of arrays: it can be mapped over, differentiated, pickled, and written by
    `equinox.tree_serialise_leaves`.

    Fields:
        state: at the end.
        lost: what rounding took from the state, None in double precision.
        history: messages sent at the last steps, the newest last; None without delays.
        noise: the noise's own state; None without one.
        key: numbers of the noise's random key; None without noise, or where noise was given.
        memory: of an observation that streams; None without one.
        n: steps since the first run began, its transient included.
        step: in ms.
        start: time at which the first run began, in ms; its recording began at 0.
        states, regions: names.
        key_kind: what the key is for.
    """

    state: Float[Array, "state region"]
    lost: Float[Array, "state region"] | None
    history: Float[Array, "message region past"] | None
    noise: Float[Array, "noisy region"] | None
    key: UInt32[Array, " number"] | None
    memory: Any
    n: Int[Array, ""]
    step: float = eqx.field(static=True)
    start: float = eqx.field(static=True)
    states: tuple[str, ...] = eqx.field(static=True)
    regions: tuple[str, ...] = eqx.field(static=True)
    key_kind: str | None = eqx.field(static=True)

    @property
    def time(self) -> Any:
        """Time of the state in ms."""
        return (
            self.start
            + (self.n if isinstance(self.n, Tracer) else np.asarray(self.n, np.float64)) * self.step
        )

    @property
    def random_key(self) -> PRNGKeyArray | None:
        """The key of the noise; None without one."""
        return None if self.key is None else key_from(self.key, self.key_kind)
