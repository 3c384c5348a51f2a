"""Likelihoods of a network that is linear around its rest."""
