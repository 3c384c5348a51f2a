"""How a mode is searched. A new optimiser is one file and one line here."""

from .adam import Adam as Adam
from .base import AbstractOptimiser as AbstractOptimiser
from .base import Ends as Ends
from .base import Objective as Objective
from .bfgs import BFGS as BFGS
from .in_turn import InTurn as InTurn
from .lbfgs import LBFGS as LBFGS
from .levenberg_marquardt import LevenbergMarquardt as LevenbergMarquardt
from .newton import Newton as Newton
from .path_annealing import PathAnnealing as PathAnnealing
