"""A variance for each unknown."""

from blackjax.adaptation.metric_recipes import lookup_recipe

from ._metric import AbstractAdaptive


class Diagonal(AbstractAdaptive):
    """A variance for each unknown."""

    def core(self, warmup):
        return lookup_recipe("welford_diag").build_core()
