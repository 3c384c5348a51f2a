"""Samplers of chains."""
