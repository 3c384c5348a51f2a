"""Solvers of our own; every Diffrax solver can be used in their place."""

from ._heun import Heun as Heun
from ._runge_kutta_4 import RungeKutta4 as RungeKutta4
