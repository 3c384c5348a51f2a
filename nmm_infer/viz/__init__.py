"""Pictures of xarray data; every function returns matplotlib axes. A new one is one file and one
line here.
"""

from ._brain import brain as brain
from ._connectivity import connectivity as connectivity
from ._coverage import coverage as coverage
from ._dynamics._bifurcation import bifurcation as bifurcation
from ._dynamics._phase_plane import phase_plane as phase_plane
from ._dynamics._phase_portrait import phase_portrait as phase_portrait
from ._functional_connectivity import functional_connectivity as functional_connectivity
from ._identifiability import identifiability as identifiability
from ._linearity import linearity as linearity
from ._loss import loss as loss
from ._prior_posterior import prior_posterior as prior_posterior
from ._profile import profile as profile
from ._rank_ecdf import rank_ecdf as rank_ecdf
from ._recovery import recovery as recovery
from ._regional_posterior import regional_posterior as regional_posterior
from ._spectra import spectra as spectra
from ._spectrum import spectrum as spectrum
from ._timeseries import timeseries as timeseries
from ._traces import traces as traces
