"""Simulation."""

from .simulate import simulate as simulate
from .solve import solve as solve
from .terms import terms as terms
