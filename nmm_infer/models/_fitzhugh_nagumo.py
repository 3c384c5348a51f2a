"""FitzHugh–Nagumo oscillator."""

import jax.numpy as jnp

from ..parameters import Slot, param
from ._base import AbstractModel, State


class FitzHughNagumo(AbstractModel):
    r"""Fast activation and slow recovery: rest, oscillation or sustained activity, depending on the input.

    V' = -α V³ + β V² + γ V - W + I + c
    W' = (V - δ - ε W) / τ

    At the defaults it oscillates for an input between 0.73 and 1.33, where rest loses its stability.
    """

    alpha: Slot = param(3.0, "1/ms", doc="cubic coefficient of V", low=0.5, high=6.0)
    beta: Slot = param(4.0, "1/ms", doc="quadratic coefficient of V", low=0.0, high=8.0)
    gamma: Slot = param(-1.5, "1/ms", doc="linear coefficient of V", low=-5.0, high=5.0)
    delta: Slot = param(0.0, doc="offset of the recovery", low=-2.0, high=2.0)
    epsilon: Slot = param(0.5, doc="decay of the recovery", low=0.0, high=2.0)
    tau: Slot = param(20.0, "ms", doc="time constant of the recovery", low=1.0, high=200.0)
    I: Slot = param(0.0, "1/ms", doc="constant input", low=-2.0, high=4.0)

    states = (State("V", 0.05, low=-1.0, high=2.0), State("W", 0.0, low=-1.0, high=2.0))
    sends = ("V",)
    ports = ("V",)
    observable = "V"
    category = "phenomenological"
    use_case = "excitability, noise-driven oscillation"
    references = (
        "FitzHugh 1961, Biophys J 1:445",
        "Kostova, Ravindran, Schonbek 2004, Int J Bifurcat Chaos 14:913",
    )

    def drift(self, t, y, c):
        (V, W), (c_V,) = y, c
        return jnp.stack(
            [
                -self.alpha * V**3 + self.beta * V**2 + self.gamma * V - W + self.I + c_V,
                (V - self.delta - self.epsilon * W) / self.tau,
            ]
        )
