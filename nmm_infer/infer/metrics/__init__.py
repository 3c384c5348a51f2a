"""The metric in which a Hamiltonian sampler moves. A new metric is one file and one line here."""

from ._dense import Dense as Dense
from ._diagonal import Diagonal as Diagonal
from ._laplace_metric import Laplace as Laplace
from ._low_rank import LowRank as LowRank
from ._mean_curvature import MeanCurvature as MeanCurvature
from ._metric import AbstractMetric as AbstractMetric
from ._metric import Preconditioned as Preconditioned
