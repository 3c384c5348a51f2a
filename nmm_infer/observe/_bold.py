"""BOLD by the Balloon–Windkessel model."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._tools._loops import scan
from ..parameters import Slot, param
from ._base import AbstractLinear, coarse, interval_of, period_field
from ._bold_signal import AbstractBoldSignal, ClassicBoldSignal, RevisedBoldSignal
from ._fold import AbstractStream

# The papers count time in seconds: s, the rate of change of blood flow, is per second here too, and
# everything else per ms.
SECOND = 1000.0


class Bold(AbstractLinear, AbstractStream):
    r"""BOLD by the Balloon–Windkessel model, computed while the simulation runs.

    s' = gain (x - baseline) - κ s - γ (f - 1),  f' = s / 1000 (s is per second, as in the papers)
    τ v' = f - v^{1/α},  τ q' = f (1 - (1 - ρ)^{1/f})/ρ - v^{1/α} q/v
    y = V0 [k1 (1 - q) + k2 (1 - q/v) + k3 (1 - v)]

    v and q are integrated as logarithms, which keeps them positive, at steps of at most
    `resolution` on the mean activity of each: the model's time constants are around a second. Without
    drive the signal is exactly zero. A drive that stays more than γ/gain below the baseline (0.41 at the
    defaults of 2003; less where it sets in at once, for the flow overshoots), or falls far below it for a
    while, stops the blood altogether, where the equations end: from then on the signal is NaN. Where the
    activity of a model lies there at rest, say so by `baseline`.

    The defaults are those of Friston, Harrison & Penny 2003 (NeuroImage 19:1273); `Bold.stephan2007()`
    has those of Stephan et al. 2007 (NeuroImage 38:387) as SPM uses them.

    Args:
        period: repetition time; None: taken from the data, or an error when simulating.
        variable: variable of the model that drives it; None: the model's observable.
        signal_equation: `ClassicBoldSignal()` or `RevisedBoldSignal()`.
        resolution: longest step of the haemodynamics in ms.
    """

    kappa: Slot = param(0.65e-3, "kHz", doc="decay of the vasodilatory signal", low=0.2e-3, high=2e-3)
    gamma: Slot = param(0.41e-3, "kHz", doc="autoregulation of blood flow", low=0.1e-3, high=1e-3)
    tau: Slot = param(980.0, "ms", doc="haemodynamic transit time", low=300.0, high=4000.0)
    alpha: Slot = param(0.32, doc="Grubb's exponent", low=0.1, high=0.6)
    rho: Slot = param(0.34, doc="resting oxygen extraction fraction", low=0.1, high=0.8)
    V0: Slot = param(0.02, doc="resting blood volume fraction", low=0.005, high=0.1)
    gain: Slot = param(
        1e-3,
        "kHz",
        doc="vasodilatory signal per unit of activity and ms; 1/s as in the papers",
        low=0.0,
        high=1.0,
    )
    baseline: Slot = param(0.0, doc="activity at which blood flow rests", low=-100.0, high=100.0)
    signal_equation: AbstractBoldSignal = ClassicBoldSignal()
    period: float | None = period_field()
    variable: str | None = eqx.field(static=True, default=None)
    resolution: float = eqx.field(static=True, default=10.0)

    @classmethod
    def friston2003(cls, **options) -> "Bold":
        """The constants of Friston, Harrison & Penny 2003, NeuroImage 19:1273."""
        return cls(**options)

    @classmethod
    def stephan2007(cls, **options) -> "Bold":
        """The revised signal equation of Stephan et al. 2007, NeuroImage 38:387, with SPM's priors for the
        haemodynamics.
        """
        revised = {
            "kappa": 0.64e-3,
            "gamma": 0.32e-3,
            "tau": 2000.0,
            "rho": 0.4,
            "V0": 0.04,
            "signal_equation": RevisedBoldSignal(),
        }
        return cls(**{**revised, **options})

    def _extraction(self, f: Float[Array, " region"]) -> Float[Array, " region"]:
        """(1 - (1 - ρ)^{1/f})/ρ, exactly 1 at f = 1 in floating point."""
        exponent = jnp.log1p(-jnp.asarray(self.rho))
        return jnp.expm1(exponent / f) / jnp.expm1(exponent)

    def _flow(
        self, state: Float[Array, "4 region"], drive: Float[Array, " region"]
    ) -> Float[Array, "4 region"]:
        s, excess, log_v, log_q = state
        f, v = 1.0 + excess, jnp.exp(log_v)
        outflow = jnp.exp(log_v / self.alpha)
        return jnp.stack(
            [
                self.gain * (drive - self.baseline) - self.kappa * s - self.gamma * excess,
                s / SECOND,
                (f - outflow) / (self.tau * v),
                (f * self._extraction(f) * jnp.exp(-log_q) - outflow / v) / self.tau,
            ]
        )

    def _read(self, state: Float[Array, "*output 4 region"]) -> Float[Array, "*output region"]:
        log_v, log_q = state[..., 2, :], state[..., 3, :]
        k1, k2, k3 = self.signal_equation.coefficients(jnp.asarray(self.rho))
        return -self.V0 * (k1 * jnp.expm1(log_q) + k2 * jnp.expm1(log_q - log_v) + k3 * jnp.expm1(log_v))

    def init(self, signal):
        return jnp.zeros((4, signal.values.shape[1]))

    def advance(self, memory, signal):
        every, step, activity = self.every(signal), interval_of(signal, "Bold"), signal.values
        together = coarse(every, step, self.resolution)
        drive = activity.reshape(-1, together, activity.shape[1]).mean(axis=1)
        dt = together * step

        def heun(state, drive):
            k0 = self._flow(state, drive)
            state = state + 0.5 * dt * (k0 + self._flow(state + dt * k0, drive))
            # The flow reaches zero in finite time, where volume and deoxyhaemoglobin have no equations any
            # more.
            state = jnp.where(1.0 + state[1] > 0.0, state, jnp.nan)
            return state, state

        memory, states = scan(heun, memory.astype(activity.dtype), drive)
        # One by one: of several together some would be rounded otherwise, which ones depending on their
        # number.
        outputs = scan(
            lambda _, state: (None, self._read(state)),
            None,
            states[every // together - 1 :: every // together],
        )[1]
        return memory, signal.with_values(outputs, interval=self.period, name="bold", unit="1")

    def transfer(self, omega: Float[Array, " frequency"]) -> Array:
        """Response of the signal to a small drive around rest, complex `["frequency"]` or `["frequency
        region"]`.
        """
        iw = 1j * (
            omega if all(jnp.ndim(getattr(self, name)) == 0 for name in self.parameters()) else omega[:, None]
        )
        f = self.gain / (SECOND * iw**2 + SECOND * self.kappa * iw + self.gamma)
        v = f / (1.0 / self.alpha + iw * self.tau)
        # d/df of f E(f)/ρ at 1, and of -v^{1/α - 1} q.
        extraction = 1.0 + (1.0 - self.rho) * jnp.log1p(-jnp.asarray(self.rho)) / self.rho
        q = (extraction * f - (1.0 / self.alpha - 1.0) * v) / (1.0 + iw * self.tau)
        k1, k2, k3 = self.signal_equation.coefficients(jnp.asarray(self.rho))
        return -self.V0 * (k1 * q + k2 * (q - v) + k3 * v)

    def respond(self, omega, response):
        h = self.transfer(omega)
        return (h[:, None, None] if h.ndim == 1 else h[:, :, None]) * response

    def basis(self):
        return None
