"""Variances and some directions."""

from blackjax.adaptation.metric_recipes import lookup_recipe

from ._metric import AbstractMetric, as_it_is


class LowRank(AbstractMetric):
    """Variances and the ten most deviant directions, from draws and gradients (Seyboldt et al. 2026)."""

    def core(self, warmup):
        return lookup_recipe("fisher_low_rank").build_core(
            buffer_size=min(2 * max(warmup // 5, 128), max(warmup, 1))
        )

    def coordinates(self, target, key, chains, start, progress):
        return as_it_is(target, key, chains, start, progress)
