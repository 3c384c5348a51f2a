"""The covariance likelihood: its matrices, its distributions, and whether its intervals hold what they
promise.
"""

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
import scipy.linalg
import scipy.special
import scipy.stats

import nmm_infer as nmm
from nmm_infer._distributions._correlation_matrix import CorrelationMatrix, correlation_of, scales
from nmm_infer.likelihoods._linearised._cross_covariance import quadrature
from nmm_infer.likelihoods._time_series._effective_sample_size import effective_samples
from nmm_infer.linear._lyapunov_equation import lyapunov

N = 3
RNG = np.random.default_rng(7)
WEIGHTS = np.array([[0.0, 0.7, 0.1], [0.2, 0.0, 0.5], [0.6, 0.3, 0.0]])
LENGTHS = 40.0 * (1 - np.eye(N))
TAU = np.array([40.0, 60.0, 90.0])
Covariance, AsCorrelation = nmm.likelihoods.Covariance, nmm.likelihoods.AsCorrelation


def network(tau=TAU, G=0.6, sigma=0.1, noise=None, speed=None, weights=WEIGHTS):
    connectome = nmm.Connectome(weights, LENGTHS, labels=list("ABC"))
    return nmm.Network(
        nmm.models.LeakyIntegrator(tau=tau),
        connectome,
        nmm.couplings.Additive(G=G),
        noise=noise or nmm.noises.Additive(sigma=sigma),
        speed=speed,
    )


def exact(G=0.6, sigma=0.1, lag=0.0):
    """Stationary covariance by SciPy, E[x(t + lag) x(t)]."""
    A = (-np.eye(N) + G * WEIGHTS) / TAU[:, None]
    return scipy.linalg.expm(A * lag) @ scipy.linalg.solve_continuous_lyapunov(A, -(sigma**2) * np.eye(N))


def path(rng, samples, interval, G=0.6, sigma=0.1):
    """A stationary recording of the linear network, exact at any interval."""
    A = (-np.eye(N) + G * WEIGHTS) / TAU[:, None]
    X = exact(G, sigma)
    F = scipy.linalg.expm(A * interval)
    kick = np.linalg.cholesky(X - F @ X @ F.T)
    x = np.linalg.cholesky(X) @ rng.normal(size=N)
    out = []
    for z in rng.normal(size=(samples, N)):
        x = F @ x + kick @ z
        out.append(x)
    return np.array(out)


# ---------------------------------------------------------------- the Lyapunov equation


@pytest.mark.parametrize("n", [1, 5, 40])
def test_lyapunov_is_scipys_and_its_gradient_that_of_differences(n):
    A = RNG.normal(size=(n, n)) / np.sqrt(n)
    A = np.diag(np.geomspace(1, 100, n)) @ (A - (np.linalg.eigvals(A).real.max() + 0.5) * np.eye(n))
    A = A - max(0.0, np.linalg.eigvals(A).real.max() + 0.1) * np.eye(n)
    B = RNG.normal(size=(n, n))
    Q = B @ B.T
    np.testing.assert_allclose(
        lyapunov(jnp.asarray(A), jnp.asarray(Q)),
        scipy.linalg.solve_continuous_lyapunov(A, -Q),
        rtol=1e-8,
        atol=1e-10,
    )
    W, dA, dQ = RNG.normal(size=(3, n, n))
    dQ = dQ + dQ.T
    f = jax.jit(lambda h: (W * lyapunov(A + h * dA, Q + h * dQ)).sum())
    np.testing.assert_allclose(jax.grad(f)(0.0), (f(1e-5) - f(-1e-5)) / 2e-5, rtol=1e-5)


def test_lyapunov_of_an_unstable_matrix_is_not_a_number():
    assert np.isnan(lyapunov(jnp.array([[0.1, 0.0], [0.0, -1.0]]), jnp.eye(2))).all()


# ---------------------------------------------------------------- predicted covariances


