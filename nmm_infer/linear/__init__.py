"""Networks near a fixed point: where it is, whether it is stable, how it responds."""

from .covariance import covariance as covariance
from .fixed_point import fixed_point as fixed_point
from .linearisation import Linearisation as Linearisation
from .linearisation import linearise as linearise
from .loop_gain import loop_gain as loop_gain
from .lyapunov_equation import lyapunov as lyapunov
from .spectrum import source_response as source_response
from .stability import is_stable as is_stable
