"""Simulation."""

from ._simulate import simulate as simulate
from ._solve import solve as solve
from ._terms import terms as terms
