"""The metric in which a Hamiltonian sampler moves. A new metric is one file and one line here."""

from .base import AbstractMetric as AbstractMetric
from .base import Framed as Framed
from .dense import Dense as Dense
from .diagonal import Diagonal as Diagonal
from .laplace import Laplace as Laplace
from .low_rank import LowRank as LowRank
from .mean_curvature import MeanCurvature as MeanCurvature
