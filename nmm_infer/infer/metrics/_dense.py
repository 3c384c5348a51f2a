"""A full covariance."""

from blackjax.adaptation.metric_recipes import lookup_recipe

from ._metric import AbstractAdaptive


class Dense(AbstractAdaptive):
    """A full covariance: for up to a hundred or so correlated unknowns."""

    def core(self, warmup):
        return lookup_recipe("welford_dense").build_core()
