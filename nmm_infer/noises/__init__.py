"""Noises. A new one is one file and one line here."""

from ._additive import Additive as Additive
from ._base import AbstractNoise as AbstractNoise
from ._innovations import Innovations as Innovations
from ._ornstein_uhlenbeck import OrnsteinUhlenbeck as OrnsteinUhlenbeck
