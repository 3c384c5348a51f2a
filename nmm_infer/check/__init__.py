"""Can this posterior be trusted, and what did it learn?"""

from .diagnose import diagnose as diagnose
from .diagnosis import Diagnosis as Diagnosis
from .finding import Finding as Finding
from .predictive import Prediction as Prediction
from .predictive import predictive as predictive
from .table import Row as Row