def test_prediction_without_delays_is_scipys_with_lags_and_noise():
    likelihood = Covariance(lags=(0.0, 20.0, 50.0), noise=0.3)
    Sigma, stable = likelihood.covariance(network(), nmm.observe.Subsample(), 10.0)
    lags = (0.0, 20.0, 50.0)
    expected = np.block(
        [[exact(lag=b - a) if b >= a else exact(lag=a - b).T for b in lags] for a in lags]
    ) + 0.09 * np.eye(3 * N)
    assert stable
    np.testing.assert_allclose(Sigma, expected, rtol=1e-9, atol=1e-12)
    assert np.linalg.eigvalsh(Sigma).min() > 0


def test_the_integral_of_the_spectrum_is_the_same_matrix():
    """Delays that are too short to matter take the other way to the same numbers."""
    lags = (0.0, 20.0, 100.0)
    slow = Covariance(lags=lags, points=400).covariance(network(speed=1e6), nmm.observe.Subsample(), 10.0)[0]
    direct = Covariance(lags=lags).covariance(network(), nmm.observe.Subsample(), 10.0)[0]
    np.testing.assert_allclose(slow, direct, rtol=2e-3)
    # Without lags the rule converges exponentially, and the default number of points is plenty.
    np.testing.assert_allclose(
        Covariance().covariance(network(speed=1e6), nmm.observe.Subsample(), 1.0)[0],
        Covariance().covariance(network(), nmm.observe.Subsample(), 1.0)[0],
        rtol=1e-4,
    )


def test_quadrature_of_known_integrals():
    a = 0.02
    for lag in (0.0, 5.0, 50.0):
        omega, weights = quadrature((lag,), None, 300)
        value = (weights @ (2 * a / (a**2 + omega**2)))[0].real
        assert value == pytest.approx(np.exp(-a * lag), rel=2e-3)
    omega, weights = quadrature((0.0, 7.0), (1e-3, 4e-3), 32)
    whole = weights @ np.ones(32)
    np.testing.assert_allclose(
        whole.real,
        [6e-3, (np.sin(2 * np.pi * 4e-3 * 7) - np.sin(2 * np.pi * 1e-3 * 7)) / (np.pi * 7)],
        rtol=1e-12,
    )


def test_covariance_in_a_band_is_the_spectrum_there():
    band = (1e-3, 5e-3)
    observe = nmm.observe.Subsample(period=10.0)
    inside = Covariance(band=band, noise=0.2).covariance(network(speed=4.0), observe, 10.0)[0]
    f = np.linspace(*band, 2001)
    S, _ = nmm.likelihoods.Spectral(band=band, noise=0.2).cross_spectra(network(speed=4.0), observe, f, 10.0)
    np.testing.assert_allclose(inside, 2 * np.trapezoid(S.real, f, axis=0), rtol=1e-5)


@pytest.mark.slow
def test_bold_covariance_is_that_of_a_long_simulation():
    """Linear haemodynamics, so that there is no bias: the sample covariance of two hours of BOLD within its
    sampling error.
    """
    observe = nmm.observe.HemodynamicResponse(nmm.observe.kernels.Gamma(), period=1000.0)
    slow = network(tau=20.0 * TAU, sigma=0.02)
    predicted = np.asarray(Covariance().covariance(slow, observe, 1000.0)[0])
    x = np.asarray(
        nmm.solve(slow, 7.2e6, step=50.0, observe=observe, transient=1e5, key=jax.random.key(0)).values
    )
    sampled = np.cov(x.T)
    sd = np.sqrt(np.diag(predicted))
    error = np.sqrt(2 / effective_samples(x))
    np.testing.assert_allclose((sampled - predicted) / np.outer(sd, sd), 0.0, atol=4 * error)
    assert error < 0.05


