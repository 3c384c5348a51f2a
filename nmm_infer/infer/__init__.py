"""Inference engines. A new one is one file and one line here."""

from . import devices as devices
from . import metrics as metrics
from . import starts as starts
from ._engine import AbstractEngine as AbstractEngine
from ._evidence._bridge_sampling import bridge_sampling as bridge_sampling
from ._evidence._stacking import stack as stack
from ._mcmc import stopping as stopping
from ._mcmc._adjusted_mclmc import AdjustedMCLMC as AdjustedMCLMC
from ._mcmc._chees import ChEES as ChEES
from ._mcmc._hmc import HMC as HMC
from ._mcmc._mclmc import MCLMC as MCLMC
from ._mcmc._nuts import NUTS as NUTS
from ._optimise import optimisers as optimisers
from ._optimise._cmaes import CMAES as CMAES
from ._optimise._map import MAP as MAP
from ._smc._smc import SMC as SMC
from ._variational._early_stopping import Stalled as Stalled
from ._variational._laplace import Laplace as Laplace
from ._variational._pathfinder import Pathfinder as Pathfinder
from ._variational._svi import SVI as SVI
