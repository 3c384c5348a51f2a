"""Fixed points, their eigenvalues, branches, sweeps and Lyapunov exponents, against closed forms and
independent computations.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
import scipy.optimize
import scipy.special

import nmm_infer as nmm
from nmm_infer import dynamics
from nmm_infer.dynamics import _leading_eigenvalues as rightmost_module

QIF = nmm.models.MontbrioPazoRoxin()
JANSEN_RIT = nmm.models.JansenRit(v0=6.0)


def loop(gain, delays=(1.0,), gamma=-1e-12):
    """x' = γ x - Σ gain/n x(t - d): one node that hears itself, over one edge, or over two through a
    relay-free ring of equal nodes.
    """
    n = len(delays)
    # A circulant network: on its symmetric mode every node hears every delay once.
    rows = [[delays[(j - i) % n] for j in range(n)] for i in range(n)]
    return nmm.Network(
        nmm.models.Linear(gamma=gamma),
        nmm.Connectome(np.ones((n, n)) / n, rows),
        nmm.couplings.Additive(G=-gain),
        speed=1.0,
    )


def ring(model, coupling, n=6, speed=4.0, **options):
    rng = np.random.default_rng(3)
    weights = rng.uniform(0.1, 1.0, (n, n)) * (1 - np.eye(n))
    connectome = nmm.Connectome(
        weights / np.abs(np.linalg.eigvals(weights)).max(), rng.uniform(20.0, 80.0, (n, n))
    )
    return nmm.Network(model, connectome, coupling, speed=speed, **options)


# ---------------------------------------------------------------- fixed points


def test_montbrio_pazo_roxin_has_its_fixed_points():
    """models.md: low (0.0811, -1.9616) and high (1.0306, -0.1544), and the saddle between: V = -Δ/(2π r)
    leaves a quartic in r.
    """
    found = dynamics.fixed_points(QIF)
    expected = np.sort(np.roots([-(np.pi**2), 15.0, -5.0, 0.0, 1 / (2 * np.pi) ** 2]).real)
    r, V = found["value"].values[:, :, 0].T
    np.testing.assert_allclose(r, expected, rtol=1e-9)
    np.testing.assert_allclose(V, -1 / (2 * np.pi * r), rtol=1e-9)
    np.testing.assert_allclose(r[[1, 3]], [0.0811, 1.0306], atol=5e-5)
    # Negative rates solve the equations, but are none.
    assert found["inside"].values.tolist() == [False, True, True, True]
    assert found["stable"].values[1:].tolist() == [True, False, True]
    assert found["kind"].values[1:].tolist() == ["node", "saddle", "focus"]
    assert int(found["found"].sum()) == 64


def test_stability_of_fixed_points_includes_delays():
    for gain, stable in ((1.5, True), (1.65, False)):
        found = dynamics.fixed_points(loop(gain), guesses=2)
        assert found.sizes["point"] == 1
        assert bool(found["stable"][0]) == stable
        assert found["kind"].values[0] == "focus"


def test_gradient_of_a_fixed_point_is_the_finite_difference():
    point = dynamics.fixed_points(QIF)["value"].values[3]

    def rate(eta):
        return nmm.linear.fixed_point(nmm.Network(eqx.tree_at(lambda m: m.eta, QIF, eta)), point)[0, 0]

    h = 1e-5
    np.testing.assert_allclose(jax.grad(rate)(-5.0), (rate(-5.0 + h) - rate(-5.0 - h)) / (2 * h), rtol=1e-8)


# ---------------------------------------------------------------- eigenvalues


def test_jacobian_is_the_derivative_of_the_drift():
    network = ring(JANSEN_RIT, nmm.couplings.Additive(G=2.0))
    point = np.random.default_rng(0).uniform(0.0, 1.0, np.shape(network.initial))
    expected = jax.jacfwd(lambda y: network.drift(0.0, y))(jnp.asarray(point))
    J = dynamics.jacobian(network, point)
    assert J.dims == ("state", "region", "state_2", "region_2")
    np.testing.assert_allclose(J.values, expected, rtol=1e-10, atol=1e-14)


def test_eigenvalues_without_delays_are_those_of_the_jacobian():
    network = ring(
        nmm.models.Hopf(a=-0.1, omega=0.3), nmm.couplings.Diffusive(G=0.05), speed=None, initial=[0.0, 0.0]
    )
    J = dynamics.jacobian(network, [0.0, 0.0]).values.reshape(12, 12)
    found = dynamics.eigenvalues(network, [0.0, 0.0], n=12)
    np.testing.assert_allclose(
        np.sort_complex(found["eigenvalue"].values), np.sort_complex(np.linalg.eigvals(J)), rtol=1e-9
    )
    vectors = found["vector"].values.reshape(12, 12)
    np.testing.assert_allclose(J @ vectors.T, found["eigenvalue"].values * vectors.T, atol=1e-12)
    assert np.all(np.diff(found["growth_rate"]) <= 1e-12)


@pytest.mark.parametrize("gain", [0.2, 1.0, np.pi / 2, 2.0, 30.0])
def test_delayed_loop_is_lamberts_function(gain):
    """x' = -k x(t - 1): z exp(z) = -k, so z = W_b(-k); at k = π/2 the leading pair is ±iπ/2 (Hayes 1950)."""
    found = dynamics.eigenvalues(loop(gain), n=6)["eigenvalue"].values
    exact = np.array([scipy.special.lambertw(-gain, b) for b in range(-6, 6)])
    exact = exact[np.lexsort((-exact.imag, -exact.real.round(9)))][:6]
    np.testing.assert_allclose(found, exact, rtol=1e-9, atol=1e-9)
    if gain == np.pi / 2:
        np.testing.assert_allclose(found[0], 0.5j * np.pi, atol=1e-9)


