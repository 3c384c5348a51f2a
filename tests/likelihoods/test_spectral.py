"""Spectra of sensors: prediction against long simulations, estimators, references, rank and units."""

import brainunit as u
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
import xarray as xr
from numpyro.infer.util import log_density

import nmm_infer as nmm
from nmm_infer.likelihoods import Multitaper, Neighbours, Spectral
from nmm_infer.likelihoods._linearised._estimators import fourier_bands

RNG = np.random.default_rng(5)
REGIONS = nmm.datasets.desikan_killiany(cortical=True).labels[:3]
SENSORS = slice(0, 64, 8)
NOISE = 0.05  # of a signal of about 0.3


def column(mu=0.45, speed=4.0, sigma=2e-4):
    """Three coupled columns with an alpha rhythm that noise keeps alive: just above where it would oscillate
    by itself.
    """
    connectome = (
        nmm.datasets.desikan_killiany(cortical=True).select(REGIONS).power(0.3).scaled_by_spectral_radius()
    )
    return nmm.Network(
        nmm.models.JansenRit(mu=mu, v0=6.0),
        connectome,
        nmm.couplings.Additive(G=0.02),
        speed=speed,
        noise=nmm.noises.Additive(sigma=sigma),
    )


GAIN = nmm.datasets.leadfield().sel(region=list(REGIONS)).isel(sensor=SENSORS)


def eeg(**options):
    return nmm.observe.LeadField(GAIN, average_reference=True, **options)


@pytest.fixture(scope="module")
def recording():
    """Two minutes of eight sensors against the average reference, with measurement noise before
    referencing.
    """
    network = column()
    network = eqx.tree_at(lambda n: n.initial, network, nmm.linear.fixed_point(network))
    observe = nmm.observe.Chain(nmm.observe.Subsample(period=5.0), eeg())
    x = np.asarray(
        nmm.solve(
            network, 160_000.0, step=0.5, observe=observe, transient=2000.0, key=jax.random.key(0)
        ).values
    )
    noise = NOISE * np.random.default_rng(1).normal(size=x.shape)
    return x + noise - noise.mean(axis=1, keepdims=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    "estimator", [Neighbours(), Multitaper(segment=8000.0)], ids=["neighbours", "segments"]
)
def test_sensor_cross_spectra_of_columns_with_delays_are_those_of_a_simulation(recording, estimator):
    likelihood = Spectral(
        band=(3e-3, 33e-3), bands=20, noise=NOISE, estimator=estimator, repetition_time=5.0, nodes=20
    )
    problem = nmm.Problem(column(mu=nmm.Prior(dist.Normal(0.45, 0.01))), eeg(), likelihood)
    observed = problem.condition(recording).observed
    k = observed.values.shape[1]
    assert observed.values.shape == (20, k, 7)
    S = likelihood.distribution(column(), eeg(), None, observed)[0].S
    P = np.einsum("fki,fkj->fij", observed.values, observed.values.conj()) / k
    L = np.linalg.inv(np.linalg.cholesky(np.asarray(S)))
    white = L @ P @ np.swapaxes(L.conj(), -1, -2) - np.eye(7)
    # Entries are independent with sd 1/√k; the largest of a thousand is below five. In the peak, which is
    # narrower than a band, there are fewer independent coefficients.
    peak = np.argmax(np.trace(np.asarray(S), axis1=1, axis2=2).real)
    tolerance = np.full(20, 5 / np.sqrt(k))
    tolerance[peak - 1 : peak + 2] *= 2
    assert np.all(np.abs(white).max(axis=(1, 2)) < tolerance)
    # The strongest direction is the signal; its power over all bands is right within a few per cent.
    sizes, vectors = np.linalg.eigh(np.asarray(S))
    assert np.all(sizes[:, -1] > 1.5 * sizes[:, 0])
    strongest = np.einsum("fi,fij,fj->f", vectors[..., -1].conj(), P, vectors[..., -1]).real / sizes[:, -1]
    assert abs(strongest.mean() - 1) < 4 / np.sqrt(20 * k)
    assert abs(np.trace(white, axis1=1, axis2=2).real.mean() / 7) < 4 / np.sqrt(20 * 7 * k)


