"""Wilson–Cowan excitatory and inhibitory populations."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..parameters import Slot, param
from ..priors._base import AbstractPrior
from ._base import AbstractModel, State
from ._wilson_cowan_parts import (
    AbstractInhibition,
    AbstractResponse,
    Divisive,
    Rectifier,
    ShiftedSigmoid,
    Subtractive,
    check_kind,
    population,
)


class WilsonCowan(AbstractModel):
    r"""Mean activity of an excitatory and an inhibitory population, by default in TVB's form (shifted
    sigmoid).

    x_e = α_e (c_ee E - c_ei I + P - θ_e + c),  s_e = c_e [σ(a_e (x_e - b_e)) - σ(-a_e b_e)]
    x_i = α_i (c_ie E - c_ii I + Q - θ_i),      s_i = c_i [σ(a_i (x_i - b_i)) - σ(-a_i b_i)]
    τ_e E' = -E + (k_e - r_e E) s_e,              τ_i I' = -I + (k_i - r_i I) s_i

    Beware of the names, which are TVB's: **c_ei weights I → E and c_ie weights E → I**.

    Two parts may be exchanged: `response`, the function s (`ShiftedSigmoid()`, `Sigmoid()`,
    `Rectifier()`), and `inhibition`, how the inhibitory input enters x (`Subtractive()`, `Divisive()`).
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
    response: AbstractResponse = eqx.field(default_factory=ShiftedSigmoid)
    inhibition: AbstractInhibition = eqx.field(default_factory=Subtractive)

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

    def __check_init__(self):
        check_kind(self.response, AbstractResponse, "WilsonCowan(response=...)", "nmm.models.Sigmoid()")
        check_kind(
            self.inhibition, AbstractInhibition, "WilsonCowan(inhibition=...)", "nmm.models.Divisive()"
        )

    # The populations one by one, for models that extend this one.

    def excitatory(
        self,
        E: Float[Array, " region"],
        excitation: Float[Array, " region"],
        inhibition: Float[Array, " region"],
    ) -> Float[Array, " region"]:
        """E' of the excitatory population from what excites it, P left out, and what inhibits it."""
        net = self.inhibition(excitation + self.P, inhibition)
        slots = {
            "tau": self.tau_e,
            "a": self.a_e,
            "b": self.b_e,
            "c": self.c_e,
            "theta": self.theta_e,
            "r": self.r_e,
            "k": self.k_e,
            "alpha": self.alpha_e,
        }
        return population(E, net, self.response, **slots)

    def inhibitory(
        self,
        I: Float[Array, " region"],
        excitation: Float[Array, " region"],
        inhibition: Float[Array, " region"],
    ) -> Float[Array, " region"]:
        """I' of the inhibitory population from what excites it, Q left out, and what inhibits it."""
        net = self.inhibition(excitation + self.Q, inhibition)
        slots = {
            "tau": self.tau_i,
            "a": self.a_i,
            "b": self.b_i,
            "c": self.c_i,
            "theta": self.theta_i,
            "r": self.r_i,
            "k": self.k_i,
            "alpha": self.alpha_i,
        }
        return population(I, net, self.response, **slots)

    def drift(self, t, y, c):
        (E, I), (c_x,) = y, c
        return jnp.stack(
            [
                self.excitatory(E, self.c_ee * E + c_x, self.c_ei * I),
                self.inhibitory(I, self.c_ie * E, self.c_ii * I),
            ]
        )

    @classmethod
    def oscillating(cls, **slots: Any) -> "WilsonCowan":
        """The parameters at which the model of Wilson & Cowan 1972 oscillates; `slots` replace any
        of them.
        """
        published: dict[str, Any] = {
            "c_ee": 16.0,
            "c_ei": 12.0,
            "c_ie": 15.0,
            "c_ii": 3.0,
            "a_e": 1.3,
            "b_e": 4.0,
            "a_i": 2.0,
            "b_i": 3.7,
            "P": 1.25,
        }
        return cls(**published | slots)

    @classmethod
    def without_saturation(cls, **slots: Any) -> "WilsonCowan":
        """Without refractoriness, r_e = r_i = 0, as most later work has it (Pinto, Brumberg, Simons,
        Ermentrout 1996, J Comput Neurosci 3:247).
        """
        none: dict[str, Any] = {"r_e": 0.0, "r_i": 0.0}
        return cls(**none | slots)

    @classmethod
    def symmetric(cls, a: Any = 1.2, b: Any = 2.8, tau: Any = 10.0, **slots: Any) -> "WilsonCowan":
        """Both populations share slope `a`, threshold `b` and time constant `tau`: only their connections
        tell them apart.
        """
        for name, value in (("a", a), ("b", b), ("tau", tau)):
            if isinstance(value, AbstractPrior):
                raise TypeError(
                    f"WilsonCowan.symmetric({name}=...) got a prior, which would be drawn once for each"
                    " population; expected a value: draw it with numpyro.sample and build the model inside"
                    " your NumPyro model"
                )
        return cls(a_e=a, a_i=a, b_e=b, b_i=b, tau_e=tau, tau_i=tau, **slots)

    @classmethod
    def threshold_linear(cls, **slots: Any) -> "WilsonCowan":
        """Threshold-linear rates, inhibition-stabilised (Tsodyks, Skaggs, Sejnowski, McNaughton 1997, J
        Neurosci 17:4382).

        The excitatory population alone would run away (c_ee a_e > 1), the inhibitory one holds it, and
        more input to the inhibitory population lowers its rate. The weights are ours.
        """
        linear: dict[str, Any] = {
            "a_e": 1.0,
            "b_e": 0.0,
            "a_i": 1.0,
            "b_i": 0.0,
            "r_e": 0.0,
            "r_i": 0.0,
            "response": Rectifier(),
        }
        weights: dict[str, Any] = {"c_ee": 2.0, "c_ei": 1.5, "c_ie": 2.0, "c_ii": 0.5, "P": 0.5}
        return cls(**linear | weights | slots)

    @classmethod
    def divisive(cls, **slots: Any) -> "WilsonCowan":
        """Inhibition divides what excites a population: normalisation (Carandini & Heeger 2012, Nat Rev
        Neurosci 13:51).
        """
        part: dict[str, Any] = {"inhibition": Divisive()}
        return cls(**part | slots)