def test_two_delays_against_the_scalar_equation():
    """On the symmetric mode of a ring of two: z + k/2 (exp(-z) + exp(-2.3 z)) = 0, solved by a root finder
    from many starts.
    """
    gain, d = 1.4, 2.3

    def equation(z, sign):
        return z + gain / 2 * (np.exp(-z) + sign * np.exp(-d * z))

    def roots(sign):
        found = []
        for re in np.linspace(-1.5, 0.5, 9):
            for im in np.linspace(0.0, 8.0, 25):
                z = scipy.optimize.root(
                    lambda x: [(f := equation(complex(*x), sign)).real, f.imag], [re, im], tol=1e-13
                )
                if z.success and abs(equation(complex(*z.x), sign)) < 1e-11 and z.x[1] > -1e-9:
                    found.append(complex(*z.x))
        return found

    exact = np.array(
        sorted({complex(np.round(z, 8)) for sign in (1, -1) for z in roots(sign)}, key=lambda z: -z.real)
    )
    found = dynamics.eigenvalues(loop(gain, (1.0, d)), n=7)["eigenvalue"].values
    found = found[found.imag >= 0]
    assert found[0].real > 0
    np.testing.assert_allclose(found, exact[: len(found)], atol=1e-7)


@pytest.mark.parametrize(
    "network",
    [
        ring(nmm.models.Hopf(a=-0.02, omega=0.2), nmm.couplings.Diffusive(G=0.1), initial=[0.0, 0.0]),
        pytest.param(
            ring(nmm.models.WongWangExcInh(), nmm.couplings.Additive(G=0.3)), marks=pytest.mark.slow
        ),
        pytest.param(
            ring(nmm.models.JansenRit(mu=0.1, v0=6.0), nmm.couplings.Additive(G=10.0)), marks=pytest.mark.slow
        ),
    ],
    ids=["hopf", "wong_wang", "jansen_rit"],
)
def test_search_along_the_axis_finds_what_the_dense_matrix_has(network, monkeypatch):
    """Both ways to the rightmost roots; and each root makes the characteristic matrix singular."""
    dense = dynamics.eigenvalues(network, n=8)
    monkeypatch.setattr(rightmost_module, "DENSE", 0)
    searched = dynamics.eigenvalues(network, n=8)
    np.testing.assert_allclose(searched["eigenvalue"].values, dense["eigenvalue"].values, rtol=1e-8)
    lin = nmm.linear.linearise(network, point=nmm.linear.fixed_point(network))
    A, B, C = (
        np.einsum("str,rq->srtq", part, np.eye(6)).reshape(part.shape[0] * 6, -1)
        for part in (lin.A, lin.B, lin.C)
    )
    for z, vector in zip(dense["eigenvalue"].values, dense["vector"].values, strict=True):
        K = np.kron(np.eye(lin.n_messages), np.asarray(lin.weights) * np.exp(-z * np.asarray(lin.delays)))
        T = z * np.eye(len(A)) - A - B @ K @ C
        assert np.abs(T @ vector.ravel()).max() < 1e-9 * np.abs(T).max()


