"""Couplings. A new one is one file and one line here."""

from ._additive import Additive as Additive
from ._base import AbstractCoupling as AbstractCoupling
from ._base import AbstractLinearCoupling as AbstractLinearCoupling
from ._base import AbstractPhaseCoupling as AbstractPhaseCoupling
from ._diffusive import Diffusive as Diffusive
from ._hyperbolic_tangent import HyperbolicTangent as HyperbolicTangent
from ._kuramoto import Kuramoto as Kuramoto
from ._laplacian import Laplacian as Laplacian
from ._sigmoidal import Sigmoidal as Sigmoidal
from ._sigmoidal_jansen_rit import SigmoidalJansenRit as SigmoidalJansenRit