def test_a_fixed_point_is_found_at_the_default_input():
    """Where the descent of a dogleg search ends in the ghost of a fixed point."""
    network = nmm.Network(nmm.models.JansenRit())
    from nmm_infer.linear._fixed_point import rest_drift

    y = nmm.linear.fixed_point(network)
    np.testing.assert_allclose(rest_drift(network, y), 0.0, atol=1e-12)

    def psp(mu):
        network = nmm.Network(nmm.models.JansenRit(mu=mu))
        return network.model.psp(nmm.linear.fixed_point(network))[0]

    f = jax.jit(psp)
    np.testing.assert_allclose(jax.grad(f)(0.22), (f(0.22 + 1e-6) - f(0.22 - 1e-6)) / 2e-6, rtol=1e-5)
    np.testing.assert_allclose(jax.vmap(psp)(jnp.array([0.1, 0.22])), [f(0.1), f(0.22)], rtol=1e-10)


# ---------------------------------------------------------------- estimators


@pytest.mark.parametrize(
    "estimator",
    [Neighbours(), Multitaper(), Multitaper(segment=500.0)],
    ids=["neighbours", "whole", "segments"],
)
def test_estimators_give_the_density_of_white_noise_in_independent_coefficients(estimator):
    x = np.random.default_rng(0).normal(size=(6000, 2)) @ np.array([[1.0, 0.5], [0.0, 1.0]])
    f, z = estimator.coefficients(x, 1.0, (0.05, 0.45), 8)
    assert np.all((f > 0.05) & (f < 0.45))
    np.testing.assert_allclose(np.diff(f), 0.05, rtol=0.02)
    P = np.einsum("fki,fkj->fij", z, z.conj()) / z.shape[1]
    np.testing.assert_allclose(
        P, np.broadcast_to([[1.0, 0.5], [0.5, 1.25]], P.shape), atol=5 / np.sqrt(z.shape[1])
    )
    # Independent: neighbouring coefficients do not correlate, and none is counted twice.
    along = z[:, :, 0]
    assert abs((along[:, 1:] * along[:, :-1].conj()).mean()) < 4 / np.sqrt(along.size)
    assert z.shape[0] * z.shape[1] <= 0.8 * 6000 / 2


def test_tapers_keep_strong_power_out_of_other_bands():
    """A line 10⁶ times stronger than the noise, between two Fourier frequencies."""
    t = np.arange(2000)
    x = 1e3 * np.sin(2 * np.pi * 0.10025 * t)[:, None] + np.random.default_rng(0).normal(size=(2000, 1))
    powers = {}
    for estimator in (Neighbours(), Multitaper()):
        _, z = estimator.coefficients(x, 1.0, (0.2, 0.4), 4)
        powers[type(estimator).__name__] = (np.abs(z) ** 2).mean(axis=(1, 2))
    assert np.all(powers["Neighbours"] > 50.0)
    assert np.all(powers["Multitaper"] < 2.0)


def test_trials_add_their_coefficients():
    x = RNG.normal(size=(5, 400, 3))
    problem = nmm.Problem(
        column(mu=nmm.Prior(dist.Normal(0.45, 0.01))),
        nmm.observe.Subsample(period=5.0),
        Spectral(band=(3e-3, 43e-3), bands=4, nodes=1),
    )
    observed = problem.condition(x).observed
    single = fourier_bands(x[2], 5.0, (3e-3, 43e-3), 4)[1]
    k = single.shape[1]
    np.testing.assert_allclose(observed.values[:, 2 * k : 3 * k], single)
    assert observed.values.shape[1] == 5 * k


