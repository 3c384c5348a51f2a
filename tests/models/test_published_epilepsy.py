"""What the models of epilepsy, of evoked responses and of cortical columns do, against published numbers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from formulas import FORMULAS
from running import rk4, run, upward_crossings
from scipy.integrate import solve_ivp

import nmm_infer as nmm
from nmm_infer import models


def test_epileptor_2d_seizes_above_the_critical_epileptogenicity():
    """x0 = -2.05 (Jirsa et al. 2014; Proix et al. 2014): where the line z = 4 (x1 - x0) leaves the lower fold
    of z = c + Iext - x1³ - 2 x1².
    """
    fold = -4 / 3
    critical = fold - (4.1 - fold**3 - 2 * fold**2) / 4
    assert critical == pytest.approx(-2.05, abs=0.02)
    model = models.Epileptor2D(x0=critical + np.array([0.02, -0.02]))
    x1, z = np.moveaxis(
        run(model, model.initial(2), duration=12_000, step=0.1, sample_every=1.0)[4000:], 1, 0
    )
    assert x1[:, 0].min() < -1.9
    assert x1[:, 0].max() > 0.5
    assert len(upward_crossings(z[:, 0], 3.5, 1.0)) >= 2
    # At rest: the cubic's real root, here through NumPy.
    roots = np.roots([1, 2, 4, -4 * (critical - 0.02) - 4.1])
    rest = roots[np.abs(roots.imag) < 1e-9].real
    np.testing.assert_allclose(x1[-1, 1], rest, atol=1e-3)
    assert np.ptp(x1[-2000:, 1]) < 1e-3


def test_epileptor_has_seizures_by_itself():
    """Jirsa et al. 2014: above x0 = -2.05 the permittivity switches seizures on and off, with fast discharges
    and a shift of the baseline; below, never.
    """
    model = models.Epileptor(x0=np.array([-1.6, -2.2]))
    y = run(model, model.initial(2), duration=8000, step=0.05, sample_every=0.5)[2000:]
    x1 = y[:, 0, 0]
    lfp = y[:, 3] - y[:, 0]
    np.testing.assert_array_equal(lfp, [model.lfp(state) for state in y])
    discharges = upward_crossings(x1, 0.0, 0.5)
    pauses = np.diff(discharges) > 200
    assert pauses.sum() == 3
    # Within seizures a discharge every few ms, up to the last ones, which come slowly.
    assert 3 < np.median(np.diff(discharges)[~pauses]) < 7
    onsets, offsets = discharges[1:][pauses], discharges[:-1][pauses]
    np.testing.assert_allclose(np.diff(onsets), 1933, atol=5)  # SciPy says so below
    times = 0.5 * np.arange(len(x1))
    ictal = np.any(
        [(times > start) & (times < end) for start, end in zip(onsets[:-1], offsets[1:], strict=True)], axis=0
    )
    between = np.any(
        [(times > start) & (times < end) for start, end in zip(offsets + 300, onsets, strict=True)], axis=0
    )
    assert lfp[ictal, 0].mean() < lfp[between, 0].mean() - 1.0
    assert np.ptp(lfp[-4000:, 1]) < 1e-3
    assert x1.min() < -1.5 < 1.0 < x1.max()


def test_epileptor_recurs_as_scipy_says():
    """From one seizure to the next, by an independent solver from the plain formula."""
    model = models.Epileptor()
    slots = {name: float(getattr(model, name)) for name in model.parameters()}

    def rises(t, y):
        return y[2] - 3.5

    rises.direction = 1
    formula = FORMULAS[models.Epileptor]
    solution = solve_ivp(
        lambda t, y: formula(slots, y, (0.0, 0.0)),
        (0, 3100),
        model.initial(1)[:, 0],
        rtol=1e-6,
        atol=1e-8,
        events=rises,
    )
    z = run(model, model.initial(1), duration=3100, step=0.05, sample_every=0.5)[:, 2, 0]
    period = np.diff(solution.t_events[0])
    np.testing.assert_allclose(period, [1933], atol=2)
    np.testing.assert_allclose(np.diff(upward_crossings(z, 3.5, 0.5)), period, atol=2)


def test_gradient_of_epileptor_on_both_sides_of_its_pieces():
    """Next to the point where two pieces meet the gradient is that of either piece, and at it that of the
    right one.
    """
    model = models.Epileptor(aa=5.0)
    y = jnp.asarray([[0.3], [-2.0], [3.0], [0.1], [0.2], [0.1]])
    jacobian = jax.jit(jax.jacobian(lambda y: model.drift(jnp.zeros(()), y, jnp.zeros((2, 1)))))
    # Left of x1 = 0: -3 a x1² + 2 b x1 → 0; right of it: -(x2 - slope - 0.6 (z - 4)²). x2 = -0.25: 0 and aa /
    # τ. z⁷ is flat at 0.
    for state, at, row, left, right in (
        ("x1", 0.0, 0, 0.0, 0.5),
        ("z", 0.0, 2, -3.5e-4, -3.5e-4),
        ("x2", -0.25, 4, 0.0, 0.5),
    ):
        index = model.state_names().index(state)
        slopes = [jacobian(y.at[index].set(at + near))[row, 0, index, 0] for near in (-1e-9, 0.0, 1e-9)]
        np.testing.assert_allclose(slopes, [left, right, right], atol=1e-7)
    np.testing.assert_allclose(
        jacobian(y.at[2].set(-0.5))[2, 0, 2, 0], -3.5e-4 * (1 + 0.7 * 0.5**6), rtol=1e-9
    )


def test_erp_response_is_that_of_scipy():
    """models.md: the parameters; the response to an input that sets in at 0, from rest, is SciPy's: 5.1274 mV
    after 51.4 ms.
    """
    model = models.ERP()
    slots = {name: float(getattr(model, name)) for name in model.parameters()}
    t = np.arange(1.0, 201.0)
    f = lambda _, y: FORMULAS[models.ERP](slots, y, [0.0])  # noqa: E731
    expected = solve_ivp(
        f, (0, 200), np.zeros(9), t_eval=t, dense_output=True, rtol=1e-12, atol=1e-12, method="DOP853"
    )
    y = run(model, model.initial(1), duration=200, step=0.01, sample_every=1.0)[:, :, 0].T
    np.testing.assert_allclose(
        y, expected.y, rtol=1e-6, atol=1e-6 * np.abs(expected.y).max(axis=1, keepdims=True).min()
    )
    fine = expected.sol(np.arange(0.0, 200.0, 0.01))[8]
    ours = run(model, model.initial(1), duration=200, step=0.01, sample_every=0.01)[:, 8, 0]
    assert ours.max() == pytest.approx(fine.max(), rel=1e-6) == pytest.approx(5.1274, abs=1e-4)
    assert (
        0.01 * (ours.argmax() + 1)
        == pytest.approx(0.01 * fine.argmax(), abs=0.011)
        == pytest.approx(51.4, abs=0.1)
    )
    # The coupling adds to the input.
    moved = model.drift(0.0, jnp.asarray(y[:, :1]), jnp.full((1, 1), 0.5))
    np.testing.assert_allclose(
        moved, models.ERP(u=model.u + 0.5).drift(0.0, jnp.asarray(y[:, :1]), jnp.zeros((1, 1))), rtol=1e-12
    )


def exponents(model, n, duration, step=0.05):
    """Largest Lyapunov exponent (1/s) of each of `n` uncoupled regions, and the last samples of the first
    state.
    """
    every = 20

    @jax.jit
    def everything(y, v):
        def block(carry, _):
            y, v = jax.jvp(lambda y: rk4(model, y, step, every, every)[-1], *([a] for a in carry))
            size = jnp.linalg.norm(v, axis=0)
            return (y, v / size), (jnp.log(size), y[0])

        return jax.lax.scan(block, (y, v), None, length=round(duration / (step * every)))[1]

    rates, signal = everything(jnp.asarray(model.initial(n)), jnp.ones((len(model.states), n)))
    late = len(rates) // 4
    return 1e3 * np.asarray(rates[late:]).mean(axis=0) / (step * every), np.asarray(signal[late:])


def test_larter_breakspear_rests_cycles_or_is_chaotic():
    """Breakspear, Terry, Friston 2003: an isolated column rests for d_V < 0.55, cycles up to 0.59 and is
    chaotic above.
    """
    model = models.LarterBreakspear(gCa=1.0, C=0.0, d_V=np.array([0.54, 0.57, 0.65]))
    (resting, cycling, chaotic), V = exponents(model, 3, duration=6000)
    assert resting < -5
    assert np.ptp(V[-1000:, 0]) < 1e-6
    assert abs(cycling) < 0.5
    assert np.ptp(V[:, 1]) > 0.05
    assert chaotic > 4
    assert np.ptp(V[:, 2]) > 0.7


def test_larter_breakspear_repeats_itself_at_the_defaults():
    """The docstring: TVB's conductances make an isolated column cycle, every 99.5 ms; those of the preset do
    not.
    """
    spread = {}
    for name, model in (
        ("default", models.LarterBreakspear()),
        ("chaotic", models.LarterBreakspear.chaotic()),
    ):
        V = run(model, model.initial(1), duration=8000, step=0.05, sample_every=0.1)[40_000:, 0, 0]
        intervals = np.diff(upward_crossings(V, 0.0, 0.1))
        spread[name] = intervals.std()
        if name == "default":
            np.testing.assert_allclose(intervals, 99.5, atol=0.05)
    assert spread["chaotic"] > 5
    assert float(models.LarterBreakspear.chaotic(d_V=0.6).d_V) == 0.6
    assert float(models.LarterBreakspear.chaotic(d_V=0.6).gCa) == 1.0


def test_larter_breakspear_sends_the_rates_that_tvb_couples():
    """With c the weighted sum of Q_V, which TVB gets from a tangent of V, the drift of a network is the
    formula's.
    """
    model = models.LarterBreakspear(d_V=np.array([0.6, 0.65, 0.7]))
    weights = np.array([[0.0, 0.5, 0.2], [0.3, 0.0, 0.7], [0.1, 0.4, 0.0]])
    network = nmm.Network(model, nmm.Connectome(weights), nmm.couplings.Additive(G=0.8))
    y = np.random.default_rng(0).uniform(-0.5, 0.5, (3, 3))
    rate = 0.5 * (1 + np.tanh(y[0] / np.array([0.6, 0.65, 0.7])))
    slots = {name: np.asarray(getattr(model, name), dtype=float) for name in model.parameters()}
    np.testing.assert_allclose(
        network.drift(0.0, jnp.asarray(y)),
        FORMULAS[models.LarterBreakspear](slots, y, [0.8 * weights @ rate]),
        rtol=1e-12,
    )


def test_zetterberg_jansen_without_inhibition_of_inhibition_is_jansen_rit():
    """With γ_5 = 0 and input to the pyramidal cells only: the same EEG, the alpha rhythm of about 11 Hz at
    0.22 kHz (Jansen & Rit 1995).
    """
    silent = float(models.ZetterbergJansen().S(jnp.zeros(())))  # the rate of a coupling input of 0 mV
    ours = models.ZetterbergJansen(gamma_5=0.0, gamma_1T=0.0, gamma_3T=0.0, P=0.22 - silent)
    theirs = models.JansenRit(mu=0.22, v0=6.0)
    v6 = run(ours, ours.initial(1), duration=3000, step=0.5, sample_every=1.0)[:, 10, 0]
    y = run(theirs, theirs.initial(1), duration=3000, step=0.5, sample_every=1.0)[..., 0]
    np.testing.assert_allclose(v6[:300], y[:300, 1] - y[:300, 2], rtol=1e-8)
    late = v6[1000:]
    assert 10 < 1e3 / np.diff(upward_crossings(late, late.mean(), 1.0)).mean() < 12
    assert np.ptp(late) > 1


def test_zetterberg_jansen_interneurons_calm_each_other():
    """The default γ_5 = 15 removes the alpha rhythm: the column rests, where SciPy's solution of the formula
    does.
    """
    model = models.ZetterbergJansen(gamma_5=np.array([0.0, 15.0]), U=0.0, Q=0.0, P=0.22)
    y = run(model, model.initial(2), duration=3000, step=0.5, sample_every=1.0)[2000:]
    assert np.ptp(y[:, 10, 0]) > 1
    assert np.ptp(y[:, 10, 1]) < 1e-3
    np.testing.assert_allclose(y[-1, 10], y[-1, 2] - y[-1, 4], rtol=1e-9)
    slots = {name: np.asarray(getattr(model, name), dtype=float) * np.ones(2) for name in model.parameters()}

    def f(_, y):
        return np.array(
            FORMULAS[models.ZetterbergJansen]({k: v[1] for k, v in slots.items()}, y, np.zeros(1))
        )

    np.testing.assert_allclose(
        y[-1, :, 1],
        solve_ivp(f, (0, 3000), np.zeros(12), rtol=1e-9, atol=1e-9, method="LSODA").y[:, -1],
        rtol=1e-5,
        atol=1e-6,
    )
