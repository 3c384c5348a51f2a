"""Observations. A new one is one file and one line here."""

from . import kernels as kernels
from ._base import AbstractLinear as AbstractLinear
from ._base import AbstractObservation as AbstractObservation
from ._base import activity_of as activity_of
from ._bold import Bold as Bold
from ._bold_signal import ClassicBoldSignal as ClassicBoldSignal
from ._bold_signal import RevisedBoldSignal as RevisedBoldSignal
from ._chain import Chain as Chain
from ._fold import AbstractPointwise as AbstractPointwise
from ._fold import AbstractStream as AbstractStream
from ._hemodynamic_response import HemodynamicResponse as HemodynamicResponse
from ._lead_field import LeadField as LeadField
from ._statistics._covariance import Covariance as Covariance
from ._statistics._functional_connectivity import FunctionalConnectivity as FunctionalConnectivity
from ._statistics._kuramoto_order import KuramotoOrder as KuramotoOrder
from ._statistics._level import Level as Level
from ._statistics._log_power import LogPower as LogPower
from ._statistics._mean import Mean as Mean
from ._statistics._variance import Variance as Variance
from ._subsample import Subsample as Subsample
from ._temporal_average import TemporalAverage as TemporalAverage
from ._together import Together as Together