@pytest.mark.slow
def test_nodes_average_the_spectrum_over_its_band():
    frequencies = []

    def spectra(nodes):
        likelihood = Spectral(band=(8e-3, 14e-3), bands=3, nodes=nodes)
        problem = nmm.Problem(
            column(mu=nmm.Prior(dist.Normal(0.45, 0.01))), nmm.observe.Subsample(period=5.0), likelihood
        )
        observed = problem.condition(np.random.default_rng(0).normal(size=(30_000, 3))).observed
        frequencies.append(observed.frequencies)
        return likelihood.distribution(column(), problem.observe, None, observed)[0].S

    fine = np.linspace(-1e-3, 1e-3, 401)
    averaged = spectra(25)
    S = Spectral(band=(8e-3, 14e-3)).cross_spectra(
        column(), nmm.observe.Subsample(), (frequencies[0][:, None] + fine).ravel(), 5.0
    )[0]
    expected = np.asarray(S).reshape(3, 401, 3, 3).mean(axis=1)
    np.testing.assert_allclose(averaged, expected, rtol=0.02, atol=0.02 * np.abs(expected).max())
    # The peak is narrower than a band, so its middle is not its mean.
    assert np.abs(spectra(1) / averaged - 1).max() > 0.3


def problem_of(observe, **options):
    settings = {"band": (3e-3, 33e-3), "bands": 6, "repetition_time": 5.0, "noise": NOISE} | options
    return nmm.Problem(column(mu=nmm.Prior(dist.Normal(0.45, 0.01))), observe, Spectral(**settings))


def of_parts(problem, network, data):
    """Predicted cross-spectra of the parts of bands, their mean over what each part holds, and coefficients
    in each.
    """
    observed = problem.condition(data).observed
    distribution = problem.likelihood.distribution(network, problem.observe, None, observed)[0]
    predicted = np.asarray(getattr(distribution, "each", distribution).S)
    bins = observed.values.shape[1] // observed.parts
    within = (np.arange(bins) - (bins - 1) / 2) / (len(data) * observed.interval)
    spectra = jax.jit(
        lambda f: problem.likelihood.cross_spectra(
            network, problem.observe, f, observed.interval, observed.directions
        )[0].mean(axis=0)
    )
    return (
        observed,
        predicted,
        np.asarray([spectra(centre + within) for centre in observed.nodes.ravel()]),
        bins,
    )


def referenced(samples):
    x = RNG.normal(size=(samples, 8))
    return x - x.mean(axis=1, keepdims=True)


def test_a_part_of_a_band_is_compared_with_its_mean():
    problem = problem_of(eeg(), nodes=24)
    observed, predicted, mean, _ = of_parts(problem, column(), referenced(24_000))
    centre = problem.likelihood.cross_spectra(
        column(), eeg(), observed.nodes.ravel(), 5.0, observed.directions
    )[0]
    power, *others = (np.trace(np.asarray(S), axis1=1, axis2=2).real for S in (mean, predicted, centre))
    off, off_centre = (np.abs(other / power - 1).max() for other in others)
    assert off_centre > 0.01
    assert off < 0.2 * off_centre


def test_data_may_be_an_argument_of_a_program():
    """Many recordings go through one program, such as those of `check.linearity`."""
    problem = problem_of(eeg(), nodes=1)
    observed, sites = problem.condition(referenced(2000)).observed, {"model.mu": jnp.asarray(0.45)}

    def density(observed):
        (named,) = problem.condition(observed).log_likelihood(sites).values()
        return named.values

    np.testing.assert_allclose(jax.jit(density)(observed), density(observed), rtol=1e-9)


