"""Populations that are carried from the prior to the posterior."""
