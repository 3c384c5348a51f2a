"""Coordinates to sample in."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._target import Target


class Bend(eqx.Module):
    """How all other unknowns leave a straight line while one moves along it.

    The shift is a natural cubic spline of one coordinate, and goes on straight beyond the first and the last
    knot. It leaves the moving unknown where it is, so that no volume changes.

    Attributes:
        along: unit vector in the engine's coordinates whose product with them says how far the unknown is
            from the centre, in standard deviations.
        knots: of the spline.
        pieces: coefficients between knots, the highest power first.
    """

    along: Float[Array, " latent"]
    knots: Float[Array, " knot"]
    pieces: Float[Array, "4 interval latent"]

    def __call__(self, u: Float[Array, " latent"]) -> Float[Array, " latent"]:
        """The shift at a point."""
        t = self.along @ u
        inside = jnp.clip(t, self.knots[0], self.knots[-1])
        shift, slope = self._spline(inside)
        return shift + slope * (t - inside)

    def _spline(self, t: Float[Array, ""]) -> tuple[Float[Array, " latent"], Float[Array, " latent"]]:
        """Value and slope between the first and the last knot."""
        i = jnp.clip(jnp.searchsorted(self.knots, t, side="right") - 1, 0, len(self.knots) - 2)
        s = t - self.knots[i]
        cubic, quadratic, linear, constant = self.pieces[:, i]
        slope = (3.0 * cubic * s + 2.0 * quadratic) * s + linear
        return ((cubic * s + quadratic) * s + linear) * s + constant, slope

    def extended(self, knots: int) -> "Bend":
        """The same with so many knots, the further ones on its straight end."""
        more, (shift, slope) = knots - len(self.knots), self._spline(self.knots[-1])
        n = jnp.arange(more, dtype=self.knots.dtype)
        zero = jnp.zeros((more, len(self.along)), self.pieces.dtype)
        straight = jnp.stack([zero, zero, zero + slope, shift + n[:, None] * slope])
        return Bend(
            self.along,
            jnp.concatenate([self.knots, self.knots[-1] + 1.0 + n]),
            jnp.concatenate([self.pieces, straight], axis=1),
        )


class Coordinates(eqx.Module):
    """Coordinates u of the unknowns: x = centre + scale u + what bends add. Without a scale, u is x.

    The Jacobian's determinant is that of the scale everywhere: an unknown along which others bend is itself
    shifted by no bend.
    """

    centre: Float[Array, " latent"] | None = None
    scale: Float[Array, "latent latent"] | None = None
    bends: tuple[Bend, ...] = ()

    def to_latent(self, u: Float[Array, " latent"]) -> Float[Array, " latent"]:
        """From these coordinates to the unknowns."""
        if self.scale is None or self.centre is None:
            return u
        return sum((bend(u) for bend in self.bends), start=self.centre + self.scale @ u)

    def from_latent(self, x: Float[Array, "chain latent"]) -> Float[Array, "chain latent"]:
        """From the unknowns to these coordinates."""
        if self.scale is None or self.centre is None:
            return x
        straight = jnp.linalg.solve(self.scale, (x - self.centre).T).T
        if not self.bends:
            return straight
        # Where one is along a bend does not depend on what it adds.
        shift = sum((jax.vmap(bend)(straight) for bend in self.bends), start=jnp.zeros_like(x))
        return straight - jnp.linalg.solve(self.scale, shift.T).T


def stacked(several: Sequence[Coordinates]) -> Coordinates:
    """Coordinates of several posteriors as one pytree with a leading axis: those with fewer bends, or of
    fewer knots, get some that add nothing.
    """
    most = max(len(one.bends) for one in several)
    knots = max((len(bend.knots) for one in several for bend in one.bends), default=2)

    def filled(one: Coordinates) -> Coordinates:
        if one.centre is None or not most:
            return one
        none = Bend(
            jnp.zeros_like(one.centre),
            jnp.arange(2, dtype=one.centre.dtype),
            jnp.zeros((4, 1, len(one.centre)), one.centre.dtype),
        )
        bends = (*one.bends, *[none] * (most - len(one.bends)))
        return Coordinates(one.centre, one.scale, tuple(bend.extended(knots) for bend in bends))

    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *map(filled, several))


class Posterior(eqx.Module):
    """A target in other coordinates."""

    target: Target
    coordinates: Coordinates

    def __call__(self, u: Float[Array, " latent"]) -> Float[Array, ""]:
        return self.target.log_density(self.coordinates.to_latent(u))

    def value_and_gradient(
        self, u: Float[Array, " latent"]
    ) -> tuple[Float[Array, ""], Float[Array, " latent"]]:
        """Log density and its gradient at one point, by the program that the target has compiled."""
        if not self.coordinates.bends:
            value, gradient = self.target.value_and_gradient(self.coordinates.to_latent(u))
            return value, gradient if self.coordinates.scale is None else self.coordinates.scale.T @ gradient
        x, pull = jax.vjp(self.coordinates.to_latent, u)
        value, gradient = self.target.value_and_gradient(x)
        return value, pull(gradient)[0]
