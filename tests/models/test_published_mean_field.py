"""What the mean fields do, against published numbers, or against SciPy's solution of the plain formulas where
papers give pictures only.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from formulas import FORMULAS
from running import run, upward_crossings
from scipy.integrate import solve_ivp
from scipy.optimize import brentq, root

from nmm_infer import models
from nmm_infer.models._transfer import synchrony


def plain(model):
    """f(y) of the isolated region, from the formula in NumPy."""
    slots = {name: np.asarray(getattr(model, name), dtype=float) for name in model.parameters()}
    return lambda y: np.array(
        FORMULAS[type(model)](slots, np.asarray(y), np.zeros(len(model.ports))), dtype=float
    )


def fixed_point(model, near):
    found = root(plain(model), near, tol=1e-12)
    assert found.success
    return found.x


def growth(model, near):
    """The largest growth rate (1/ms) of a small perturbation of the fixed point near `near`."""
    f, y = plain(model), fixed_point(model, near)
    h = 1e-6
    jacobian = np.stack([(f(y + h * e) - f(y - h * e)) / (2 * h) for e in np.eye(len(y))], axis=1)
    return np.linalg.eigvals(jacobian).real.max()


def rhythm(signal, sample_every):
    """Frequency in Hz, from mean crossings."""
    return 1e3 / np.diff(upward_crossings(signal, signal.mean(), sample_every)).mean()


def test_coombes_byrne_settles():
    """models.md: the defaults settle at (0.1847, -0.5714)."""
    model = models.CoombesByrne()
    end = run(model, model.initial(1), duration=60, step=0.01, sample_every=1.0)[-1]
    np.testing.assert_allclose(end[:, 0], [0.1847, -0.5714], atol=5e-5)
    np.testing.assert_allclose(end[:, 0], fixed_point(model, [0.2, -0.5]), rtol=1e-9)


def test_coombes_byrne_4d_oscillates_unless_neurons_differ_too_much():
    """Coombes & Byrne 2019: a Hopf bifurcation to oscillations, which heterogeneity Δ destroys. The frequency
    is SciPy's.
    """
    model = models.CoombesByrne4D(Delta=np.array([0.5, 2.0]))
    rates = run(model, model.initial(2), duration=150, step=0.005, sample_every=0.01)[5000:, 0]
    assert np.ptp(rates[:, 0]) > 1.0
    assert np.ptp(rates[:, 1]) < 1e-6
    near = [0.5, 0.7, 1.7, 0.0]
    assert growth(models.CoombesByrne4D(), near) > 0 > growth(models.CoombesByrne4D(Delta=2.0), near)
    f, t = plain(models.CoombesByrne4D()), np.arange(50, 150, 0.01)
    expected = solve_ivp(
        lambda _, y: f(y), (0, 150), models.CoombesByrne4D().initial(1)[:, 0], t_eval=t, rtol=1e-9, atol=1e-9
    ).y[0]
    np.testing.assert_allclose(rhythm(rates[:, 0], 0.01), rhythm(expected, 0.01), rtol=1e-4)


def test_synchrony_is_the_kuramoto_order_parameter():
    """|Z| of Z = (1 - W*)/(1 + W*), W = π r + i V (Montbrió, Pazó, Roxin 2015): 1 for silent neurons, 0 with
    a finite gradient at r = 1/π, V = 0.
    """
    r, V = np.array([0.0, 0.3, 2.0, 0.1]), np.array([-1.0, 0.2, 1.0, -2.0])
    W = np.pi * r - 1j * V
    np.testing.assert_allclose(
        synchrony(jnp.asarray(r), jnp.asarray(V)), np.abs((1 - W) / (1 + W)), rtol=1e-12
    )
    value, slope = jax.value_and_grad(synchrony, argnums=(0, 1))(1 / jnp.pi, 0.0)
    assert value < 1e-15
    assert np.all(np.isfinite(slope))
    np.testing.assert_allclose(
        models.CoombesByrne().variable("synchrony", jnp.asarray([r, V])), synchrony(r, V), rtol=1e-12
    )


def test_dumont_gutkin_interneurons_make_gamma_above_a_hopf_bifurcation():
    """Dumont & Gutkin 2019: driven inhibitory neurons that inhibit each other make a gamma rhythm (30 to 100
    Hz). Where it begins is SciPy's.
    """
    near = [0.006, -2.5, 0.0, 0.3, 0.03, -0.5, 0.0, 0.4]
    onset = brentq(lambda current: growth(models.DumontGutkin(I_i=current), near), 13.0, 17.0, xtol=1e-4)
    np.testing.assert_allclose(onset, 15.151, atol=0.002)
    model = models.DumontGutkin(I_i=onset + np.array([-2.0, 1.0]))
    rates = run(model, model.initial(2), duration=1500, step=0.02, sample_every=0.1)[10_000:, 4]
    assert np.ptp(rates[:, 0]) < 1e-4
    assert np.ptp(rates[:, 1]) > 0.01
    assert 30 < rhythm(rates[:, 1], 0.1) < 100


def test_dumont_gutkin_pyramidal_cells_and_interneurons_make_gamma_together():
    """Dumont & Gutkin 2019: so do driven excitatory neurons with interneurons that answer them, unless e no
    longer reaches i.
    """
    model = models.DumontGutkin(I_e=10.0, I_i=0.0, J_ee=0.0, J_ii=0.0, J_ei=10.0, J_ie=np.array([10.0, 0.0]))
    rates = run(model, model.initial(2), duration=1000, step=0.02, sample_every=0.1)[5000:, 0]
    assert np.ptp(rates[:, 0]) > 0.1
    assert 30 < rhythm(rates[:, 0], 0.1) < 100
    assert np.ptp(rates[:, 1]) < 1e-6


def test_synaptic_depression_makes_bursts():
    """Gast, Schmidt, Knösche 2020: bursting between a quiet and a tonic regime of the mean excitability η;
    none without depression.
    """
    eta, alpha = np.array([-6.0, -5.5, -4.0, -5.5]), np.array([0.5, 0.5, 0.5, 0.0])
    model = models.GastSchmidtKnoscheSD(eta=eta, alpha=alpha)
    r = run(model, model.initial(4), duration=1000, step=0.01, sample_every=0.1)[6000:, 0]
    quiet, bursting, tonic, without = r.T
    assert np.ptp(quiet) < 1e-3
    assert quiet.mean() < 0.2 < 0.8 < tonic.mean()
    assert np.ptp(tonic) < 1e-3
    assert np.ptp(bursting) > 2.0
    assert np.ptp(without) < 1e-6
    near = [0.5, -0.6, 0.3, 0.0]
    assert (
        growth(models.GastSchmidtKnoscheSD(eta=-5.5), near)
        > 0
        > growth(models.GastSchmidtKnoscheSD(eta=-4.0), near)
    )


def test_spike_frequency_adaptation_makes_bursts():
    """Gast, Schmidt, Knösche 2020; none without adaptation, when the model is that of Montbrió, Pazó and
    Roxin.
    """
    model = models.GastSchmidtKnoscheSFA(alpha=np.array([10.0, 0.0]))
    y = run(model, model.initial(2), duration=600, step=0.005, sample_every=0.1)[3000:]
    assert np.ptp(y[:, 0, 0]) > 3.0
    assert np.ptp(y[:, 0, 1]) < 1e-6
    same = models.MontbrioPazoRoxin(Delta=2.0, J=21.2132, eta=1.0)
    np.testing.assert_allclose(y[-1, :2, 1], fixed_point(same, y[-1, :2, 1]), rtol=1e-9)


def test_zerlaut_fires_a_few_spikes_a_second():
    """di Volo et al. 2019: asynchronous irregular activity, inhibitory cells faster than excitatory ones. The
    rates are SciPy's.
    """
    model = models.Zerlaut(external_input_ex_ex=0.0025, external_input_in_ex=0.0025)
    end = run(model, model.initial(1), duration=10_000, step=0.5, sample_every=100)[-1]
    E, I, W_e, *_ = end[:, 0]
    np.testing.assert_allclose(
        end[:, 0], fixed_point(model, [0.0014, 0.009, 70.0, 0.0, 0.0]), rtol=1e-6, atol=1e-12
    )
    np.testing.assert_allclose([1e3 * E, 1e3 * I], [1.411, 8.999], atol=5e-4)
    assert E < 0.005 < I < 0.02
    # The same cells adapt less and fire more without the current that each spike adds.
    lighter = models.Zerlaut(external_input_ex_ex=0.0025, external_input_in_ex=0.0025, b_e=20.0)
    assert run(lighter, lighter.initial(1), duration=10_000, step=0.5, sample_every=100)[-1, 0, 0] > 1.2 * E
    assert W_e > 0


def test_zerlaut_wants_ten_coefficients():
    with pytest.raises(
        ValueError,
        match=(
            r"Zerlaut\(P_i=\.\.\.\) has shape \(2,\), expected 10 numbers in V, the coefficients of the"
            r" threshold"
        ),
    ):
        models.Zerlaut(P_i=(1.0, 2.0))


def test_zerlaut_is_finite_in_the_tail_of_its_transfer_function():
    """Silent cells: the threshold lies hundreds of deviations above the mean potential. Below zero the input
    is cut off.
    """
    model = models.Zerlaut()
    y = jnp.zeros((5, 3)).at[2].set(1000.0)
    c = jnp.asarray([[-1.0, 0.0, 1.0]])
    drift = jax.jit(
        lambda y, c: jax.vjp(lambda y, c: model.drift(jnp.zeros(()), y, c), y, c)[1](jnp.ones((5, 3)))
    )
    by_state, by_input = drift(y, c)
    assert np.all(np.isfinite(by_state))
    assert np.all(np.isfinite(by_input))
    assert by_input[0, 0] == 0.0
