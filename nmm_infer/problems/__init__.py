"""What engines infer: a network with data to come, or anyone's NumPyro model."""

from .base import AbstractProblem as AbstractProblem
from .base import Named as Named
from .numpyro_model import NumPyroModel as NumPyroModel
from .problem import Problem as Problem
