"""What a slot may hold instead of a number when it is unknown."""

from .base import AbstractPrior as AbstractPrior
from .from_maps import FromMaps as FromMaps
from .pooled import Pooled as Pooled
from .prior import Prior as Prior
from .sample import priors as priors
from .sample import sample as sample
from .trials import ByTrial as ByTrial
from .trials import each_trial as each_trial
