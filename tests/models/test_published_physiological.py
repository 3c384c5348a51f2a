"""What the physiological models do, against published numbers."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from running import run, upward_crossings

from nmm_infer import models
from nmm_infer.priors import Prior

# Nothing arrives, at any port of any region.
ALONE = np.zeros((2, 1))


@pytest.mark.parametrize("tau", [1.0, 8.0])
def test_montbrio_pazo_roxin_is_bistable(tau):
    """models.md: low (0.0811, -1.9616) and high (1.0306, -0.1544); with another time constant the rate is
    r/τ, the potential the same.
    """
    model = models.MontbrioPazoRoxin(tau=np.array([tau, tau]))
    end = run(
        model, [[0.1 / tau, 1.0 / tau], [-2.0, 0.0]], duration=60 * tau, step=0.02 * tau, sample_every=tau
    )[-1]
    np.testing.assert_allclose(end * [[tau], [1.0]], [[0.0811, 1.0306], [-1.9616, -0.1544]], atol=5e-5)


def test_wong_wang_exc_inh_rests_at_three_hertz():
    """Deco et al. 2014: the excitatory pool fires at 3.08 Hz."""
    model = models.WongWangExcInh()
    end = run(model, model.initial(1), duration=4000, step=0.5, sample_every=10)[-1]
    np.testing.assert_allclose(1e3 * model.H_e(end, ALONE), 3.08, atol=0.005)


def test_jansen_rit_regimes():
    """With v0 = 6 mV: alpha at an input of 0.22 kHz, slow spikes at 0.12 kHz, silence at 0.05 kHz (Jansen &
    Rit 1995).
    """
    model = models.JansenRit(mu=np.array([0.22, 0.12, 0.05]), v0=6.0)
    y = run(model, model.initial(3), duration=12_000, step=0.5, sample_every=1.0)[2000:]
    eeg = y[:, 1] - y[:, 2]
    alpha, spikes, silent = eeg.T
    frequency = 1e3 / np.diff(upward_crossings(alpha, alpha.mean(), 1.0))
    assert 10 < frequency.mean() < 12
    assert np.ptp(alpha) > 1
    rhythm = 1e3 / np.diff(upward_crossings(spikes, spikes.min() + 0.8 * np.ptp(spikes), 1.0))
    assert 2.2 < rhythm.mean() < 2.8
    assert np.ptp(spikes) > np.ptp(alpha)
    assert np.ptp(silent) < 1e-3


def test_wilson_cowan_preset_oscillates():
    """Wilson & Cowan 1972, figure 11; the default set rests."""
    wave = run(models.WilsonCowan.oscillating(), [[0.1], [0.1]], duration=1000, step=0.5, sample_every=1.0)[
        500:, 0, 0
    ]
    assert np.ptp(wave) > 0.1
    assert len(upward_crossings(wave, wave.mean(), 1.0)) >= 4
    rest = run(models.WilsonCowan(), [[0.1], [0.1]], duration=1000, step=0.5, sample_every=1.0)[500:, 0, 0]
    assert np.ptp(rest) < 1e-6


# ---------------------------------------------------------------- Wong–Wang


def test_wong_wang_winner_takes_all():
    """models.md, after Wong & Wang 2006: at coherence 0.1 about 31 Hz against 0.8 Hz; the sign decides who
    wins, and without evidence or noise nobody does.
    """
    model = models.WongWang(coherence=np.array([0.1, -0.1, 0.0]))
    end = run(model, model.initial(3), duration=4000, step=0.5, sample_every=100)[-1]
    rates = 1e3 * np.stack([model.r1(end, ALONE), model.r2(end, ALONE)])
    np.testing.assert_allclose(rates[:, 0], [31.0, 0.8], atol=0.1)
    np.testing.assert_allclose(rates[:, 1], rates[::-1, 0], rtol=1e-6)
    np.testing.assert_allclose(*rates[:, 2], rtol=1e-9)
    assert 5 < rates[0, 2] < 20


def test_wong_wang_remembers_the_decision():
    """Wong & Wang 2006: without stimulus spontaneous activity at a few Hz and persistent activity of either
    pool coexist.
    """
    model = models.WongWang(mu0=np.zeros(3))
    end = run(model, [[0.1, 0.6, 0.05], [0.1, 0.05, 0.6]], duration=4000, step=0.5, sample_every=100)[-1]
    r1, r2 = 1e3 * np.stack([model.r1(end, ALONE), model.r2(end, ALONE)])
    assert 1 < r1[0] < 5
    assert r1[1] > 15 > 1 > r2[1]
    np.testing.assert_allclose((r1[2], r2[2]), (r2[1], r1[1]), rtol=1e-6)


def test_reduced_wong_wang_is_bistable_with_strong_recurrence():
    """Deco et al. 2013: alone (w = 0.9, I_o = 0.3) a region has one state of low activity, with input from
    its likes (here w = 1.4) a high one too.
    """
    model = models.ReducedWongWang(w=np.array([0.9, 0.9, 1.4, 1.4]), I_o=0.3)
    S = run(model, [[0.0, 0.9, 0.0, 0.9]], duration=20_000, step=2.0, sample_every=1000)[-1, 0]
    np.testing.assert_allclose(S[0], S[1], atol=1e-6)
    assert S[:3].max() < 0.1
    assert S[3] > 0.7


# ---------------------------------------------------------------- Wilson–Cowan and what it is composed of


def test_wilson_cowan_hysteresis():
    """Wilson & Cowan 1972, figures 4 and 5: at the default weights a low and a high state coexist at P = 0,
    for strong input of either sign one is left.
    """
    P = np.array([-1.0, -1.0, 0.0, 0.0, 1.0, 1.0])
    E = run(
        models.WilsonCowan(P=P), [[0.0, 0.5] * 3, [0.0, 0.3] * 3], duration=3000, step=0.5, sample_every=100
    )[-1, 0]
    np.testing.assert_allclose(E[[0, 2, 4]], [E[1], 0.0, E[5]], atol=1e-6)
    assert E[0] < 0.0 < 0.4 < E[3] < E[4]


def test_wilson_cowan_without_saturation_reaches_the_full_response():
    """Fully driven, E = k s with r = 0 and E = k s / (1 + r s) with r = 1: half of the cells are refractory
    (Wilson & Cowan 1972).
    """
    s = 1 - 1 / (1 + np.exp(1.2 * 2.8))
    model = models.WilsonCowan.without_saturation(P=np.full(2, 100.0), r_e=np.array([0.0, 1.0]))
    E = run(model, np.full((2, 2), 0.1), duration=1000, step=0.5, sample_every=100)[-1, 0]
    np.testing.assert_allclose(E, [s, s / (1 + s)], rtol=1e-6)
    assert (
        float(models.WilsonCowan.without_saturation().r_e)
        == float(models.WilsonCowan.without_saturation().r_i)
        == 0.0
    )


def test_wilson_cowan_of_daffertshofer_oscillates():
    """Daffertshofer & van Wijk 2011, Front Neuroinform 5:6, as in TVB (Sanz-Leon et al. 2015): a plain
    sigmoid, no refractoriness, a limit cycle.
    """
    model = models.WilsonCowan.without_saturation(
        **{
            "c_ee": 10.0,
            "c_ei": 6.0,
            "c_ie": 10.0,
            "c_ii": 1.0,
            "a_e": 1.0,
            "b_e": 0.0,
            "a_i": 1.0,
            "b_i": 0.0,
        },
        **{
            "theta_e": 2.0,
            "theta_i": 3.5,
            "alpha_e": 1.2,
            "alpha_i": 2.0,
            "P": 0.5,
            "response": models.Sigmoid(),
        },
    )
    E = run(model, [[0.1], [0.1]], duration=2000, step=0.5, sample_every=1.0)[1000:, 0, 0]
    assert np.ptp(E) > 0.3
    assert len(upward_crossings(E, E.mean(), 1.0)) > 10


def test_wilson_cowan_symmetric_differs_by_connections_only():
    """With equal connections E and I are one population; with those of Wilson & Cowan 1972, figure 11, they
    oscillate.
    """
    same = models.WilsonCowan.symmetric(c_ee=16.0, c_ie=16.0, c_ei=12.0, c_ii=12.0, P=1.5, Q=1.5)
    twins = run(same, [[0.1], [0.1]], duration=500, step=0.5, sample_every=10)
    np.testing.assert_allclose(twins[:, 0], twins[:, 1], rtol=1e-12)
    rhythm = models.WilsonCowan.symmetric(a=1.3, b=4.0, c_ee=16.0, c_ei=12.0, c_ie=15.0, c_ii=3.0, P=1.5)
    assert np.ptp(run(rhythm, [[0.1], [0.1]], duration=1500, step=0.5, sample_every=10)[70:, 0]) > 0.1
    slopes = [float(getattr(rhythm, slot)) for slot in ("a_e", "a_i", "b_e", "b_i", "tau_e", "tau_i")]
    assert slopes == [1.3, 1.3, 4.0, 4.0, 10.0, 10.0]


def test_wilson_cowan_symmetric_refuses_what_it_cannot_share():
    with pytest.raises(
        TypeError,
        match=(
            r"WilsonCowan\.symmetric\(tau=\.\.\.\) got a prior, which would be drawn once for each"
            r" population; expected a value"
        ),
    ):
        models.WilsonCowan.symmetric(tau=Prior(dist.LogNormal(2.0, 0.1)))


def test_wilson_cowan_threshold_linear_is_paradoxical():
    """Tsodyks et al. 1997: in an inhibition-stabilised network more input to I lowers I, after it first
    raised it. At rest E = 0.5 - Q, I = (1 - Q) / 1.5.
    """
    model = models.WilsonCowan.threshold_linear(Q=np.array([0.0, 0.2]))
    y = run(model, [[0.5, 0.5], [2 / 3, 2 / 3]], duration=600, step=0.2, sample_every=1.0)
    np.testing.assert_allclose(y[-1], [[0.5, 0.3], [1 / 1.5, 0.8 / 1.5]], rtol=1e-6)
    I = y[:, 1, 1]
    assert I[5] > 2 / 3 + 0.05
    # The condition: without the feedback of I, E runs away.
    alone = models.WilsonCowan.threshold_linear(c_ei=0.0)
    assert run(alone, [[0.5], [0.0]], duration=60, step=0.2, sample_every=10)[-1, 0, 0] > 50


def test_wilson_cowan_divisive_inhibition_changes_the_gain():
    """Normalisation (Carandini & Heeger 2012): E = P / (1 + c_ei I), the response to any input divided by the
    same number; subtraction moves the threshold.
    """
    feedforward = {"c_ee": 0.0, "c_ii": 0.0, "c_ie": 0.0, "Q": 0.25, "P": np.array([0.5, 1.0, 2.0])}
    linear = models.WilsonCowan.threshold_linear
    divided = run(
        linear(inhibition=models.Divisive(), c_ei=4.0, **feedforward),
        np.zeros((2, 3)),
        duration=400,
        step=0.5,
        sample_every=10,
    )[-1]
    np.testing.assert_allclose(divided, [[0.25, 0.5, 1.0], [0.25, 0.25, 0.25]], rtol=1e-6)
    subtracted = run(
        linear(c_ei=4.0, **feedforward), np.zeros((2, 3)), duration=400, step=0.5, sample_every=10
    )[-1]
    np.testing.assert_allclose(subtracted[0], [0.0, 0.0, 1.0], atol=1e-6)
    assert isinstance(models.WilsonCowan.divisive().inhibition, models.Divisive)


def test_wilson_cowan_says_what_its_parts_may_be():
    with pytest.raises(
        TypeError,
        match=r"WilsonCowan\(response=\.\.\.\) got str, expected Response, such as nmm\.models\.Sigmoid\(\)",
    ):
        models.WilsonCowan(response="sigmoid")
    with pytest.raises(
        TypeError,
        match=(
            r"WilsonCowan\(inhibition=\.\.\.\) got Sigmoid, expected Inhibition, such as"
            r" nmm\.models\.Divisive\(\)"
        ),
    ):
        models.WilsonCowan(inhibition=models.Sigmoid())
    with pytest.raises(
        TypeError,
        match=(
            r"WilsonCowan\(response=\.\.\.\) got the class Sigmoid itself, expected Response, such as"
            r" nmm\.models\.Sigmoid\(\)"
        ),
    ):
        models.WilsonCowan(response=models.Sigmoid)
    for extended in (
        models.WilsonCowanAdaptive,
        models.WilsonCowanDelayed,
        models.WilsonCowanThreePopulations,
    ):
        with pytest.raises(
            TypeError,
            match=rf"{extended.__name__}\(core=\.\.\.\) got JansenRit, expected WilsonCowan, such as nmm",
        ):
            extended(core=models.JansenRit())


def test_extended_wilson_cowan_contains_the_plain_one():
    """Without adaptation, with all activities seen at once, without SOM cells: the drift of E and I is the
    core's.
    """
    core = models.WilsonCowan.oscillating()
    E, I, c = jnp.array([0.3]), jnp.array([0.2]), jnp.array([[0.4]])
    plain = core.drift(jnp.zeros(()), jnp.stack([E, I]), c)
    adaptive = models.WilsonCowanAdaptive(core=core).drift(jnp.zeros(()), jnp.stack([E, I, 0 * E]), c)
    delayed = models.WilsonCowanDelayed(core=core).drift(
        jnp.zeros(()), jnp.stack([E, I, *[E] * 4, *[I] * 4]), c
    )
    three = models.WilsonCowanThreePopulations(core=core, c_es=0.0, c_is=0.0).drift(
        jnp.zeros(()), jnp.stack([E, I, 0.7 + E]), jnp.concatenate([c, 0 * c, 0.1 + c])
    )
    for extended in (adaptive, delayed, three):
        np.testing.assert_allclose(extended[:2], plain, rtol=1e-12)
    np.testing.assert_array_equal(delayed[2:], 0.0)


def test_wilson_cowan_adaptive_alternates_between_up_and_down_states():
    """Levenstein et al. 2019: two stable states and strong adaptation give a slow oscillation at the pace of
    adaptation; weak adaptation leaves it up.
    """
    model = models.WilsonCowanAdaptive(
        core=models.WilsonCowan(P=1.0), b=np.array([6.0, 6.0, 0.1]), tau_a=np.array([500.0, 1000.0, 500.0])
    )
    E = run(model, model.initial(3), duration=12_000, step=0.5, sample_every=1.0)[3000:, 0]
    slow, slower, up = E.T
    rate, half = (1e3 / np.diff(upward_crossings(x, 0.25, 1.0)).mean() for x in (slow, slower))
    assert np.ptp(slow) > 0.4
    assert 0.8 < rate < 1.4
    assert 0.5 < half / rate < 0.6
    assert up.min() > 0.4


def test_wilson_cowan_delay_is_gamma_distributed():
    """From E to what is seen of it: (1 + iω d/4)⁻⁴, the transfer function of a gamma-distributed delay of
    mean d and standard deviation d/2.
    """
    model = models.WilsonCowanDelayed(d_e=3.0, d_i=5.0)
    jacobian = jax.jit(
        jax.jacobian(lambda y: model.drift(jnp.zeros(()), y[:, None], jnp.zeros((1, 1)))[:, 0])
    )(jnp.full(10, 0.1))
    for source, chain, d in ((0, slice(2, 6), 3.0), (1, slice(6, 10), 5.0)):
        A, B = np.asarray(jacobian[chain, chain]), np.asarray(jacobian[chain, source])
        omega = np.array([0.0, 0.01, 0.1, 1.0])
        seen = np.array([np.linalg.solve(1j * w * np.eye(4) - A, B)[-1] for w in omega])
        np.testing.assert_allclose(seen, (1 + 1j * omega * d / 4) ** -4, rtol=1e-12)
        # Moments of the response to an impulse, exp(A t) B: ∫ t = A⁻² B, ∫ t² = -2 A⁻³ B.
        first, second = np.linalg.solve(A @ A, B)[-1], -2 * np.linalg.solve(A @ A @ A, B)[-1]
        np.testing.assert_allclose([first, np.sqrt(second - first**2)], [d, d / 2], rtol=1e-12)


def test_wilson_cowan_delayed_inhibition_makes_a_rhythm():
    """The plain populations rest at this input; seen a few ms late, inhibition overshoots, and the longer the
    delay the slower the rhythm.
    """
    core = models.WilsonCowan.oscillating(P=2.5)
    rest = run(core, [[0.1], [0.1]], duration=1500, step=0.2, sample_every=1.0)[1000:, 0]
    assert np.ptp(rest) < 1e-6
    model = models.WilsonCowanDelayed(core=core, d_e=np.array([2.0, 4.0]), d_i=np.array([1.5, 3.0]))
    E = run(model, model.initial(2), duration=2000, step=0.2, sample_every=1.0)[1000:, 0]
    assert np.ptp(E, axis=0).min() > 0.2
    fast, slow = (1e3 / np.diff(upward_crossings(x, x.mean(), 1.0)).mean() for x in E.T)
    assert 20 < fast < 26
    assert slow < 0.8 * fast


def test_wilson_cowan_three_populations_are_wired_as_in_cortex():
    """Pfeffer et al. 2013: PV cells inhibit E and themselves, SOM cells E and PV but not themselves, PV cells
    not SOM; E excites all.
    """
    model = models.WilsonCowanThreePopulations(
        r_s=0.0, core=models.WilsonCowan.without_saturation(P=3.0, Q=3.0)
    )
    jacobian = jax.jit(
        jax.jacobian(lambda y: model.drift(jnp.zeros(()), y[:, None], jnp.zeros((3, 1)))[:, 0])
    )(jnp.array([0.3, 0.2, 0.2]))
    leak = -1 / np.array([10.0, 10.0, 20.0])
    synaptic = np.round(jacobian - np.diag(leak), 12)
    np.testing.assert_array_equal(np.sign(synaptic), [[1, -1, -1], [1, -1, -1], [1, 0, 0]])


def test_wilson_cowan_disinhibition():
    """More input to SOM cells silences E and PV; taking it away, as VIP cells do, lets them fire (Pfeffer et
    al. 2013).
    """
    model = models.WilsonCowanThreePopulations(core=models.WilsonCowan(P=1.0), U=np.array([0.0, 3.0]))
    E, PV, SOM = run(model, model.initial(2), duration=2000, step=0.5, sample_every=100)[-1]
    assert E[0] > 0.4 > 0.05 > E[1]
    assert PV[0] > 0.1 > 0.0 > PV[1]
    assert SOM.min() > 0.2
