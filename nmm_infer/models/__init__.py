"""Neural mass models. A new one is one file and one line here."""

from .base import AbstractDynamics as AbstractDynamics
from .base import AbstractModel as AbstractModel
from .base import State as State
from .catalogue import list_models as list_models
from .generic_2d_oscillator import Generic2dOscillator as Generic2dOscillator
from .hopf import Hopf as Hopf
from .horn import HORN as HORN
from .jansen_rit import JansenRit as JansenRit
from .leaky_integrator import LeakyIntegrator as LeakyIntegrator
from .linear import Linear as Linear
from .montbrio_pazo_roxin import MontbrioPazoRoxin as MontbrioPazoRoxin
from .reduced_wong_wang import ReducedWongWang as ReducedWongWang
from .wilson_cowan import WilsonCowan as WilsonCowan
from .wong_wang_exc_inh import WongWangExcInh as WongWangExcInh