def test_sensors_and_principal_directions():
    gain = RNG.normal(size=(6, N))
    observe = nmm.observe.LeadField(gain, average_reference=True)
    data = path(RNG, 4000, 20.0) @ (gain - gain.mean(0)).T + 0.1 * RNG.normal(size=(4000, 6))
    data = data - data.mean(axis=1, keepdims=True)
    problem = nmm.Problem(network(G=nmm.Prior(dist.Beta(4.0, 2.0))), observe, Covariance(modes=3, noise=0.1))
    observed = problem.condition(data).observed
    assert observed.values.shape == (3, 3)
    Sigma, _ = Covariance(noise=0.1).covariance(network(), observe, 1.0, observed.directions)
    referenced = gain - gain.mean(0)
    expected = (
        observed.directions.T @ (referenced @ exact() @ referenced.T + 0.01 * np.eye(6)) @ observed.directions
    )
    np.testing.assert_allclose(Sigma, expected, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(observed.values, expected, atol=5 * np.sqrt(2 / observed.dof) * expected.max())


# ---------------------------------------------------------------- distributions


def bound_log_prob(likelihood, G, data):
    problem = nmm.Problem(
        network(G=nmm.Prior(dist.Beta(4.0, 2.0))), nmm.observe.Subsample(period=20.0), likelihood
    )
    observed = problem.condition(data).observed
    distribution, failure = likelihood.distribution(network(G=G), problem.observe, None, observed)
    return distribution.log_prob(jnp.asarray(observed.values)), failure, observed


DATA = path(np.random.default_rng(1), 500, 20.0)


def test_density_is_scipys_wishart():
    value, failure, observed = bound_log_prob(Covariance(), 0.5, DATA)
    C = np.cov(DATA.T, bias=True)
    np.testing.assert_allclose(observed.values, C, rtol=1e-10)
    assert failure == 0
    np.testing.assert_allclose(
        value, scipy.stats.wishart(observed.dof, exact(G=0.5) / observed.dof).logpdf(C), rtol=1e-9
    )


def test_an_unstable_network_is_impossible_not_an_error():
    value, failure, _ = bound_log_prob(Covariance(), 3.0, DATA)
    assert failure == nmm.likelihoods.Failure.UNSTABLE
    assert np.isfinite(value)


@pytest.mark.parametrize(
    ("likelihood", "speed"),
    [
        (Covariance(noise=0.2, lags=(0.0, 20.0)), None),
        (Covariance(noise=0.2), 4.0),
        (Covariance(form=AsCorrelation()), 4.0),
        (Covariance(band=(1e-3, 1e-2)), None),
    ],
    ids=["lags", "delays", "correlation", "band"],
)
def test_gradient_by_everything_that_can_be_free(likelihood, speed):
    problem = nmm.Problem(
        network(G=nmm.Prior(dist.Beta(4.0, 2.0)), speed=speed), nmm.observe.Subsample(period=20.0), likelihood
    )
    observed = problem.condition(DATA).observed

    def value(x):
        net = network(tau=x[:3], G=x[3], sigma=x[4], speed=None if speed is None else x[5])
        distribution, _ = likelihood.distribution(net, problem.observe, None, observed)
        return distribution.log_prob(jnp.asarray(observed.values))

    x = jnp.array([45.0, 50.0, 80.0, 0.5, 0.12, 4.0])
    f = jax.jit(value)
    direction = jnp.asarray(RNG.normal(size=6) * np.array([1, 1, 1, 0.01, 0.01, 0.1]))
    gradient = jax.grad(f)(x)
    np.testing.assert_allclose(
        gradient @ direction, (f(x + 1e-4 * direction) - f(x - 1e-4 * direction)) / 2e-4, rtol=1e-5
    )
    assert np.all(np.isfinite(gradient))


def hotelling(r, rho, nu):
    """Density of the sample correlation of two Gaussian variables, ν degrees of freedom (Hotelling 1953)."""
    n = nu + 1
    constant = (
        np.log(n - 2)
        + scipy.special.gammaln(n - 1)
        - 0.5 * np.log(2 * np.pi)
        - scipy.special.gammaln(n - 0.5)
    )
    series = np.log(scipy.special.hyp2f1(0.5, 0.5, n - 0.5, (1 + rho * r) / 2))
    return (
        constant
        + (n - 1) / 2 * np.log(1 - rho**2)
        + (n - 4) / 2 * np.log(1 - r**2)
        - (n - 1.5) * np.log(1 - rho * r)
        + series
    )


@pytest.mark.parametrize("nu", [10.0, 60.0])
def test_correlation_density_of_two_variables_is_fishers(nu):
    def pair(r):
        return jnp.array([[1.0, r], [r, 1.0]])

    for rho in (-0.6, 0.0, 0.8):
        for r in (-0.3, 0.2, 0.8):
            # Laplace's approximation: 0.8 r ρ / ν at worst, which is 1 % of the density at ν = 10.
            np.testing.assert_allclose(
                CorrelationMatrix(pair(rho), nu).log_prob(pair(r)), hotelling(r, rho, nu), atol=0.1 / nu
            )


def test_correlation_density_ignores_scales_and_peaks_at_the_truth():
    P = correlation_of(jnp.asarray(exact()))
    R = CorrelationMatrix(P, 5000.0).sample(jax.random.key(0))
    direction = jnp.asarray(np.array([[0, 1, -1], [1, 0, 1], [-1, 1, 0]]))
    values = [float(CorrelationMatrix(P + h * direction, 5000.0).log_prob(R)) for h in (-0.05, 0.0, 0.05)]
    assert values[1] > max(values[0], values[2])
    D = jnp.diag(jnp.array([0.1, 3.0, 20.0]))
    for scaled in (exact(), D @ exact() @ D):
        np.testing.assert_allclose(
            AsCorrelation().distribution(scaled, 50.0).log_prob(R),
            CorrelationMatrix(P, 50.0).log_prob(R),
            rtol=1e-10,
        )


def test_scales_solve_their_equation_from_far_away():
    B = RNG.normal(size=(20, 25))
    A = jnp.asarray(B @ B.T * np.outer(g := np.geomspace(0.01, 100, 20), g))
    e = scales(A)
    assert np.all(e > 0)
    np.testing.assert_allclose(e * (A @ e), 1.0, rtol=1e-8)


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.9])
def test_effective_samples_of_an_autoregression(phi):
    """Bartlett: T (1 - φ²)/(1 + φ²)."""
    rng = np.random.default_rng(2)
    T = 4000
    x = scipy.signal.lfilter([1.0], [1.0, -phi], rng.normal(size=(T + 200, 8)), axis=0)[200:]
    assert effective_samples(x) == pytest.approx(T * (1 - phi**2) / (1 + phi**2), rel=0.12)


