"""Inference engines. A new one is one file and one line here."""

from . import devices as devices
from . import metrics as metrics
from . import starts as starts
from . import stopping as stopping
from . import optimisers as optimisers
from .base import AbstractEngine as AbstractEngine
from .cmaes import CMAES as CMAES
from .laplace import Laplace as Laplace
from .hmc import HMC as HMC
from .map import MAP as MAP
from .nuts import NUTS as NUTS
from .pathfinder import Pathfinder as Pathfinder
from .smc import SMC as SMC
from .stalling import Stalled as Stalled
from .starting import AbstractStart as AbstractStart
from .svi import SVI as SVI
