"""A full covariance."""

from blackjax.adaptation.metric_recipes import lookup_recipe

from ._metric import AbstractMetric, as_it_is


class Dense(AbstractMetric):
    """A full covariance: for up to a hundred or so correlated unknowns."""

    def core(self, warmup):
        return lookup_recipe("welford_dense").build_core()

    def coordinates(self, target, key, chains, start, progress):
        return as_it_is(target, key, chains, start, progress)
