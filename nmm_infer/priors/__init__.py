"""What a slot may hold instead of a number when it is unknown."""

from ._base import AbstractPrior as AbstractPrior
from ._from_maps import FromMaps as FromMaps
from ._pooled import Pooled as Pooled
from ._prior import Prior as Prior
from ._sample import priors as priors
from ._sample import sample as sample
from ._trials import ByTrial as ByTrial
from ._trials import each_trial as each_trial