@pytest.mark.parametrize("gain", [0.02, 0.0574, 0.0576, 0.08])
def test_nyquists_criterion_agrees(gain):
    """`is_stable` counts turns of the characteristic function; the rightmost root of these oscillators
    crosses the axis between the middle two gains.
    """
    network = ring(nmm.models.Hopf(a=-0.02, omega=0.3), nmm.couplings.Additive(G=gain), initial=[0.0, 0.0])
    rate = float(dynamics.eigenvalues(network, [0.0, 0.0], n=1)["growth_rate"][0])
    assert bool(nmm.linear.is_stable(nmm.linear.linearise(network, point=jnp.zeros((2, 6))))) == (rate < 0)


def test_growth_rate_of_a_simulation_is_the_rightmost_eigenvalue():
    """An unstable delayed network from near its fixed point: the logarithm of the distance grows linearly."""
    network = ring(nmm.models.Hopf(a=0.002, omega=0.2), nmm.couplings.Additive(G=0.05), initial=[1e-9, 0.0])
    leading = dynamics.eigenvalues(network, [0.0, 0.0], n=2)
    assert float(leading["growth_rate"][0]) > 0.002
    values = nmm.solve(network, 900.0, step=0.1, sample_every=1.0).values
    # In the plane of a complex mode the envelope, not the wave, grows: squares summed over x and y of all
    # regions.
    size = np.log(np.linalg.norm(np.asarray(values).reshape(len(values), -1), axis=1))
    slope = np.polyfit(np.arange(400, 900), size[400:900], 1)[0]
    np.testing.assert_allclose(slope, leading["growth_rate"][0], rtol=0.01)


# ---------------------------------------------------------------- branches


def test_folds_of_montbrio_pazo_roxin_solve_the_cubic():
    """With V = -Δ/(2π r), η(r) = π² r² - J r - Δ²/(4π² r²) is the branch, and its folds are where
    η'(r) = 0.
    """
    branch = dynamics.continuation(QIF, lambda n: n.model.eta, (-10.0, 0.0))
    assert branch.attrs["ended"] == "left the span at 0"
    assert branch["special_kind"].values.tolist() == ["fold", "fold"]
    polynomial = np.roots([2 * np.pi**2, -15.0, 0.0, 0.0, 1 / (2 * np.pi**2)])
    r = np.sort(polynomial[np.abs(polynomial.imag) < 1e-9].real)
    r = r[r > 0]
    np.testing.assert_allclose(branch["special_value"].values[:, 0, 0], r, rtol=1e-6)
    eta = np.pi**2 * r**2 - 15.0 * r - 1 / (2 * np.pi * r) ** 2
    np.testing.assert_allclose(branch["special_parameter"], eta, rtol=1e-10)
    # Stable, unstable between the folds, stable.
    stable = branch["stable"].values.astype(int)
    assert np.flatnonzero(np.diff(stable)).tolist() == branch["special_step"].values.tolist()
    rates = branch["value"].values[:, 0, 0]
    np.testing.assert_allclose(
        np.pi**2 * rates**2 - 15 * rates - 1 / (2 * np.pi * rates) ** 2, branch["parameter"], atol=1e-8
    )
    assert float(branch["parameter"][-1]) == pytest.approx(0.0, abs=1e-12)


def test_hopf_bifurcates_at_zero():
    branch = dynamics.continuation(
        nmm.models.Hopf(omega=0.3), lambda n: n.model.a, (-0.5, 0.5), start=[0.0, 0.0]
    )
    assert branch["special_kind"].values.tolist() == ["hopf"]
    assert float(branch["special_parameter"][0]) == pytest.approx(0.0, abs=1e-9)
    assert float(branch["special_frequency"][0]) == pytest.approx(1e3 * 0.3 / (2 * np.pi), rel=1e-9)
    np.testing.assert_array_equal(branch["stable"], branch["parameter"] < 0)


