"""Likelihoods of a simulated recording."""
