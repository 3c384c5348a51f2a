"""From blood volume and deoxyhaemoglobin to the BOLD signal."""

import abc

from jaxtyping import Array, Float

from ..parameters import AbstractPart, Slot, param


class AbstractBoldSignal(AbstractPart):
    """The coefficients of y = V0 [k1 (1 - q) + k2 (1 - q/v) + k3 (1 - v)]."""

    @abc.abstractmethod
    def coefficients(self, rho: Float[Array, ""]) -> tuple[Array, Array, Array]:
        """k1, k2, k3 at resting oxygen extraction `rho`."""


class ClassicBoldSignal(AbstractBoldSignal):
    """k1 = 7 ρ, k2 = 2, k3 = 2 ρ - 0.2 (Buxton, Wong & Frank 1998; Friston, Harrison & Penny 2003)."""

    k2: Slot = param(2.0, doc="weight of the concentration of deoxyhaemoglobin", low=0.1, high=10.0)

    def coefficients(self, rho):
        return 7.0 * rho, self.k2, 2.0 * rho - 0.2


class RevisedBoldSignal(AbstractBoldSignal):
    """k1 = 4.3 θ0 ρ TE, k2 = ε r0 ρ TE, k3 = 1 - ε (Stephan, Weiskopf, Drysdale, Robinson & Friston 2007)."""

    theta0: Slot = param(
        0.0403, "kHz", doc="frequency offset at the surface of magnetised vessels, 1.5 T", low=0.01, high=0.2
    )
    r0: Slot = param(
        0.025, "kHz", doc="slope of intravascular relaxation against oxygen extraction", low=0.005, high=0.2
    )
    TE: Slot = param(40.0, "ms", doc="echo time", low=5.0, high=100.0)
    epsilon: Slot = param(1.0, doc="ratio of intra- to extravascular signal", low=0.01, high=3.0)

    def coefficients(self, rho):
        return 4.3 * self.theta0 * rho * self.TE, self.epsilon * self.r0 * rho * self.TE, 1.0 - self.epsilon