def jansen_rit_by_hand(y0):
    """The fixed point of a Jansen–Rit column with pyramidal potential y0, as (mu, eigenvalues), in plain
    NumPy.
    """
    A, B, a, b, nu, r, J, v0 = 3.25, 22.0, 0.1, 0.05, 0.0025, 0.56, 135.0, 6.0

    def S(v):
        return 2 * nu / (1 + np.exp(r * (v0 - v)))

    def slope(v):
        return r * S(v) * (1 - S(v) / (2 * nu))

    v = v0 - np.log(2 * nu * A / (a * y0) - 1) / r  # y0 = A/a S(v)
    y2 = B / b * 0.25 * J * S(0.25 * J * y0)
    mu = a / A * (v + y2) - 0.8 * J * S(J * y0)
    M = np.zeros((6, 6))
    M[:3, 3:] = np.eye(3)
    M[3] = [-(a**2), A * a * slope(v), -A * a * slope(v), -2 * a, 0, 0]
    M[4] = [A * a * 0.8 * J * J * slope(J * y0), -(a**2), 0, 0, -2 * a, 0]
    M[5] = [B * b * 0.25 * J * 0.25 * J * slope(0.25 * J * y0), 0, -(b**2), 0, 0, -2 * b]
    return mu, np.linalg.eigvals(M)


@pytest.fixture(scope="module")
def jansen_rit_branch():
    return dynamics.continuation(JANSEN_RIT, lambda n: n.model.mu, (0.4, -0.1))


def test_jansen_rit_loses_stability_where_its_eigenvalues_cross(jansen_rit_branch):
    """Hopf points near 315.7 and 89.8 Hz and a fold near 113.6 Hz (Grimbert & Faugeras 2006), each solved for
    with eigenvalues written by hand.
    """
    branch = jansen_rit_branch
    kinds, parameters = branch["special_kind"].values, branch["special_parameter"].values
    np.testing.assert_allclose(parameters[kinds == "hopf"][:2], [0.3157, 0.0898], atol=1e-4)
    assert np.abs(parameters[kinds == "fold"] - 0.1136).min() < 1e-4
    values, frequencies = branch["special_value"].values[:, 0, 0], branch["special_frequency"].values
    for kind, mu, value, frequency in zip(kinds, parameters, values, frequencies, strict=True):

        def crossing(y0, kind=kind, omega=2e-3 * np.pi * frequency):
            found = jansen_rit_by_hand(y0)[1]
            return found[np.abs(found - 1j * omega).argmin()].real if kind == "hopf" else np.prod(found).real

        y0 = scipy.optimize.brentq(crossing, 0.99 * value, 1.01 * value, xtol=1e-15)
        np.testing.assert_allclose(jansen_rit_by_hand(y0)[0], mu, atol=1e-9)


def test_stability_along_the_branch_is_that_of_the_eigenvalues(jansen_rit_branch):
    for i in range(0, jansen_rit_branch.sizes["step"], 9):
        mu, values = jansen_rit_by_hand(float(jansen_rit_branch["value"][i, 0, 0]))
        assert mu == pytest.approx(float(jansen_rit_branch["parameter"][i]), abs=1e-8)
        assert int(jansen_rit_branch["unstable"][i]) == np.sum(values.real > 0)
        assert float(jansen_rit_branch["growth_rate"][i]) == pytest.approx(values.real.max(), abs=1e-9)


def test_branch_of_a_network_with_delays_meets_hayes_condition():
    """x' = -G x(t - 1) becomes unstable at G = π/2, at a quarter of a turn per ms: 250 Hz."""
    network = eqx.tree_at(lambda n: n.coupling.G, loop(1.0), jnp.asarray(-1.0))
    branch = dynamics.continuation(network, lambda n: n.coupling.G, (-1.0, -2.0), step=0.2)
    assert branch["special_kind"].values.tolist() == ["hopf"]
    assert float(branch["special_parameter"][0]) == pytest.approx(-np.pi / 2, abs=1e-8)
    assert float(branch["special_frequency"][0]) == pytest.approx(250.0, rel=1e-8)


