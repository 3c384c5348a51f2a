"""When draws are enough."""

import abc

import equinox as eqx
import numpy as np

from .._engine import check_counts

# A look costs about as much as some draws of a small model, so the next one comes after this many times the
# draws of the last.
GROWTH = 1.2
# Ends of the interval that the tail effective sample size is of.
TAILS = (0.05, 0.95)


class AbstractStop(eqx.Module):
    """Looks at the draws between two chunks."""

    @abc.abstractmethod
    def __call__(self, pieces: list[np.ndarray]) -> str:
        """Why the run may end now, or "".

        Args:
            pieces: draws so far in consecutive pieces, each `["chain draw latent"]`.
        """


class Never(AbstractStop):
    """All draws are made."""

    def __call__(self, pieces):
        return ""


class UntilESS(AbstractStop):
    """Until bulk and tail effective sample sizes of every unknown reach `ess`, and every R-hat is below
    `r_hat`.

    Both rank-normalised, over all chains (Vehtari et al. 2021), of the unconstrained unknowns. `draws` of the
    engine is then the most that is drawn. Looked at from `least` draws a chain on, and rarely: stopping at
    the first moment at which noisy estimates look good is optimistic.

    Args:
        ess: effective sample size of the worst unknown.
        r_hat: R-hat of the worst unknown; needs at least two chains.
        least: draws a chain before the first look.
    """

    ess: int = eqx.field(static=True, default=400)
    r_hat: float = eqx.field(static=True, default=1.01)
    least: int = eqx.field(static=True, default=100)

    def __check_init__(self):
        check_counts("UntilESS", ess=self.ess, least=self.least)
        if not self.r_hat > 1:
            raise ValueError(f"UntilESS(r_hat=...) got {self.r_hat}, expected a number above 1, such as 1.01")

    def __call__(self, pieces):
        *before, now = np.cumsum([piece.shape[1] for piece in pieces])
        if now < self.least or not self._due(before, now):
            return ""
        draws = np.concatenate(pieces, axis=1)
        # The cheap test first, which is the last to be passed.
        bulk = _smallest_ess(draws, "bulk")
        if bulk < self.ess:
            return ""
        tail, r_hat = _smallest_ess(draws, "tail"), _largest_r_hat(draws)
        if tail < self.ess or not r_hat < self.r_hat:
            return ""
        return (
            f"after {now} draws a chain: smallest bulk ESS {bulk:.0f}, smallest tail ESS {tail:.0f}, largest"
            f" R-hat {r_hat:.3f}"
        )

    def _due(self, before: list[int], now: int) -> bool:
        """Whether a look is due at `now` draws, if one was taken at each due moment before."""
        due = self.least
        for seen in [*before, now]:
            if seen >= due:
                if seen == now:
                    return True
                due = GROWTH * seen
        return False


def _smallest_ess(draws: np.ndarray, method: str) -> float:
    from arviz_stats.base.array import array_stats

    return float(
        np.nanmin(
            array_stats.ess(
                draws, chain_axis=0, draw_axis=1, method=method, prob=TAILS if method == "tail" else None
            )
        )
    )


def _largest_r_hat(draws: np.ndarray) -> float:
    from arviz_stats.base.array import array_stats

    return (
        float(np.nanmax(array_stats.rhat(draws, chain_axis=0, draw_axis=1)))
        if len(draws) > 1
        else float("nan")
    )
