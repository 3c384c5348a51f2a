"""Distributions of data, and what is refused before anything is computed."""

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
import xarray as xr

import nmm_infer as nmm
from nmm_infer._distributions._complex_normal import ComplexNormal, gram, log_density
from nmm_infer.likelihoods import read_recording
from nmm_infer.likelihoods._linearised._estimators import fourier_bands

N = 4
RNG = np.random.default_rng(3)
CONNECTOME = nmm.Connectome((1 - np.eye(N)) / 3.0, 40.0 * (1 - np.eye(N)), labels=list("ABCD"))


def random_covariance(n, key=0):
    X = jax.random.normal(jax.random.key(key), (2, n, n))
    return gram(X[0] + 1j * X[1]) + jnp.eye(n)


def test_complex_normal_is_the_real_gaussian_of_real_and_imaginary_parts():
    S, z = random_covariance(3), RNG.normal(size=(2, 3)) + 1j * RNG.normal(size=(2, 3))
    C = 0.5 * jnp.block([[S.real, -S.imag], [S.imag, S.real]])
    expected = (
        dist.MultivariateNormal(jnp.zeros(6), C).log_prob(jnp.concatenate([z.real, z.imag], axis=1)).sum()
    )
    np.testing.assert_allclose(ComplexNormal(S, 2).log_prob(z), expected, rtol=1e-10)


def test_its_gradient_is_that_of_the_formula():
    z = jnp.asarray(RNG.normal(size=(2, 5)) + 1j * RNG.normal(size=(2, 5)))

    def ours(parts):
        return log_density(gram(parts[0] + 1j * parts[1]) + jnp.eye(5), z)

    def formula(parts):
        X = parts[0] + 1j * parts[1]
        S = X @ X.conj().T + jnp.eye(5)
        return (
            -2 * (jnp.linalg.slogdet(S)[1] + 5 * jnp.log(jnp.pi))
            - jnp.einsum("ki,ij,kj", z.conj(), jnp.linalg.inv(S), z).real
        )

    parts = jax.random.normal(jax.random.key(4), (2, 5, 7))
    np.testing.assert_allclose(jax.grad(ours)(parts), jax.grad(formula)(parts), rtol=1e-8, atol=1e-10)


def test_its_draws_have_its_covariance():
    S = random_covariance(3, 5)
    z = ComplexNormal(S, 4).sample(jax.random.key(0), (20_000,)).reshape(-1, 3)
    np.testing.assert_allclose(
        jnp.einsum("ki,kj->ij", z, z.conj()) / len(z), S, atol=0.05 * float(jnp.abs(S).max())
    )


def test_fourier_bands_integrate_to_the_variance():
    x = RNG.normal(size=(1000, 2))
    frequencies, z = fourier_bands(x, 10.0, (1e-6, 0.05), 5)
    assert z.shape == (5, 99, 2)  # the Nyquist frequency itself is left out
    assert np.all(np.diff(frequencies) > 0)
    density = (np.abs(z) ** 2).mean(axis=(0, 1))
    np.testing.assert_allclose(2 * 0.05 * density, x.var(axis=0), rtol=0.01)  # two-sided, up to Nyquist


def resting(**changes):
    free = {
        "tau": nmm.Prior(dist.LogNormal(jnp.log(50.0), 0.3), over="region"),
        "G": 0.6,
        "sigma": 0.1,
        "speed": 4.0,
    } | changes
    return nmm.Network(
        nmm.models.LeakyIntegrator(tau=free["tau"]),
        CONNECTOME,
        nmm.couplings.Additive(G=free["G"]),
        noise=nmm.noises.Additive(sigma=free["sigma"]),
        speed=free["speed"],
    )


def spectral(**options):
    return nmm.likelihoods.Spectral(band=(0.1 * u.Hz, 20 * u.Hz), bands=4, **options)


def log_likelihood(network, likelihood, data, observe=None):
    observe = observe or nmm.observe.Subsample(period=10.0)
    problem = nmm.Problem(resting(), observe, likelihood)
    observed = problem.condition(data).observed
    distribution, failure = likelihood.distribution(network, observe, None, observed)
    return distribution.log_prob(jnp.asarray(observed.values)).sum(), failure


DATA = RNG.normal(size=(400, N))


