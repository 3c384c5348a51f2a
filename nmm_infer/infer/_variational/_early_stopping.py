"""When a noisy loss has stopped falling."""

import equinox as eqx
import numpy as np
from jaxtyping import Float


class Stalled(eqx.Module):
    """Ends a search when the mean loss of the last `window` steps is no lower than that of the window before.

    Lower by more than `tolerance` nats and by more than two standard errors, that is: single losses are too
    noisy to compare.

    Args:
        window: steps that are averaged.
        tolerance: nats in a window that are not worth waiting for.
    """

    window: int = eqx.field(static=True, default=500)
    tolerance: float = eqx.field(static=True, default=0.1)

    def __check_init__(self):
        if self.window < 10:
            raise ValueError(f"Stalled(window=...) got {self.window}, expected at least 10 steps")

    def __call__(self, losses: Float[np.ndarray, " step"]) -> bool:
        """Whether the search may end."""
        if losses.size < 2 * self.window:
            return False
        before, last = losses[-2 * self.window : -self.window], losses[-self.window :]
        if not np.all(np.isfinite(last)):
            return False
        before = before[np.isfinite(before)]
        error = np.hypot(before.std(), last.std()) / np.sqrt(self.window)
        return bool(before.size == 0 or before.mean() - last.mean() < max(self.tolerance, 2.0 * error))