def test_effective_samples_of_band_limited_noise():
    """2 B T, the number of independent Fourier coefficients."""
    x = np.random.default_rng(3).normal(size=(3000, 6))
    f = np.fft.rfftfreq(3000, 1.0)
    x = np.fft.irfft(np.where(((f > 0.02) & (f < 0.12))[:, None], np.fft.rfft(x, axis=0), 0.0), 3000, axis=0)
    assert effective_samples(x) == pytest.approx(2 * 0.1 * 3000, rel=0.12)


# ---------------------------------------------------------------- calibration

FORMS = {
    "covariance": Covariance(),
    "correlation": Covariance(form=AsCorrelation()),
    "lagged": Covariance(lags=(0.0, 40.0)),
    "in a band": Covariance(band=(0.2e-3, 8e-3)),
}


@pytest.mark.parametrize("name", FORMS)
def test_intervals_hold_the_truth_as_often_as_they_say(name):
    """120 recordings of 600 strongly correlated samples; posterior of the coupling by quadrature, everything
    else known.
    """
    likelihood, truths = FORMS[name], np.random.default_rng(4).uniform(0.3, 0.8, 120)
    grid = jnp.linspace(0.02, 1.05, 104)
    problem = nmm.Problem(
        network(G=nmm.Prior(dist.Uniform(0.0, 1.1))), nmm.observe.Subsample(period=20.0), likelihood
    )

    @jax.jit
    def posterior(values, dof):
        def one(G):
            Sigma, stable = likelihood.covariance(network(G=G), problem.observe, 20.0)
            Sigma = jnp.where(stable, Sigma, jnp.eye(Sigma.shape[0]))
            return jnp.where(stable, likelihood.form.distribution(Sigma, dof).log_prob(values), -jnp.inf)

        return jax.lax.map(one, grid)

    ranks, z, dofs = [], [], []
    for i, G in enumerate(truths):
        observed = problem.condition(path(np.random.default_rng(100 + i), 600, 20.0, G=G)).observed
        log_p = np.asarray(posterior(jnp.asarray(observed.values), observed.dof))
        p = np.exp(log_p - log_p.max())
        p /= p.sum()
        mean = p @ grid
        ranks.append(p[np.asarray(grid) < G].sum())
        z.append((G - mean) / np.sqrt(p @ grid**2 - mean**2))
        dofs.append(observed.dof)
    inside = np.mean((np.array(ranks) > 0.05) & (np.array(ranks) < 0.95))
    # 90 % intervals of 120 data sets: 0.9 ± 2.5 sd of 0.027. Lags are counted with too few degrees of
    # freedom, so that intervals are wide.
    assert 0.83 <= inside <= (1.0 if name == "lagged" else 0.97), inside
    assert np.mean(dofs) < 0.7 * 600


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Covariance(lags=(20.0,)),
            r"Covariance\(lags=...\) got \(20.0,\) ms, expected increasing times that begin with 0",
        ),
        (lambda: Covariance(lags=(0.0, 1.0 * u.mV)), "convertible to ms"),
        (
            lambda: Covariance(form="fc"),
            r"Covariance\(form=...\) got 'fc', expected nmm.likelihoods.AsCovariance",
        ),
        (lambda: Covariance(dof=-1.0), "expected a positive number"),
        (lambda: Covariance(band=(0.2, 0.1)), r"Covariance\(band=...\) got .* expected 0 < lowest < highest"),
        (
            lambda: bound_log_prob(Covariance(lags=(0.0, 30.0)), 0.5, DATA),
            "whole numbers of samples, which are 20 ms apart",
        ),
        (
            lambda: bound_log_prob(Covariance(band=(1e-3, 0.1)), 0.5, DATA),
            "beyond the Nyquist frequency 25 Hz",
        ),
        (
            lambda: bound_log_prob(Covariance(lags=(0.0, 20.0)), 0.5, DATA[:8]),
            (
                r"the data are worth [\d.]+ independent samples, expected more than 5 for a covariance of 6"
                r" dimensions"
            ),
        ),
        (
            lambda: bound_log_prob(Covariance(dof=2.0), 0.5, DATA),
            r"Covariance\(dof=...\) says 2.0 independent samples",
        ),
        (
            lambda: bound_log_prob(Covariance(modes=4), 0.5, DATA),
            r"Covariance\(modes=...\) got 4, expected a whole number from 1 to 3",
        ),
        (
            lambda: bound_log_prob(Covariance(form=AsCorrelation(), modes=2), 0.5, DATA),
            "correlations of directions mean nothing",
        ),
        (
            lambda: bound_log_prob(Covariance(), 0.5, DATA[:, [0, 1, 1]]),
            "vary in 2 directions where the model has 3",
        ),
        (
            lambda: nmm.Problem(
                nmm.Network(nmm.models.Hopf(a=nmm.Prior(dist.Normal()))),
                nmm.observe.Subsample(),
                Covariance(),
            ),
            "Covariance needs a network with noise",
        ),
    ],
)
def test_what_cannot_be_is_refused(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()