@pytest.mark.slow
def test_gradient_of_the_spectral_likelihood_by_everything_that_can_be_free():
    def value(p):
        network = nmm.Network(
            nmm.models.LeakyIntegrator(tau=p["tau"]),
            nmm.Connectome(p["weights"], p["lengths"], labels=list("ABCD")),
            nmm.couplings.Additive(G=p["G"]),
            noise=nmm.noises.OrnsteinUhlenbeck(sigma=p["sigma"], tau=p["tau_noise"]),
            speed=p["speed"],
        )
        return log_likelihood(network, spectral(noise=p["noise"], global_signal=p["global_signal"]), DATA)[0]

    p = {
        "tau": jnp.full(N, 40.0),
        "weights": jnp.asarray(CONNECTOME.weights),
        "lengths": jnp.asarray(CONNECTOME.lengths),
        "G": jnp.asarray(0.6),
        "sigma": jnp.asarray(0.05),
        "tau_noise": jnp.asarray(8.0),
        "speed": jnp.asarray(5.0),
        "noise": jnp.asarray(0.3),
        "global_signal": jnp.asarray(0.2),
    }
    value = jax.jit(value)
    gradient = jax.grad(value)(p)
    for name, x in p.items():
        direction = jnp.asarray(RNG.normal(size=x.shape)) * (1.0 if x.ndim < 2 else 1 - jnp.eye(N))
        h = 1e-5
        up, down = (value({**p, name: x + sign * h * direction}) for sign in (1, -1))
        np.testing.assert_allclose(
            (gradient[name] * direction).sum(), (up - down) / (2 * h), rtol=1e-4, atol=1e-6, err_msg=name
        )


def test_an_unstable_network_is_impossible_not_an_error():
    stable = log_likelihood(resting(tau=50.0, G=0.9), spectral(), DATA)
    unstable = log_likelihood(resting(tau=50.0, G=1.1), spectral(), DATA)
    assert stable[1] == 0
    assert unstable[1] == nmm.likelihoods.Failure.UNSTABLE
    assert np.isfinite(unstable[0])  # the model turns `failure` into -inf


def test_average_referenced_sensors_lose_one_dimension_and_nothing_else():
    gain = RNG.normal(size=(6, N))
    observe = nmm.observe.LeadField(gain, average_reference=True)
    observed = (
        nmm.Problem(resting(), observe, spectral(noise=0.5, repetition_time=10.0))
        .condition(RNG.normal(size=(400, 6)))
        .observed
    )
    assert observed.values.shape[-1] == 5
    S, _ = spectral(noise=0.5).cross_spectra(
        resting(tau=50.0), observe, observed.frequencies, 10.0, observed.directions
    )
    full, _ = spectral(noise=0.0).cross_spectra(
        resting(tau=50.0), nmm.observe.LeadField(gain), observed.frequencies, 10.0
    )
    white = 0.5**2 * 10.0 * np.eye(6)
    expected = np.einsum("ca,fcd,db->fab", observed.directions, full + white, observed.directions)
    np.testing.assert_allclose(S, expected, rtol=1e-8, atol=1e-12)


def test_a_global_signal_adds_one_common_component():
    network, observe = resting(tau=50.0), nmm.observe.Subsample(period=10.0)
    f = np.array([1e-3])
    plain, shared = (
        spectral(global_signal=g).cross_spectra(network, observe, f, 10.0)[0][0] for g in (0.0, 0.5)
    )
    np.testing.assert_allclose(shared - plain, 0.5 * np.trace(plain).real / N * np.ones((N, N)), atol=1e-10)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.full((400, N), np.nan), "NaN or infinite values, in regions 0"),
        (DATA[:, 0], "expected two axes"),
        (DATA.T, "is it transposed"),
        (np.zeros((400, N)), "constant in regions"),
        (DATA[:, :3], "has 3 regions, the model predicts 4"),
        (
            xr.DataArray(DATA, dims=("time", "region"), coords={"region": list("ABCX")}),
            r"missing in the data \['D'\], unknown to the model \['X'\]",
        ),
        (DATA[:3], "holds [01] Fourier frequencies of 3 samples"),
        (
            xr.DataArray(DATA, dims=("time", "region"), coords={"time": RNG.uniform(size=400)}),
            "irregular or decreasing times",
        ),
        (xr.DataArray(DATA[None], dims=("run", "time", "region")), "expected .'time', 'region'."),
        ("bold.npy", "data is str"),
    ],
)
def test_bad_data_is_refused_with_a_message_that_helps(data, message):
    problem = nmm.Problem(resting(), nmm.observe.Subsample(period=10.0), spectral())
    with pytest.raises((ValueError, TypeError), match=message):
        problem.condition(data)


def test_channels_are_matched_by_their_labels():
    data = xr.DataArray(
        DATA,
        dims=("time", "region"),
        coords={"region": list("DCBA"), "time": ("time", 10.0 * np.arange(400), {"units": "ms"})},
    )
    observed = nmm.Problem(resting(), nmm.observe.Subsample(), spectral()).condition(data).observed
    np.testing.assert_array_equal(observed.recording.values, DATA[:, ::-1])
    assert observed.interval == pytest.approx(10.0)


