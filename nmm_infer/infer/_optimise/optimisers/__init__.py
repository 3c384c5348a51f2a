"""How a mode is searched. A new optimiser is one file and one line here."""

from ._adam import Adam as Adam
from ._bfgs import BFGS as BFGS
from ._lbfgs import LBFGS as LBFGS
from ._levenberg_marquardt import LevenbergMarquardt as LevenbergMarquardt
from ._newton import Newton as Newton
from ._optimiser import AbstractOptimiser as AbstractOptimiser
from ._optimiser import Objective as Objective
from ._optimiser import SearchResults as SearchResults
from ._path_annealing import PathAnnealing as PathAnnealing
from ._sequential import InTurn as InTurn