@pytest.mark.slow
def test_nodes_suffice_for_an_amplitude_that_all_share(monkeypatch):
    """Errors of many parts and channels add up, though in each the data do not see them."""
    n, noise = 20, 1.0
    network = nmm.Network(
        nmm.models.StuartLandau(a=-0.015, omega=0.06),
        nmm.Connectome(np.zeros((n, n))),
        nmm.couplings.Additive(G=0.0, source=("x",), port=("x",)),
        noise=nmm.noises.Additive(sigma=0.1),
    )
    free = eqx.tree_at(lambda n: n.noise.sigma, network, nmm.Prior(dist.LogNormal(np.log(0.1), 0.01)))
    problem = nmm.Problem(
        free,
        nmm.observe.Subsample(),
        Spectral(band=(1e-3, 33e-3), bands=16, noise=noise, repetition_time=5.0),
    )

    def off():
        observed, predicted, mean, bins = of_parts(
            problem, network, np.random.default_rng(0).normal(size=(24_000, n))
        )
        signal = predicted - noise**2 * 5.0 * np.eye(n)
        score = sum(
            bins * np.trace(np.linalg.solve(S, H) @ np.linalg.solve(S, m - S)).real
            for S, H, m in zip(predicted, signal, mean, strict=True)
        )
        information = sum(
            bins * np.trace(np.linalg.matrix_power(np.linalg.solve(S, H), 2)).real
            for S, H in zip(predicted, signal, strict=True)
        )
        return observed.nodes.shape[1], abs(score) / np.sqrt(information)

    # What each part by itself bears is another question.
    monkeypatch.setattr("nmm_infer.likelihoods._linearised._resolution.WRONG", np.inf)
    nodes, now = off()
    monkeypatch.setattr("nmm_infer.likelihoods._linearised._resolution.SHARED", np.inf)
    fewer, before = off()
    assert fewer < nodes
    assert before > 0.3
    assert now < 0.25


# ---------------------------------------------------------------- references, rank and units


def test_a_reference_that_the_model_does_not_know_is_named(recording):
    with pytest.raises(
        ValueError,
        match=(
            r"data of 8 sensors vary in 7 directions where the model has 8.*LeadField\(gain,"
            r" average_reference=True\).*Spectral\(modes=7\)"
        ),
    ):
        problem_of(nmm.observe.LeadField(GAIN)).condition(recording)
    projection = np.eye(8) - np.outer(v := np.array([1, -1, 0, 0, 0, 0, 0, 0]) / np.sqrt(2), v)
    with pytest.raises(
        ValueError,
        match=(
            r"vary in 6 directions where the model has 7: they were referenced, projected or interpolated;"
            r" use Spectral\(modes=6\)"
        ),
    ):
        problem_of(eeg()).condition(recording @ projection)
    with pytest.raises(ValueError, match=r"Spectral\(modes=...\) got 8, expected a whole number from 1 to 7"):
        problem_of(eeg(), modes=8).condition(recording)


@pytest.mark.slow
def test_principal_directions_of_projected_data_are_those_of_the_projected_model(recording):
    projection = np.eye(8) - np.outer(v := np.array([1, -1, 0, 0, 0, 0, 0, 0]) / np.sqrt(2), v)
    observed = problem_of(eeg(), modes=6).condition(recording @ projection).observed
    directions = observed.directions
    np.testing.assert_allclose(directions.T @ directions, np.eye(6), atol=1e-10)
    ours = Spectral(band=(3e-3, 33e-3), noise=NOISE).cross_spectra(
        column(), eeg(), observed.frequencies, 5.0, directions
    )[0]
    full = Spectral(band=(3e-3, 33e-3)).cross_spectra(
        column(), nmm.observe.LeadField(GAIN), observed.frequencies, 5.0
    )[0]
    both = projection @ eeg().reference()
    model = both @ (np.asarray(full) + NOISE**2 * 5.0 * np.eye(8)) @ both.T
    np.testing.assert_allclose(
        ours, directions.T @ model @ directions, rtol=1e-6, atol=1e-8 * np.abs(ours).max()
    )


def test_noise_of_each_sensor_goes_through_the_reference():
    sd = np.linspace(5.0, 40.0, 8)
    directions = eeg().basis()
    ours = Spectral(band=(3e-3, 33e-3), noise=sd).cross_spectra(
        column(sigma=1e-12), eeg(), np.array([0.01]), 5.0, directions
    )[0][0]
    np.testing.assert_allclose(
        ours, directions.T @ eeg().noise_covariance(np.diag(sd**2) * 5.0) @ directions, rtol=1e-9, atol=1e-9
    )


