"""What of a sample covariance matrix is compared."""

import abc
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float


class AbstractForm(eqx.Module):
    """A function of the covariance matrix, and its sampling distribution."""

    @abc.abstractmethod
    def of(self, C: Float[Array, "n n"]) -> Float[Array, "n n"]:
        """What is compared, from the covariance of the data."""

    @abc.abstractmethod
    def distribution(self, C: Float[Array, "n n"], nu: Float[Array, ""]) -> Any:
        """The NumPyro distribution of it, from the true covariance and the degrees of freedom."""


class AsCovariance(AbstractForm):
    """The covariance itself, ν C ~ Wishart(ν, Σ) (Wishart 1928)."""

    def of(self, C):
        return C

    def distribution(self, C, nu):
        import numpyro.distributions as dist

        return dist.Wishart(nu, scale_tril=jnp.linalg.cholesky(C / nu), validate_args=False)


class AsCorrelation(AbstractForm):
    """The correlation, whatever the variances are: functional connectivity, of z-scored data too."""

    def of(self, C):
        from ..._distributions._correlation_matrix import correlation_of

        return correlation_of(C)

    def distribution(self, C, nu):
        from ..._distributions._correlation_matrix import CorrelationMatrix, correlation_of

        return CorrelationMatrix(correlation_of(C), nu)
