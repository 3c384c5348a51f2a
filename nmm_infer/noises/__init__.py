"""Noises. A new one is one file and one line here."""

from .additive import Additive as Additive
from .base import AbstractNoise as AbstractNoise
from .innovations import Innovations as Innovations
from .ornstein_uhlenbeck import OrnsteinUhlenbeck as OrnsteinUhlenbeck