def test_a_prior_may_be_where_the_parameter_is_and_its_unit_is_read():
    import brainunit as u

    model = nmm.models.JansenRit(v0=6.0, mu=nmm.Prior(dist.Normal(0.22, 0.02)))
    branch = dynamics.continuation(model, lambda n: n.model.mu, (400 * u.Hz, 300 * u.Hz))
    assert branch.attrs["parameter"] == "model.mu"
    assert branch["parameter"].attrs["units"] == "kHz"
    assert float(branch["special_parameter"][0]) == pytest.approx(0.3157, abs=1e-4)


def test_regions_may_have_different_models():
    """An oscillator that hears a resting column: its Hopf point is its own, and the column's states and the
    oscillator's keep apart.
    """
    connectome = nmm.Connectome([[0.0, 1.0], [0.0, 0.0]], labels=("a", "b"))
    models = {"beat": nmm.models.Hopf(omega=0.3), "rest": nmm.models.Linear(gamma=-1.0)}
    network = nmm.Network(
        models, connectome, nmm.couplings.Additive(G=0.1), groups={"beat": "a", "rest": "b"}
    )
    branch = dynamics.continuation(
        network, lambda n: n.model.groups["beat"].a, (-0.5, 0.5), start=np.zeros((2, 2))
    )
    assert branch.attrs["parameter"] == "model.groups.beat.a"
    assert branch["parameter"].attrs["units"] == "1/ms"
    assert branch["special_kind"].values.tolist() == ["hopf"]
    assert float(branch["special_parameter"][0]) == pytest.approx(0.0, abs=1e-9)


def test_a_branch_that_is_cut_off_says_so():
    with pytest.warns(UserWarning, match="after 3 points; allow more"):
        branch = dynamics.continuation(QIF, lambda n: n.model.eta, (-10.0, 0.0), max_steps=3)
    assert branch.sizes["step"] == 3


# ---------------------------------------------------------------- sweeps


def test_sweep_sees_the_limit_cycle_of_hopf():
    """Amplitude √a, period 2π/ω; still below the bifurcation."""
    values = np.array([-0.1, 0.04, 0.16, 0.25])  # at the first it comes to rest
    found = dynamics.sweep(
        nmm.models.Hopf(omega=0.3), lambda n: n.model.a, values, duration=400.0, step=0.1, transient=800.0
    )
    assert found["maximum"].dims == ("direction", "parameter", "region")
    for direction in ("up", "down"):
        one = found.sel(direction=direction).isel(region=0)
        np.testing.assert_allclose(one["maximum"][1:], np.sqrt(values[1:]), rtol=1e-3)
        np.testing.assert_allclose(one["minimum"][1:], -np.sqrt(values[1:]), rtol=1e-3)
        np.testing.assert_allclose(one["frequency"][1:], 1e3 * 0.3 / (2 * np.pi), rtol=1e-3)
    assert np.isnan(found["frequency"].values[0, 0, 0])


def test_sweep_sees_hysteresis_between_the_folds():
    values = np.array([-7.0, -6.0, -5.0, -4.0, -3.0, -2.0])
    found = dynamics.sweep(QIF, lambda n: n.model.eta, values, duration=50.0, step=0.02)["mean"].isel(
        region=0
    )
    up, down = found.sel(direction="up").values, found.sel(direction="down").values
    # The folds are at -5.74 and -3.14.
    bistable = (values > -5.7436) & (values < -3.1361)
    np.testing.assert_allclose(up[~bistable], down[~bistable], rtol=1e-6)
    assert np.all(down[bistable] > 5 * up[bistable])


def test_sweep_goes_on_with_the_history():
    """At a single value, two runs are one long run, also with delays and noise."""
    network = ring(
        nmm.models.Hopf(a=0.01, omega=0.2),
        nmm.couplings.Additive(G=0.05),
        noise=nmm.noises.Additive(sigma=0.01),
    )
    key = jax.random.key(4)
    found = dynamics.sweep(
        network,
        lambda n: n.model.a,
        [0.01, 0.01],
        duration=200.0,
        step=0.5,
        transient=0.0,
        both_ways=False,
        nudge=0.0,
        key=key,
    )
    whole = np.asarray(nmm.solve(network, 400.0, step=0.5, key=key).values)[:, 0]
    np.testing.assert_allclose(
        found["maximum"].values[0], [whole[:400].max(axis=0), whole[400:].max(axis=0)], rtol=1e-10
    )
    np.testing.assert_allclose(
        found["mean"].values[0], [whole[:400].mean(axis=0), whole[400:].mean(axis=0)], rtol=1e-8, atol=1e-12
    )


