"""Regions and what connects them."""
