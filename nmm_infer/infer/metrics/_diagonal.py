"""A variance for each unknown."""

from blackjax.adaptation.metric_recipes import lookup_recipe

from ._metric import AbstractMetric, as_it_is


class Diagonal(AbstractMetric):
    """A variance for each unknown."""

    def core(self, warmup):
        return lookup_recipe("welford_diag").build_core()

    def coordinates(self, target, key, chains, start, progress):
        return as_it_is(target, key, chains, start, progress)
