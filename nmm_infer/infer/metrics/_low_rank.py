"""Variances and some directions."""

from blackjax.adaptation.metric_recipes import lookup_recipe

from ._metric import AbstractAdaptive


class LowRank(AbstractAdaptive):
    """Variances and the ten most deviant directions, from draws and gradients (Seyboldt et al. 2026)."""

    def core(self, warmup):
        return lookup_recipe("fisher_low_rank").build_core(
            buffer_size=min(2 * max(warmup // 5, 128), max(warmup, 1))
        )