# ---------------------------------------------------------------- Lyapunov exponents


def test_lorenz_is_chaotic():
    """0.9056 per unit of time (Sprott 2003, Chaos and Time-Series Analysis)."""
    found = dynamics.lyapunov_exponent(nmm.models.Lorenz(), 3000.0, 0.005)
    assert float(found["exponent"]) == pytest.approx(0.9056, abs=0.02)
    assert 0 < float(found["standard_error"]) < 0.01


def test_exponents_that_are_known_exactly():
    linear = dynamics.lyapunov_exponent(nmm.models.Linear(gamma=-0.3), 200.0, 0.05)
    assert float(linear["exponent"]) == pytest.approx(-0.3, rel=1e-4)
    cycle = dynamics.lyapunov_exponent(nmm.models.Hopf(), 5000.0, 0.1)
    assert abs(float(cycle["exponent"])) < 1e-6


def test_exponent_with_delays_is_the_rightmost_root():
    found = dynamics.lyapunov_exponent(loop(1.0), 2000.0, 0.02)
    expected = scipy.special.lambertw(-1.0, 0).real
    assert float(dynamics.eigenvalues(loop(1.0))["growth_rate"][0]) == pytest.approx(expected, rel=1e-9)
    # The wave passes its zeros: over a finite run the distance is known to a factor of its oscillation.
    assert float(found["exponent"]) == pytest.approx(expected, abs=2e-3)


# ---------------------------------------------------------------- float64, errors


def test_everything_is_computed_in_double_precision():
    with jax.enable_x64(False):
        network = nmm.Network(nmm.models.Hopf(omega=jnp.asarray(0.3)))
        assert network.model.omega.dtype == jnp.float32
        branch = dynamics.continuation(network, lambda n: n.model.a, (-0.5, 0.5), start=[0.0, 0.0])
        assert float(branch["special_parameter"][0]) == pytest.approx(0.0, abs=1e-9)
        assert dynamics.jacobian(network, [0.0, 0.0]).dtype == np.float64
        assert dynamics.fixed_points(QIF, guesses=4)["value"].dtype == np.float64
        assert not jax.config.jax_enable_x64


