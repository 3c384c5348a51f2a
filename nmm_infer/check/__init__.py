"""Can this posterior be trusted, and what did it learn?"""

from .calibrated import Calibration as Calibration
from .calibrated import CalibrationRow as CalibrationRow
from .calibrated import Coverage as Coverage
from .calibration import calibration as calibration
from .compare import Compared as Compared
from .compare import Comparison as Comparison
from .compare import compare as compare
from .diagnose import diagnose as diagnose
from .diagnosis import Diagnosis as Diagnosis
from .finding import Finding as Finding
from .identifiability import identifiability as identifiability
from .identified import Direction as Direction
from .identified import Identifiability as Identifiability
from .multimodality import Modes as Modes
from .multimodality import modes as modes
from .predictive import Prediction as Prediction
from .predictive import predictive as predictive
from .profile import Profile as Profile
from .profile import profile as profile
from .recovery import Recovery as Recovery
from .recovery import RecoveryRow as RecoveryRow
from .recovery import recovery as recovery
from .sensitivity import Sensitivity as Sensitivity
from .sensitivity import SensitivityRow as SensitivityRow
from .sensitivity import sensitivity as sensitivity
from .table import Row as Row
