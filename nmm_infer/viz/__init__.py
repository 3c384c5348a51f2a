"""Pictures of xarray data; every function returns matplotlib axes. A new one is one file and one line here."""

from .bifurcation import bifurcation as bifurcation
from .brain import brain as brain
from .connectivity import connectivity as connectivity
from .coverage import coverage as coverage
from .functional_connectivity import functional_connectivity as functional_connectivity
from .identifiability import identifiability as identifiability
from .linearity import linearity as linearity
from .loss import loss as loss
from .phase_plane import phase_plane as phase_plane
from .phase_portrait import phase_portrait as phase_portrait
from .prior_posterior import prior_posterior as prior_posterior
from .profile import profile as profile
from .rank_ecdf import rank_ecdf as rank_ecdf
from .recovery import recovery as recovery
from .regional_posterior import regional_posterior as regional_posterior
from .spectra import spectra as spectra
from .timeseries import timeseries as timeseries
from .traces import traces as traces
