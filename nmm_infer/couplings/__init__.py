"""Couplings. A new one is one file and one line here."""

from .additive import Additive as Additive
from .base import AbstractCoupling as AbstractCoupling
from .diffusive import Diffusive as Diffusive
from .sigmoidal import Sigmoidal as Sigmoidal
from .sigmoidal_jansen_rit import SigmoidalJansenRit as SigmoidalJansenRit
