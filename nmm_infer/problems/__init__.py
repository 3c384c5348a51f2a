"""What engines infer: a network with data to come, or anyone's NumPyro model."""

from ._base import AbstractProblem as AbstractProblem
from ._base import Named as Named
from ._numpyro_model import NumPyroModel as NumPyroModel
from ._problem import Problem as Problem
