"""Solvers of our own; every Diffrax solver can be used in their place."""

from .heun import Heun as Heun
