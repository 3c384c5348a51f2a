"""The dynamics of a network in its parameters: where it rests, how it loses stability, what it does beyond.

Everything computes in float64, whatever JAX's global setting, and gives labelled xarray data.
"""

from ._continuation import continuation as continuation
from ._eigenvalues import eigenvalues as eigenvalues
from ._fixed_points import fixed_points as fixed_points
from ._jacobian import jacobian as jacobian
from ._lyapunov import lyapunov_exponent as lyapunov_exponent
from ._sweep import sweep as sweep
from ._vector_field import vector_field as vector_field