WITH_PRIOR = nmm.models.JansenRit(mu=nmm.Prior(dist.Normal(0.22, 0.02)))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: dynamics.fixed_points(3),
            TypeError,
            r"fixed_points\(network\) got int, expected a Network or a model",
        ),
        (
            lambda: dynamics.fixed_points(WITH_PRIOR),
            ValueError,
            r"still has priors at model.mu; put numbers there",
        ),
        (lambda: dynamics.fixed_points(QIF, guesses=0), ValueError, r"fixed_points\(guesses=0\)"),
        (lambda: dynamics.eigenvalues(QIF, n=0), ValueError, r"eigenvalues\(n=0\)"),
        (
            lambda: dynamics.eigenvalues(QIF, [1.0, 2.0, 3.0]),
            ValueError,
            r"has shape \(3,\), expected \(2, 1\): the states r, V by region",
        ),
        (
            lambda: dynamics.continuation(QIF, "model.eta", (0, 1)),
            TypeError,
            "expected a function that picks a parameter",
        ),
        (
            lambda: dynamics.continuation(QIF, lambda n: 3.0, (0, 1)),
            ValueError,
            "does not pick one parameter",
        ),
        (
            lambda: dynamics.continuation(QIF, lambda n: n.model, (0, 1)),
            ValueError,
            "model is MontbrioPazoRoxin, expected a single number",
        ),
        (
            lambda: dynamics.continuation(QIF, lambda n: n.initial, (0, 1)),
            ValueError,
            r"initial is an array of shape \(2, 1\)",
        ),
        (lambda: dynamics.continuation(QIF, lambda n: n.speed, (1, 2)), ValueError, "speed is None"),
        (
            lambda: dynamics.continuation(QIF, lambda n: n.model.eta, (1, 1)),
            ValueError,
            "expected two different values of model.eta",
        ),
        (
            lambda: dynamics.continuation(QIF, lambda n: n.model.eta, (0, 1), step=2),
            ValueError,
            "expected a fraction of the span",
        ),
        (
            lambda: dynamics.sweep(QIF, lambda n: n.model.eta, [], duration=1.0, step=0.1),
            ValueError,
            "expected values of model.eta",
        ),
        (
            lambda: dynamics.sweep(QIF, lambda n: n.model.eta, [0.0], duration=1.0, step=0.1, variable="x"),
            ValueError,
            "it has r, V",
        ),
        (
            lambda: dynamics.lyapunov_exponent(QIF, 1.0, 0.1),
            ValueError,
            "room for 1 renormalisations, expected at least 20",
        ),
        (lambda: dynamics.vector_field(nmm.models.Linear()), ValueError, "a plane needs two"),
        (
            lambda: dynamics.vector_field(QIF, "r", "x"),
            ValueError,
            "expected two different states among r, V",
        ),
        (lambda: dynamics.vector_field(QIF, span={"r": (1, 0)}), ValueError, "expected low < high"),
        (lambda: dynamics.vector_field(QIF, region="X"), ValueError, "regions start with"),
    ],
)
def test_errors_say_what_to_pass(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_sweep_that_diverges_says_where():
    with pytest.raises(FloatingPointError, match=r"diverged at model.gamma = -100"):
        dynamics.sweep(
            nmm.models.Linear(gamma=-1.0), lambda n: n.model.gamma, [-1.0, -100.0], duration=100.0, step=0.1
        )


LOOP = nmm.Connectome([[0.0, 1.0], [1.0, 0.0]], [[0.0, 20.0], [20.0, 0.0]])


def test_eigenvalues_of_plain_and_of_uncoupled_networks_with_delays():
    """Where regions alone have real eigenvalues, and where the coupling has strength 0."""
    from scipy.special import lambertw

    gamma, G, d = -0.5, 0.3, 2.0
    pair = nmm.Network(nmm.models.Linear(gamma=gamma), LOOP, nmm.couplings.Additive(G=G), speed=10.0)
    values = nmm.dynamics.eigenvalues(pair, n=1)["eigenvalue"].values
    # The symmetric mode: λ = γ + G exp(-λ d).
    assert values[0] == pytest.approx(complex(gamma + lambertw(G * d * np.exp(-gamma * d)) / d), rel=1e-9)
    alone = nmm.Network(
        nmm.models.Hopf(a=-0.1, omega=0.3),
        LOOP,
        nmm.couplings.Additive(G=0.0),
        speed=10.0,
        initial=[0.0, 0.0],
    )
    found = nmm.dynamics.eigenvalues(alone, n=4)["eigenvalue"].values
    np.testing.assert_allclose(
        np.sort_complex(found),
        np.sort_complex([-0.1 - 0.3j, -0.1 - 0.3j, -0.1 + 0.3j, -0.1 + 0.3j]),
        rtol=1e-9,
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: nmm.dynamics.continuation(nmm.models.JansenRit(), lambda n: n.mu, (0.1, 0.2)),
            r"does not pick one parameter .* where=lambda n: n.model.mu, also for a bare",
        ),
        (
            lambda: nmm.dynamics.continuation(nmm.models.JansenRit(), lambda n: n.model.mu, 0.1),
            r"continuation\(span=...\) got 0.1, expected a sequence of numbers",
        ),
        (
            lambda: nmm.dynamics.sweep(
                nmm.models.JansenRit(), lambda n: n.model.mu, 0.1, duration=10.0, step=0.5
            ),
            r"sweep\(values=...\) got 0.1, expected a sequence",
        ),
        (
            lambda: nmm.dynamics.continuation(
                nmm.models.JansenRit(), lambda n: n.model.mu, (0.1, 0.2), max_steps=0
            ),
            r"max_steps=0\): expected at least 2 points",
        ),
        (
            lambda: nmm.dynamics.eigenvalues(nmm.models.Hopf(), [np.nan, 0.0]),
            r"contains NaN or infinite values, expected a state",
        ),
    ],
)
def test_what_dynamics_cannot_use_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
