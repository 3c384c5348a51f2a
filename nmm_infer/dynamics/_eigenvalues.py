"""The leading eigenvalues of a network, delays included."""

from typing import Any

import jax
import numpy as np

from .._networks._network import Network
from ..models._base import AbstractModel
from ._jacobian import linear_parts
from ._leading_eigenvalues import rightmost
from ._system import as_double, as_network, as_point, coords


def eigenvalues(system: Network | AbstractModel, point: Any = None, *, n: int = 10) -> Any:
    """The `n` rightmost eigenvalues at a point: how fast its slowest modes decay or grow, and how they
    oscillate.

    Without delays, of the Jacobian. With delays there are infinitely many, the roots λ of

        det(λ I - A - B K(λ) C) = 0,  K_ij(λ) = w_ij exp(-λ d_ij)

    They are found by discretising the generator of the semigroup on Chebyshev points, with messages as what
    is delayed (Breda, Maset, Vermiglio 2005, SIAM J Sci Comput 27:482), and each is then made exact by
    Newton's method on the equation above. Up to 700 unknowns (states × regions + points × messages × regions)
    from all eigenvalues of a dense matrix; larger networks by Arnoldi's method at places along the imaginary
    axis. With 84 regions and delays up to 50 ms, one call took 1 s (Jansen–Rit, Wong–Wang) to 4 s (Hopf with
    two messages) on two quiet cores, up to ten times that on busy ones, and two minutes where waves of a kHz
    travel (Montbrió–Pazó–Roxin), since the points must resolve the fastest wave over the longest delay.

    Args:
        system: a network without priors, or a model.
        point: ["state region"] where to linearise; None: the fixed point near the initial state.
        n: how many; pairs are never split. There may be fewer: without delays at most states × regions, with
            them only those that decay no faster than ten times the longest delay's rate or the fastest mode
            of a region alone.

    Returns:
        `xarray.Dataset` (mode, state, region), the rightmost first: `eigenvalue` (complex, 1/ms),
        `growth_rate` (1/ms), `frequency` (Hz) and `vector`, complex, of unit length: what moves, and with
        which phase.

    Raises:
        ValueError: priors are left, the point has the wrong shape, there is no fixed point, or n < 1.
    """
    import xarray as xr

    if n < 1:
        raise ValueError(f"eigenvalues(n={n}): expected at least 1")
    network = as_network(system, "eigenvalues(network)")
    with jax.enable_x64(True):
        network = as_double(network, "eigenvalues(network)")
        lin, J = linear_parts(network, as_point(network, point, "eigenvalues(point=...)"))
        roots = rightmost(lin, np.asarray(J), n)
    kept = min(n, len(roots.values))
    if (
        0 < kept < len(roots.values)
        and np.isclose(roots.values[kept - 1], roots.values[kept].conj())
        and roots.values[kept - 1].imag > 0
    ):
        kept += 1
    values = roots.values[:kept]
    vectors = roots.vectors.T[:kept].reshape(kept, *np.shape(network.initial))
    return xr.Dataset(
        {
            "eigenvalue": ("mode", values, {"units": "1/ms"}),
            "growth_rate": ("mode", np.real(values), {"units": "1/ms"}),
            "frequency": ("mode", 1e3 * np.imag(values) / (2 * np.pi), {"units": "Hz"}),
            "vector": (("mode", "state", "region"), vectors),
        },
        coords=coords(network),
    )
