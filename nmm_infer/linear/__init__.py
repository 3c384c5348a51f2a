"""Networks near a fixed point: where it is, whether it is stable, how it responds."""

from ._covariance import covariance as covariance
from ._fixed_point import fixed_point as fixed_point
from ._linearisation import Linearisation as Linearisation
from ._linearisation import linearise as linearise
from ._loop_gain import loop_gain as loop_gain
from ._lyapunov_equation import lyapunov as lyapunov
from ._spectrum import source_response as source_response
from ._stability import is_stable as is_stable
