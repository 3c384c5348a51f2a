"""The dynamics of a network in its parameters: where it rests, how it loses stability, what it does beyond.

Everything computes in float64, whatever JAX's global setting, and gives labelled xarray data.
"""

from .continuation import continuation as continuation
from .eigenvalues import eigenvalues as eigenvalues
from .fixed_points import fixed_points as fixed_points
from .jacobian import jacobian as jacobian
from .lyapunov import lyapunov_exponent as lyapunov_exponent
from .sweep import sweep as sweep
from .vector_field import vector_field as vector_field
