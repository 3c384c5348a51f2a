"""What the prior says of each draw, site by site."""

import equinox as eqx
from jaxtyping import Array, Float

from ._target import Target


@eqx.filter_jit
def log_prior(
    target: Target, latent: Float[Array, "chain draw latent"]
) -> dict[str, Float[Array, "chain draw"]]:
    """Log density of every unknown in its own coordinates, without Jacobians, summed over its elements; for
    power-scaling of the prior.
    """
    from numpyro import handlers

    def one(x: Array) -> dict[str, Array]:
        sites = target.constrain(x)
        with (
            handlers.block(),
            handlers.trace() as trace,
            handlers.substitute(data={name: sites[name] for name in target.names}),
            handlers.seed(rng_seed=0),
        ):
            target.prior()
        values = {name: trace[name]["fn"].log_prob(trace[name]["value"]).sum() for name in target.names}
        return {
            name: value if trace[name]["scale"] is None else trace[name]["scale"] * value
            for name, value in values.items()
        }

    return target.for_each(one, latent)
