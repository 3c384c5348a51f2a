"""What engines infer: a network with data to come, or anyone's NumPyro model."""

from ._base import AbstractConditioned as AbstractConditioned
from ._base import AbstractProblem as AbstractProblem
from ._base import Named as Named
from ._conditioned_model import ConditionedModel as ConditionedModel
from ._conditioned_problem import ConditionedProblem as ConditionedProblem
from ._numpyro_model import NumPyroModel as NumPyroModel
from ._problem import Problem as Problem
