"""Couplings. A new one is one file and one line here."""

from .additive import Additive as Additive
from .base import AbstractCoupling as AbstractCoupling
from .base import AbstractLinearCoupling as AbstractLinearCoupling
from .base import AbstractPhaseCoupling as AbstractPhaseCoupling
from .diffusive import Diffusive as Diffusive
from .hyperbolic_tangent import HyperbolicTangent as HyperbolicTangent
from .kuramoto import Kuramoto as Kuramoto
from .laplacian import Laplacian as Laplacian
from .sigmoidal import Sigmoidal as Sigmoidal
from .sigmoidal_jansen_rit import SigmoidalJansenRit as SigmoidalJansenRit
