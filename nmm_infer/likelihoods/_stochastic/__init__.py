"""Likelihoods that infer the noise of the dynamics, too."""
