"""Inference engines. A new one is one file and one line here."""

from . import devices as devices
from . import metrics as metrics
from .base import AbstractEngine as AbstractEngine
from .nuts import NUTS as NUTS
from .svi import SVI as SVI
