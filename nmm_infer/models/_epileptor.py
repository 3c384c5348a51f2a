"""Epileptor: seizures that start and end by themselves."""

import jax.numpy as jnp

from ..parameters import Slot, param
from ._base import AbstractModel, State


class Epileptor(AbstractModel):
    r"""Fast discharges (x1, y1), spike-waves (x2, y2) and a slow permittivity z that switches seizures on and
    off.

    x1' = tt [y1 - f1 - z + Iext + Kvf c_1]
    y1' = tt [c - d x1² - y1]
    z'  = tt r [4 (x1 - x0) - z + (-0.1 z⁷ if z < 0) + Ks c_1]
    x2' = tt [-y2 + x2 - x2³ + Iext2 + bb g - 0.3 (z - 3.5) + Kf c_2]
    y2' = tt [-y2 + f2] / τ
    g'  = -0.01 tt [g - 0.1 x1]
    f1 = a x1³ - b x1²  if x1 < 0,  else  (x2 - slope - 0.6 (z - 4)²) x1
    f2 = 0  if x2 < -0.25,  else  aa (x2 + 0.25)

    The local field potential is `lfp` = x2 - x1. Epileptogenic above x0 = -2.05. Ks is 1 where TVB
    has 0, so that a network of defaults is coupled; with TVB's sign a negative Ks lets the
    discharges of a neighbour lower z, which spreads seizures. Time is counted in ms.
    """

    a: Slot = param(1.0, doc="coefficient of the cubic term", low=0.5, high=1.5)
    b: Slot = param(3.0, doc="coefficient of the squared term", low=2.0, high=4.0)
    c: Slot = param(1.0, doc="constant input of y1", low=0.0, high=2.0)
    d: Slot = param(5.0, doc="coefficient of the squared term of y1", low=4.0, high=6.0)
    r: Slot = param(3.5e-4, doc="rate of the permittivity", low=1e-5, high=1e-3)
    x0: Slot = param(-1.6, doc="epileptogenicity", low=-3.0, high=-1.0)
    Iext: Slot = param(3.1, doc="input of the first population", low=1.5, high=5.0)
    slope: Slot = param(0.0, doc="linear coefficient of the first population", low=-16.0, high=6.0)
    Iext2: Slot = param(0.45, doc="input of the second population", low=0.0, high=1.0)
    tau: Slot = param(10.0, doc="time constant of y2", low=5.0, high=20.0)
    aa: Slot = param(6.0, doc="slope of f2", low=4.0, high=8.0)
    bb: Slot = param(2.0, doc="influence of the first population on the second", low=0.0, high=4.0)
    Kvf: Slot = param(0.0, doc="coupling into x1, very fast", low=0.0, high=4.0)
    Kf: Slot = param(0.0, doc="coupling into x2, fast", low=0.0, high=4.0)
    Ks: Slot = param(1.0, doc="coupling into the permittivity, slow", low=-4.0, high=4.0)
    tt: Slot = param(1.0, doc="rate of everything", low=0.001, high=10.0)

    states = (
        State("x1", -1.5, low=-2.0, high=1.6),
        State("y1", -10.0, low=-20.0, high=2.0),
        State("z", 3.5, low=-1.0, high=5.0),
        State("x2", -1.0, low=-2.0, high=1.0),
        State("y2", 0.01, low=0.0, high=2.0),
        State("g", 0.0, low=-1.0, high=1.0),
    )
    sends = ("x1", "x2")
    ports = ("x1", "x2")
    observable = "lfp"
    noisy = ("x2", "y2")
    derived = {"lfp": "1"}
    category = "physiological"
    use_case = "epilepsy: seizures in SEEG"
    references = (
        "Jirsa, Stacey, Quilichini, Ivanov, Bernard 2014, Brain 137:2210",
        "Proix, Bartolomei, Chauvel, Bernard, Jirsa 2014, J Neurosci 34:15009",
    )

    def lfp(self, y):
        """Local field potential, x2 - x1."""
        return y[3] - y[0]

    def drift(self, t, y, c):
        (x1, y1, z, x2, y2, g), (c_1, c_2) = y, c
        f1 = jnp.where(
            x1 < 0.0, self.a * x1**3 - self.b * x1**2, (x2 - self.slope - 0.6 * (z - 4.0) ** 2) * x1
        )
        f2 = jnp.where(x2 < -0.25, 0.0, self.aa * (x2 + 0.25))
        restoring = jnp.where(z < 0.0, -0.1 * z**7, 0.0)
        return self.tt * jnp.stack(
            [
                y1 - f1 - z + self.Iext + self.Kvf * c_1,
                self.c - self.d * x1**2 - y1,
                self.r * (4.0 * (x1 - self.x0) - z + restoring + self.Ks * c_1),
                -y2 + x2 - x2**3 + self.Iext2 + self.bb * g - 0.3 * (z - 3.5) + self.Kf * c_2,
                (-y2 + f2) / self.tau,
                -0.01 * (g - 0.1 * x1),
            ]
        )
