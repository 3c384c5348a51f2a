"""The Epileptor without its second population, on the slow time scale."""

import jax.numpy as jnp

from ..parameters import Slot, param
from ._base import AbstractModel, State


class Epileptor2D(AbstractModel):
    r"""Discharges x1 and permittivity z: the Bayesian virtual epileptic patient.

    x1' = tt [c - z + Iext + Kvf c_1 - f x1]
    z'  = tt r [4 (x1 - x0) - z + (-0.1 z⁷ if z < 0) + Ks c_1]
    f = a x1² + (d - b) x1  if x1 < 0,  else  d x1 - slope - 0.6 (z - 4)²

    The Epileptor with y1 at its equilibrium c - d x1². Ks is 1 where TVB has 0, so that a network of
    defaults is coupled; a negative Ks spreads seizures, see `Epileptor`. Time is counted in ms.
    """

    a: Slot = param(1.0, doc="coefficient of the cubic term", low=0.5, high=1.5)
    b: Slot = param(3.0, doc="coefficient of the squared term", low=2.0, high=4.0)
    c: Slot = param(1.0, doc="constant input", low=0.0, high=2.0)
    d: Slot = param(5.0, doc="coefficient of the squared term of the eliminated y1", low=4.0, high=6.0)
    r: Slot = param(3.5e-4, doc="rate of the permittivity", low=1e-5, high=1e-3)
    x0: Slot = param(-1.6, doc="epileptogenicity", low=-3.0, high=-1.0)
    Iext: Slot = param(3.1, doc="input", low=1.5, high=5.0)
    slope: Slot = param(0.0, doc="linear coefficient", low=-16.0, high=6.0)
    Kvf: Slot = param(0.0, doc="coupling into x1, very fast", low=0.0, high=4.0)
    Ks: Slot = param(1.0, doc="coupling into the permittivity, slow", low=-4.0, high=4.0)
    tt: Slot = param(1.0, doc="rate of everything", low=0.001, high=10.0)

    states = (State("x1", -1.5, low=-2.0, high=1.0), State("z", 3.5, low=-1.0, high=5.0))
    sends = ("x1",)
    ports = ("x1",)
    observable = "x1"
    noisy = ("x1",)
    category = "physiological"
    use_case = "epilepsy: which regions seize, inferred from SEEG"
    references = (
        "Proix, Bartolomei, Chauvel, Bernard, Jirsa 2014, J Neurosci 34:15009",
        "Hashemi et al. 2020, NeuroImage 217:116839",
    )

    def drift(self, t, y, c):
        (x1, z), (c_1,) = y, c
        f = jnp.where(
            x1 < 0.0, self.a * x1**2 + (self.d - self.b) * x1, self.d * x1 - self.slope - 0.6 * (z - 4.0) ** 2
        )
        restoring = jnp.where(z < 0.0, -0.1 * z**7, 0.0)
        return self.tt * jnp.stack(
            [
                self.c - z + self.Iext + self.Kvf * c_1 - f * x1,
                self.r * (4.0 * (x1 - self.x0) - z + restoring + self.Ks * c_1),
            ]
        )