@pytest.mark.slow
def test_data_in_another_unit_are_converted(recording):
    observe = eeg(unit="uV")
    times = {
        "time": ("time", 5.0 * np.arange(1, len(recording) + 1), {"units": "ms"}),
        "sensor": list(observe.sensors),
    }
    microvolt, volt = (
        xr.DataArray(s * recording, dims=("time", "sensor"), coords=times, attrs={"units": unit})
        for s, unit in ((1.0, "uV"), (1e-6, "V"))
    )
    np.testing.assert_allclose(
        problem_of(observe).condition(volt).values, problem_of(observe).condition(microvolt).values, rtol=1e-9
    )
    with pytest.raises(nmm.UnitError, match="expected a quantity convertible to uV"):
        problem_of(observe).condition(microvolt.assign_attrs(units="Hz"))
    # A potential of regions is in the unit of the model's variable.
    psp = xr.DataArray(RNG.normal(size=(400, 3)), dims=("time", "region"), attrs={"units": "uV"})
    np.testing.assert_allclose(
        problem_of(nmm.observe.Subsample()).condition(psp).observed.recording.values, 1e-3 * psp.values
    )


def test_a_problem_serves_both_precisions():
    """JAX keeps constants by their identity: a program of one precision must not be given those of
    the other.
    """
    network = nmm.Network(
        nmm.models.JansenRit(mu=nmm.Prior(dist.Normal(0.4, 0.05)), v0=6.0),
        noise=nmm.noises.Additive(sigma=1e-3),
    )
    problem = nmm.Problem(
        network, nmm.observe.Subsample(period=4.0), Spectral(band=(2 * u.Hz, 40 * u.Hz), bands=2, noise=0.01)
    )
    data = xr.DataArray(
        RNG.normal(size=(100, 1)),
        dims=("time", "region"),
        coords={"time": 4.0 * np.arange(100), "region": list(network.connectome.labels)},
    )
    for wide in (True, False):
        with jax.enable_x64(wide):
            conditioned = problem.condition(data)
            density = jax.jit(
                lambda mu, conditioned=conditioned: log_density(conditioned.model, (), {}, {"model.mu": mu})[
                    0
                ]
            )
            assert np.isfinite(density(jnp.asarray(0.4)))


def test_posterior_of_an_eeg_recording_finds_the_input(recording):
    """Mode and width by quadrature over μ, the input that sets the damping of alpha; everything
    else known.
    """
    problem = problem_of(eeg(), bands=30, nodes=3, modes=4)
    observed = problem.condition(recording).observed
    grid = jnp.linspace(0.40, 0.50, 21)

    @jax.jit
    def log_p(mu):
        distribution, failure = problem.likelihood.distribution(column(mu=mu), eeg(), None, observed)
        return jnp.where(failure == 0, distribution.log_prob(observed.values).sum(), -jnp.inf)

    p = np.asarray(jax.lax.map(log_p, grid))
    w = np.exp(p - p.max())
    w /= w.sum()
    mean = w @ grid
    sd = max(float(np.sqrt(w @ grid**2 - mean**2)), 2.5e-3)
    assert abs(mean - 0.45) < 4 * sd
    assert sd < 0.02


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Spectral(band=(0.01, 0.02), estimator="welch"),
            r"Spectral\(estimator=...\) got 'welch', expected one such as nmm.likelihoods.Multitaper",
        ),
        (lambda: Spectral(band=(0.01, 0.02), nodes=0), r"Spectral\(nodes=...\) got 0"),
        (lambda: Multitaper(segment=1 * u.mV), "convertible to ms"),
        (
            lambda: Multitaper(segment=9000.0).coefficients(RNG.normal(size=(100, 1)), 5.0, (0.01, 0.02), 2),
            "got a recording of 100 samples, 500 ms; use shorter segments",
        ),
        (
            lambda: Multitaper().coefficients(RNG.normal(size=(100, 1)), 5.0, (0.01, 0.02), 8),
            "have no taper; bands must be at least 4 Hz wide",
        ),
        (
            lambda: Multitaper().coefficients(RNG.normal(size=(20_000, 1)), 5.0, (0.01, 0.05), 2),
            r"take 1999 tapers; cut shorter segments, such as Multitaper\(segment=",
        ),
    ],
)
def test_what_cannot_be_is_refused(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()
