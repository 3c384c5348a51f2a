"""What the phenomenological models do, against published numbers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from running import run, upward_crossings

from nmm_infer import models


def test_hopf_amplitude_and_period():
    """√(a/β) and 2π/ω on either side of the bifurcation, which an integrator must not move."""
    a, beta = np.array([0.25, 0.01, 0.25, -0.003]), np.array([1.0, 1.0, 4.0, 1.0])
    model = models.Hopf(a=a, omega=0.3, beta=beta)
    y = run(model, np.tile([[0.3], [0.0]], 4), duration=4000, step=0.1, sample_every=0.5)
    radius = np.hypot(y[:, 0], y[:, 1])
    np.testing.assert_allclose(radius[-100:, :3], np.tile([0.5, 0.1, 0.25], (100, 1)), rtol=1e-4)
    # Below the bifurcation the radius decays with rate |a|, a little faster while it is large.
    assert radius[-1, 3] < 0.3 * np.exp(-0.003 * 4000)
    np.testing.assert_allclose(radius[-1, 3] / radius[-2001, 3], np.exp(-0.003 * 1000), rtol=1e-3)
    times = upward_crossings(y[4000:, 0, 0], 0.0, 0.5)
    np.testing.assert_allclose(np.diff(times).mean(), 20.94, atol=0.01)


def test_stuart_landau_is_hopf_in_another_scale():
    """Amplitude √a and period 2π/ω (Kuramoto 1984); with β the same orbit, smaller by √β."""
    y = run(
        models.StuartLandau(a=np.array([0.25, 0.01])),
        [[0.3, 0.3], [0.0, 0.0]],
        duration=2000,
        step=0.1,
        sample_every=0.5,
    )[2000:]
    np.testing.assert_allclose(np.hypot(y[:, 0], y[:, 1])[-100:], np.tile([0.5, 0.1], (100, 1)), rtol=1e-4)
    np.testing.assert_allclose(
        np.diff(upward_crossings(y[:, 0, 0], 0.0, 0.5)).mean(), 2 * np.pi / 0.2, rtol=1e-4
    )
    point = jnp.array([[0.3], [-0.2]])
    scaled = models.Hopf(beta=4.0).drift(jnp.zeros(()), point / 2, jnp.zeros((2, 1)))
    np.testing.assert_allclose(
        models.StuartLandau().drift(jnp.zeros(()), point, jnp.zeros((2, 1))), 2 * scaled, rtol=1e-12
    )


def test_van_der_pol_period_and_amplitude():
    """At μ = 1 amplitude 2.0086 and period 6.6633 (Andersen & Geer 1982, SIAM J Appl Math 42:678)."""
    mu = np.array([0.1, 1.0, 10.0])
    y = run(models.VanDerPol(mu=mu), [[2.0] * 3, [0.0] * 3], duration=200, step=0.005, sample_every=0.01)[
        5000:, 0
    ]
    period = np.array([np.diff(upward_crossings(x, 0.0, 0.01)).mean() for x in y.T])
    np.testing.assert_allclose(y.max(axis=0), [2.0, 2.0086, 2.0], atol=0.02)
    np.testing.assert_allclose(y[:, 1].max(), 2.0086, atol=1e-4)
    # Small μ: 2π (1 + μ²/16 + O(μ⁴)), by Lindstedt's series.
    np.testing.assert_allclose(period[0], 2 * np.pi * (1 + mu[0] ** 2 / 16), rtol=1e-5)
    np.testing.assert_allclose(period[1], 6.6633, rtol=1e-4)
    # Large μ: the corner adds 3 · 2.33811 μ^(-1/3), with the first zero of Airy's function (Dorodnitsyn
    # 1947).
    asymptotic = (3 - 2 * np.log(2)) * mu[2] + 3 * 2.33811 * mu[2] ** (-1 / 3)
    np.testing.assert_allclose(period[2], asymptotic, rtol=0.02)


def test_fitzhugh_nagumo_oscillates_between_two_inputs():
    """models.md: for a constant input in about [0.75, 1.30]; at rest below, active and at rest above (Kostova
    et al. 2004 for the two Hopf bifurcations).
    """
    I = np.array([0.0, 0.70, 0.75, 1.0, 1.30, 1.35, 2.0])
    V = run(
        models.FitzHughNagumo(I=I),
        np.tile([[0.05], [0.0]], len(I)),
        duration=6000,
        step=0.2,
        sample_every=1.0,
    )[3000:, 0]
    oscillates = np.ptp(V, axis=0) > 0.1
    np.testing.assert_array_equal(oscillates, [False, False, True, True, True, False, False])
    assert np.all(np.diff(V[-1, [0, 1, 5, 6]]) > 0)
    assert np.ptp(V[:, ~oscillates], axis=0).max() < 0.01


def test_fitzhugh_nagumo_loses_stability_at_two_inputs():
    """The Jacobian's trace at rest, -9 V² + 8 V - 1.5 - ε/τ, vanishes twice; with W = V/ε that is at I =
    0.726 and 1.332.
    """
    V = np.sort(np.roots([-9.0, 8.0, -1.5 - 0.5 / 20.0]))
    I = 3 * V**3 - 4 * V**2 + 1.5 * V + V / 0.5
    np.testing.assert_allclose(I, [0.726, 1.332], atol=5e-4)
    model, y, c = models.FitzHughNagumo(I=I), jnp.array([V, V / 0.5]), jnp.zeros((1, 2))
    np.testing.assert_allclose(model.drift(jnp.zeros(()), y, c), 0.0, atol=1e-12)
    jacobian = jax.jacobian(lambda y: model.drift(jnp.zeros(()), y, c))(y)
    for region in range(2):
        rates = np.linalg.eigvals(jacobian[:, region, :, region])
        np.testing.assert_allclose(rates.real, 0.0, atol=1e-9)
        assert np.abs(rates.imag).min() > 0.1


def test_threshold_linear_steady_state():
    """models.md: input 5 to both gives E = β_e 5 = 0.330 and I = β_i 5 = 1.755; below threshold nothing
    happens.
    """
    model = models.ThresholdLinear(I_e=np.array([5.0, 0.0]), I_i=np.array([5.0, 0.0]))
    end = run(model, [[0.1, 0.1], [0.1, 0.1]], duration=500, step=0.5, sample_every=10)[-1]
    np.testing.assert_allclose(end, [[0.330, 0.0], [1.755, 0.0]], atol=1e-6)
    below = model.drift(jnp.zeros(()), jnp.zeros((2, 2)), jnp.array([[-6.0, -6.0]]))
    np.testing.assert_array_equal(below[0], 0.0)


def test_lorenz_attractor():
    """Lorenz 1963: fixed points at ±√(β (ρ - 1)) and z = ρ - 1, unstable at ρ = 28, and a bounded orbit about
    both.
    """
    model = models.Lorenz()
    q = np.sqrt(8 / 3 * 27)
    rest = jnp.array([[q, -q, 0.0], [q, -q, 0.0], [27.0, 27.0, 0.0]])
    np.testing.assert_allclose(model.drift(jnp.zeros(()), rest, jnp.zeros((1, 3))), 0.0, atol=1e-12)
    y = run(
        models.Lorenz(rho=np.array([28.0, 0.5, 10.0])),
        np.ones((3, 3)),
        duration=200,
        step=0.01,
        sample_every=0.01,
    )[2000:]
    x, z = y[:, 0, 0], y[:, 2, 0]
    assert 2 < z.min() < 6
    assert 42 < z.max() < 50
    # On a bounded orbit the means of (x²)' and z' vanish: ⟨x²⟩ = ⟨x y⟩ = β ⟨z⟩.
    np.testing.assert_allclose([(x**2).mean(), (x * y[:, 1, 0]).mean()], 8 / 3 * z.mean(), rtol=0.005)
    assert np.count_nonzero(np.diff(np.sign(x))) > 50
    # Below ρ = 1 convection dies, below ρ = 24.74 it is steady (Lorenz 1963, section 7).
    np.testing.assert_allclose(y[-1, :, 1], 0.0, atol=1e-9)
    np.testing.assert_allclose(np.abs(y[-1, :, 2]), [np.sqrt(24), np.sqrt(24), 9.0], rtol=1e-9)


def test_kuramoto_advances_at_its_own_frequency():
    omega = np.array([0.01, 0.5])
    y = run(
        models.Kuramoto(omega=omega, I=np.array([0.0, 0.1])),
        np.zeros((1, 2)),
        duration=100,
        step=1.0,
        sample_every=100,
    )
    np.testing.assert_allclose(y[-1, 0], 100 * (omega + np.array([0.0, 0.1])), rtol=1e-12)
    np.testing.assert_allclose(models.Kuramoto().activity(y[-1]), np.sin(y[-1, 0]))


def test_generic_2d_oscillator_regimes_of_tvb():
    """Sanz-Leon et al. 2015 and TVB's table of the model: excitable at the defaults, a limit cycle
    at a = 2.
    """
    y = run(
        models.Generic2dOscillator(a=np.array([-2.0, 2.0])),
        [[0.1, 0.1], [0.0, 0.0]],
        duration=4000,
        step=0.5,
        sample_every=1.0,
    )
    assert np.ptp(y[2000:, 0, 0]) < 1e-6
    assert np.ptp(y[2000:, 0, 1]) > 1
    # Excitable: from a kick to V = 0 it returns, from one to V = 1 it goes on to V > 1.5 first.
    rest = y[-1, :, 0]
    kicked = run(
        models.Generic2dOscillator(),
        [[0.0, 1.0], [rest[1], rest[1]]],
        duration=1500,
        step=0.5,
        sample_every=1.0,
    )
    assert kicked[1:, 0, 0].max() < 0.2
    assert kicked[:, 0, 1].max() > 1.2
    np.testing.assert_allclose(kicked[-1].T, [rest, rest], atol=1e-3)


def test_generic_2d_oscillator_is_bistable():
    """TVB's table of the model, a = 1, b = 0, c = -5: fixed point and limit cycle coexist at I = 0; at I = -2
    there is a fixed point only.
    """
    model = models.Generic2dOscillator(a=1.0, b=0.0, c=-5.0, I=np.array([0.0, 0.0, -2.0, -2.0]))
    y = run(
        model, [[0.5, 2.0, 0.5, 2.0], [-2.0, 2.0, -2.0, 2.0]], duration=12_000, step=0.5, sample_every=1.0
    )[10_000:, 0]
    np.testing.assert_array_equal(np.ptp(y, axis=0) > 1, [True, False, False, False])
    assert np.ptp(y[:, 1:], axis=0).max() < 1e-4


@pytest.mark.parametrize("tau", [20.0, 200.0])
def test_leaky_integrator_forgets_with_its_time_constant(tau):
    """x(t) = I + (x(0) - I) exp(-t/τ)."""
    y = run(models.LeakyIntegrator(tau=tau, I=0.5), [[2.0]], duration=100, step=0.5, sample_every=50)[:, 0, 0]
    np.testing.assert_allclose(y, 0.5 + 1.5 * np.exp(-np.array([50.0, 100.0]) / tau), rtol=1e-8)


def test_linear_decays():
    """x(t) = x(0) exp(γ t)."""
    y = run(models.Linear(gamma=-0.1), [[2.0]], duration=20, step=0.1, sample_every=10)[:, 0, 0]
    np.testing.assert_allclose(y, 2 * np.exp([-1.0, -2.0]), rtol=1e-6)
