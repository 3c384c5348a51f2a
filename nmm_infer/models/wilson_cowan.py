"""Wilson–Cowan excitatory and inhibitory populations."""

import jax.numpy as jnp

from ..parameters import Slot, param
from .base import AbstractModel, State
from .transfer import sigmoid


class WilsonCowan(AbstractModel):
    r"""Mean activity of an excitatory and an inhibitory population, in TVB's form (shifted sigmoid).

    x_e = α_e (c_ee E - c_ei I + P - θ_e + c),  s_e = c_e [σ(a_e (x_e - b_e)) - σ(-a_e b_e)]
    x_i = α_i (c_ie E - c_ii I + Q - θ_i),      s_i = c_i [σ(a_i (x_i - b_i)) - σ(-a_i b_i)]
    τ_e E' = -E + (k_e - r_e E) s_e,            τ_i I' = -I + (k_i - r_i I) s_i

    Beware of the names, which are TVB's: **c_ei weights I → E and c_ie weights E → I**.
    """

    c_ee: Slot = param(12.0, doc="weight E → E", low=0.0, high=30.0)
    c_ei: Slot = param(4.0, doc="weight I → E", low=0.0, high=30.0)
    c_ie: Slot = param(13.0, doc="weight E → I", low=0.0, high=30.0)
    c_ii: Slot = param(11.0, doc="weight I → I", low=0.0, high=30.0)
    tau_e: Slot = param(10.0, "ms", doc="time constant of E", low=1.0, high=150.0)
    tau_i: Slot = param(10.0, "ms", doc="time constant of I", low=1.0, high=150.0)
    a_e: Slot = param(1.2, doc="slope of E's sigmoid", low=0.1, high=2.0)
    b_e: Slot = param(2.8, doc="threshold of E's sigmoid", low=0.0, high=15.0)
    c_e: Slot = param(1.0, doc="amplitude of E's sigmoid", low=0.1, high=20.0)
    theta_e: Slot = param(0.0, doc="input threshold of E", low=0.0, high=60.0)
    a_i: Slot = param(1.0, doc="slope of I's sigmoid", low=0.1, high=2.0)
    b_i: Slot = param(4.0, doc="threshold of I's sigmoid", low=0.0, high=15.0)
    c_i: Slot = param(1.0, doc="amplitude of I's sigmoid", low=0.1, high=20.0)
    theta_i: Slot = param(0.0, doc="input threshold of I", low=0.0, high=60.0)
    r_e: Slot = param(1.0, doc="refractoriness of E", low=0.0, high=2.0)
    r_i: Slot = param(1.0, doc="refractoriness of I", low=0.0, high=2.0)
    k_e: Slot = param(1.0, doc="maximum of E's response", low=0.1, high=2.0)
    k_i: Slot = param(1.0, doc="maximum of I's response", low=0.1, high=2.0)
    P: Slot = param(0.0, doc="external input to E", low=0.0, high=20.0)
    Q: Slot = param(0.0, doc="external input to I", low=0.0, high=20.0)
    alpha_e: Slot = param(1.0, doc="gain of E's input", low=0.0, high=20.0)
    alpha_i: Slot = param(1.0, doc="gain of I's input", low=0.0, high=20.0)

    states = (State("E", 0.1, low=0.0, high=1.0), State("I", 0.1, low=0.0, high=1.0))
    sends = ("E",)
    ports = ("x_e",)
    observable = "E"
    category = "physiological"
    use_case = "excitatory-inhibitory rhythms"
    references = (
        "Wilson & Cowan 1972, Biophys J 12:1",
        "Sanz-Leon, Knock, Spiegler, Jirsa 2015, NeuroImage 111:385",
    )

    def drift(self, t, y, c):
        (E, I), (c_x,) = y, c
        x_e = self.alpha_e * (self.c_ee * E - self.c_ei * I + self.P - self.theta_e + c_x)
        x_i = self.alpha_i * (self.c_ie * E - self.c_ii * I + self.Q - self.theta_i)
        s_e = self.c_e * (sigmoid(self.a_e * (x_e - self.b_e)) - sigmoid(-self.a_e * self.b_e))
        s_i = self.c_i * (sigmoid(self.a_i * (x_i - self.b_i)) - sigmoid(-self.a_i * self.b_i))
        return jnp.stack(
            [
                (-E + (self.k_e - self.r_e * E) * s_e) / self.tau_e,
                (-I + (self.k_i - self.r_i * I) * s_i) / self.tau_i,
            ]
        )

    @classmethod
    def oscillating(cls) -> "WilsonCowan":
        """The parameters at which the model of Wilson & Cowan 1972 oscillates."""
        return cls(c_ee=16.0, c_ei=12.0, c_ie=15.0, c_ii=3.0, a_e=1.3, b_e=4.0, a_i=2.0, b_i=3.7, P=1.25)
