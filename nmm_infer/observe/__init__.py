"""Observations. A new one is one file and one line here."""

from . import kernels as kernels
from .base import AbstractLinear as AbstractLinear
from .base import AbstractObservation as AbstractObservation
from .bold import Bold as Bold
from .bold_signal import ClassicBoldSignal as ClassicBoldSignal
from .bold_signal import RevisedBoldSignal as RevisedBoldSignal
from .chain import Chain as Chain
from .covariance import Covariance as Covariance
from .functional_connectivity import FunctionalConnectivity as FunctionalConnectivity
from .hemodynamic_response import HemodynamicResponse as HemodynamicResponse
from .kuramoto_order import KuramotoOrder as KuramotoOrder
from .lead_field import LeadField as LeadField
from .level import Level as Level
from .log_power import LogPower as LogPower
from .mean import Mean as Mean
from .subsample import Subsample as Subsample
from .temporal_average import TemporalAverage as TemporalAverage
from .together import Together as Together
from .variance import Variance as Variance