def test_units_of_a_quantity_and_of_times_are_read():
    seconds = xr.DataArray(
        DATA, dims=("time", "region"), coords={"time": ("time", 0.01 * np.arange(400), {"units": "second"})}
    )
    assert read_recording(seconds).interval == pytest.approx(10.0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nmm.Problem(resting(tau=50.0), nmm.observe.Subsample(), spectral()), "has no priors"),
        (
            lambda: nmm.Problem(resting(), nmm.observe.Subsample(), nmm.likelihoods.Gaussian()),
            "duration=..., step=...\\) are missing",
        ),
        (
            lambda: nmm.Problem(
                resting(), nmm.observe.Subsample(), nmm.likelihoods.Gaussian(), duration=100.0, step=1.0
            ),
            "frozen noise is no likelihood",
        ),
        (
            lambda: nmm.Problem(resting(), nmm.likelihoods.Gaussian(), spectral()),
            "observe=... got Gaussian|expected Observation",
        ),
        (lambda: nmm.likelihoods.Spectral(band=(0.1 * u.Hz, 0.01 * u.Hz)), "0 < lowest < highest"),
        (lambda: nmm.likelihoods.Spectral(band=(0.1 * u.ms, 0.2 * u.ms)), "convertible to kHz"),
        (
            lambda: nmm.Problem(resting(), nmm.observe.FunctionalConnectivity(), spectral()).condition(DATA),
            "needs a linear observation",
        ),
        (
            lambda: nmm.Problem(resting(), nmm.observe.Subsample(), spectral()).condition(DATA),
            "time between samples is unknown",
        ),
        (
            lambda: nmm.Problem(resting(), nmm.observe.Subsample(period=100.0), spectral()).condition(DATA),
            "beyond the Nyquist frequency",
        ),
    ],
)
def test_bad_problems_are_refused_with_a_message_that_helps(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()


@pytest.mark.parametrize(
    "likelihood", [nmm.likelihoods.Gaussian(scale=0.3), nmm.likelihoods.StudentT(scale=0.3, df=3.0)]
)
def test_series_likelihoods_are_the_noise_around_the_simulation(likelihood):
    network = nmm.Network(nmm.models.Hopf(a=nmm.Prior(dist.Normal(0.2, 0.1))))
    problem = nmm.Problem(network, nmm.observe.Subsample(period=1.0), likelihood, duration=20.0, step=0.5)
    y = RNG.normal(size=(20, 1))
    fixed = nmm.Network(nmm.models.Hopf(a=0.2))
    signal = nmm.solve(fixed, 20.0, step=0.5, observe=nmm.observe.Subsample(period=1.0))
    kind = (
        dist.Normal(signal.values, 0.3)
        if isinstance(likelihood, nmm.likelihoods.Gaussian)
        else dist.StudentT(3.0, signal.values, 0.3)
    )
    from numpyro.infer.util import log_density as numpyro_log_density

    total, _ = numpyro_log_density(problem.model, (y,), {}, {"model.a": jnp.asarray(0.2)})
    np.testing.assert_allclose(
        total - dist.Normal(0.2, 0.1).log_prob(0.2), kind.log_prob(y).sum(), rtol=1e-10
    )
    with pytest.raises(ValueError, match="data has 19 samples, the simulation gives 20"):
        problem.condition(y[:19])


def test_data_in_another_unit_are_converted():
    """A potential in µV, as a Quantity or as a DataArray that says so, against a model in mV."""
    network = nmm.Network(nmm.models.JansenRit(mu=nmm.Prior(dist.Normal(0.2, 0.01))))
    problem = nmm.Problem(
        network, nmm.observe.Subsample(period=10.0), nmm.likelihoods.Gaussian(), duration=50.0, step=0.5
    )
    millivolts = np.linspace(1.0, 2.0, 5)[:, None]
    expected = problem.condition(millivolts).values
    times = {"time": ("time", 10.0 * np.arange(1, 6), {"units": "ms"})}
    for data in (
        1e3 * millivolts * u.uvolt,
        xr.DataArray(1e3 * millivolts, dims=("time", "region"), coords=times, attrs={"units": "µV"}),
        xr.DataArray(1e-3 * millivolts, dims=("time", "region"), coords=times, attrs={"units": "volt"}),
        xr.DataArray(millivolts, dims=("time", "region"), coords=times, attrs={"units": "mV"}),
        xr.DataArray(millivolts, dims=("time", "region"), coords=times),
    ):
        observed = problem.condition(data).observed
        np.testing.assert_allclose(observed.values, expected, rtol=1e-12)
    with pytest.raises(
        nmm.UnitError, match="data got a quantity in Hz, expected a quantity convertible to mV"
    ):
        problem.condition(
            xr.DataArray(millivolts, dims=("time", "region"), coords=times, attrs={"units": "Hz"})
        )
