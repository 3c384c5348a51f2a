"""One optimiser after the other."""

from ._optimiser import AbstractOptimiser


class InTurn(AbstractOptimiser):
    """One optimiser after the other, each from where the one before ended: `InTurn(Adam(2000),
    Newton(best=4))`.
    """

    optimisers: tuple[AbstractOptimiser, ...]

    def __init__(self, *optimisers: AbstractOptimiser):
        self.optimisers = optimisers
        if not optimisers or not all(isinstance(each, AbstractOptimiser) for each in optimisers):
            raise TypeError(
                f"InTurn(...) got {optimisers!r}, expected optimisers, such as InTurn(optimisers.Adam(2000),"
                " optimisers.Newton())"
            )

    @property
    def steps(self) -> int:
        return sum(each.steps for each in self.optimisers)

    @property
    def squares(self):
        return any(each.squares for each in self.optimisers)

    def search(self, objective, starts, bar):
        spent = 0
        for each in self.optimisers:
            ends = each.search(objective, starts, bar)
            spent, starts = spent + ends.gradients, ends.positions
            if ends.interrupted:
                break
        return ends._replace(gradients=spent)
