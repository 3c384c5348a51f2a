"""Coordinates to sample in."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .target import Target


class Frame(eqx.Module):
    """Affine coordinates u of the unknowns: x = centre + scale u. Without a scale, u is x."""

    centre: Float[Array, " latent"] | None = None
    scale: Float[Array, "latent latent"] | None = None

    def to_latent(self, u: Float[Array, " latent"]) -> Float[Array, " latent"]:
        """From the frame's coordinates to the unknowns."""
        return u if self.scale is None or self.centre is None else self.centre + self.scale @ u

    def from_latent(self, x: Float[Array, "chain latent"]) -> Float[Array, "chain latent"]:
        """From the unknowns to the frame's coordinates."""
        return x if self.scale is None or self.centre is None else jnp.linalg.solve(self.scale, (x - self.centre).T).T


class Posterior(eqx.Module):
    """A target in the coordinates of a frame."""

    target: Target
    frame: Frame

    def __call__(self, u: Float[Array, " latent"]) -> Float[Array, ""]:
        return self.target.log_density(self.frame.to_latent(u))

    def value_and_gradient(self, u: Float[Array, " latent"]) -> tuple[Float[Array, ""], Float[Array, " latent"]]:
        """Log density and its gradient at one point, by the program that the target has compiled."""
        value, gradient = self.target.value_and_gradient(self.frame.to_latent(u))
        return value, gradient if self.frame.scale is None else self.frame.scale.T @ gradient
