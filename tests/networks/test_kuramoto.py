"""Phases: the order parameter, and that they synchronise as theory says."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nmm_infer as nmm

KEY = jax.random.key(0)


def everyone(n):
    """All regions connected alike."""
    return nmm.Connectome(1.0 - np.eye(n))


def order(network, duration, **options):
    return np.asarray(nmm.observe.KuramotoOrder()(nmm.solve(network, duration, **options)).values)


def test_order_is_the_length_of_the_mean_phasor():
    phase = np.random.default_rng(0).normal(size=(7, 5))
    signal = nmm.Signal(jnp.asarray(phase), 2.0, ("time", "region"), ((), tuple("abcde")), "theta", "rad")
    seen = nmm.observe.KuramotoOrder()(signal)
    np.testing.assert_allclose(seen.values, np.abs(np.exp(1j * phase).mean(axis=1)), rtol=1e-12)
    assert (seen.dims, seen.name, seen.unit, seen.interval) == (("time",), "kuramoto_order", "1", 2.0)
    assert seen.to_xarray()["time"].values[0] == 2.0


def test_order_needs_a_phase():
    with pytest.raises(
        ValueError, match=r"KuramotoOrder\(variable=...\) got 'x' in 1, expected a phase in rad such as theta"
    ):
        nmm.observe.KuramotoOrder(variable="x")(nmm.solve(nmm.Network(nmm.models.Hopf()), 2.0, step=0.1))


def test_identical_frequencies_synchronise():
    """Any K > 0; without coupling the phases stay where they are relative to each other."""
    start = jax.random.uniform(KEY, (1, 20), maxval=2 * np.pi)
    runs = {
        K: order(
            nmm.Network(
                nmm.models.Kuramoto(omega=0.06), everyone(20), nmm.couplings.Kuramoto(K=K), initial=start
            ),
            400.0,
            step=0.5,
        )
        for K in (0.0, 0.1)
    }
    assert runs[0.1][-1] > 1 - 1e-6
    np.testing.assert_allclose(runs[0.0], runs[0.0][0], rtol=1e-9)
    assert runs[0.0][0] < 0.5


@pytest.mark.parametrize(("ratio", "expected"), [(2.0, np.sqrt(0.5)), (4.0, np.sqrt(0.75)), (0.5, 0.0)])
def test_order_of_lorentzian_frequencies(ratio, expected):
    """Kuramoto 1975: for frequencies of half-width γ the critical coupling is 2 γ, and above it R = √(1 -
    K_c/K).
    """
    n, gamma = 400, 0.01
    omega = 0.06 + gamma * np.tan(np.pi * ((np.arange(n) + 0.5) / n - 0.5))
    network = nmm.Network(
        nmm.models.Kuramoto(omega=np.clip(omega, -0.5, 0.5)),
        everyone(n),
        nmm.couplings.Kuramoto(K=ratio * 2 * gamma),
        initial=jax.random.uniform(KEY, (1, n), maxval=2 * np.pi),
    )
    late = order(network, 1000.0, step=1.0, transient=1500.0)
    # √N fluctuations below threshold are 1/√400 = 0.05.
    assert late.mean() == pytest.approx(expected, abs=0.1 if expected == 0 else 0.03)


def test_phase_lag_of_the_target_slows_the_synchronous_rhythm():
    """Sakaguchi & Kuramoto 1986: in synchrony all run at ω - K (N - 1)/N sin α."""
    n, K, alpha, omega = 10, 0.1, 0.5, 0.06
    network = nmm.Network(
        nmm.models.Kuramoto(omega=omega),
        everyone(n),
        nmm.couplings.Kuramoto(K=K, alpha=alpha),
        initial=0.1 * jax.random.normal(KEY, (1, n)),
    )
    theta = nmm.solve(network, 100.0, step=0.5, transient=500.0).variable("theta").values
    theta = np.unwrap(theta, axis=0)
    speed = float((theta[-1] - theta[0]).mean() / 99.5)
    assert speed == pytest.approx(omega - K * (n - 1) / n * np.sin(alpha), rel=1e-6)


def test_delay_shifts_the_rhythm_as_its_phase_does():
    """Two oscillators d apart: Ω = ω - (K/2) sin(Ω d) (Schuster & Wagner 1989, Prog Theor Phys 81:939)."""
    from scipy.optimize import brentq

    omega, K, d = 0.06, 0.05, 10.0
    pair = nmm.Connectome([[0.0, 1.0], [1.0, 0.0]], [[0.0, 10 * d], [10 * d, 0.0]])
    network = nmm.Network(
        nmm.models.Kuramoto(omega=omega), pair, nmm.couplings.Kuramoto(K=K), speed=10.0, initial=[[0.1, 0.2]]
    )
    theta = nmm.solve(network, 100.0, step=0.1, transient=1500.0).variable("theta").values
    theta = np.unwrap(theta, axis=0)
    expected = brentq(lambda w: w - omega + K / 2 * np.sin(w * d), 0.0, 0.1)
    assert float((theta[-1] - theta[0]).mean() / 99.9) == pytest.approx(expected, rel=1e-4)


def test_order_has_a_gradient_where_phases_cancel():
    """Opposite phases: zero order, and a slope of zero instead of NaN."""

    def order(phase):
        return nmm.observe.KuramotoOrder()(
            nmm.Signal(phase, 1.0, ("time", "region"), ((), ()), "theta", "rad")
        ).values.sum()

    np.testing.assert_allclose(jax.grad(order)(jnp.array([[0.0, 0.0, 0.0]])), 0.0, atol=1e-12)
    assert np.all(np.isfinite(jax.grad(order)(jnp.array([[0.0, np.pi]]))))
