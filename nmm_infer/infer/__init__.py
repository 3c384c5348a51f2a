"""Inference engines. A new one is one file and one line here."""

from . import devices as devices
from . import metrics as metrics
from . import optimisers as optimisers
from . import starts as starts
from . import stopping as stopping
from .adjusted_mclmc import AdjustedMCLMC as AdjustedMCLMC
from .base import AbstractEngine as AbstractEngine
from .bridge import bridge_sampling as bridge_sampling
from .chees import ChEES as ChEES
from .cmaes import CMAES as CMAES
from .hmc import HMC as HMC
from .laplace import Laplace as Laplace
from .map import MAP as MAP
from .mclmc import MCLMC as MCLMC
from .nuts import NUTS as NUTS
from .pathfinder import Pathfinder as Pathfinder
from .smc import SMC as SMC
from .stacking import stack as stack
from .stalling import Stalled as Stalled
from .svi import SVI as SVI
