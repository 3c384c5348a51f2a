"""The mean of matrices of which some are a thousand times larger than others."""

import numpy as np
from jaxtyping import Float

from .._optimise._mode import with_eigenvalues

# Iterations, and the change of the logarithm of any eigenvalue at which they end.
ITERATIONS, TOLERANCE = 10, 0.01
# Eigenvalues below this share of the mean count as this share, whatever their sign.
FLAT = 0.1


def geometric_mean(matrices: Float[np.ndarray, "matrix n n"], floor: float) -> Float[np.ndarray, "n n"]:
    """The positive definite R from which the logarithms of all matrices, seen from R, are zero on average: Σ
    log(R^-½ |H| R^-½) = 0.

    It does not depend on the coordinates, is the geometric mean where all matrices commute, and one matrix
    among many that is 10⁶ times too large moves it by a factor and not by orders of magnitude (Karcher 1977;
    Moakher 2005, SIAM J Matrix Anal Appl 26:735). Of indefinite matrices |H| has the absolute eigenvalues, in
    the coordinates of R.

    Args:
        matrices: symmetric.
        floor: smallest eigenvalue of the mean.
    """

    def positive(H: np.ndarray) -> np.ndarray:
        return with_eigenvalues(H, lambda values: np.maximum(np.abs(values), floor))

    def log(H: np.ndarray) -> np.ndarray:
        return with_eigenvalues(H, lambda values: np.log(np.maximum(np.abs(values), FLAT)))

    # The search begins at the matrix that is least extreme.
    R = positive(min(matrices, key=lambda H: np.abs(np.linalg.eigvalsh(H)).max()))
    for _ in range(ITERATIONS):
        values, vectors = np.linalg.eigh(R)
        root, inverse = vectors * np.sqrt(values), vectors / np.sqrt(values)
        step = np.mean([log(inverse.T @ H @ inverse) for H in matrices], axis=0)
        logs, axes = np.linalg.eigh(step)
        R = positive(root @ (axes * np.exp(logs)) @ axes.T @ root.T)
        if np.abs(logs).max() < TOLERANCE:
            break
    return R
