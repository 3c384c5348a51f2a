"""Trials: what is shared and what differs between them."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
import xarray as xr
from numpyro.distributions.transforms import ExpTransform
from numpyro.infer.util import log_density

import nmm_infer as nmm
from nmm_infer.infer import metrics as metrics
from nmm_infer.likelihoods._capabilities import linearises, simulates
from nmm_infer.priors import ByTrial, each_trial

TRIALS, SAMPLES = 6, 20
RNG = np.random.default_rng(0)
AMPLITUDES = np.array([0.5, 0.8, 1.0, 1.3, 1.7, 2.2])
Trials, Gaussian = nmm.likelihoods.Trials, nmm.likelihoods.Gaussian


def network(amplitude, tau=30.0, **options):
    stimulus = nmm.stimuli.Gaussian(amplitude=amplitude, centre=40.0, width=15.0)
    return nmm.Network(nmm.models.LeakyIntegrator(tau=tau), stimulus=stimulus, initial=[[0.0]], **options)


def problem(amplitude, likelihood=None, **options):
    likelihood = likelihood or Trials(Gaussian(scale=0.05), TRIALS)
    return nmm.Problem(
        network(amplitude, **options),
        nmm.observe.Subsample(period=5.0),
        likelihood,
        duration=5.0 * SAMPLES,
        step=1.0,
    )


def response(amplitude, tau=30.0):
    return nmm.solve(
        network(amplitude, tau), 5.0 * SAMPLES, step=1.0, observe=nmm.observe.Subsample(period=5.0)
    ).values


CLEAN = np.stack([np.asarray(response(a)) for a in AMPLITUDES])
DATA = CLEAN + 0.05 * RNG.normal(size=CLEAN.shape)


def test_density_is_the_sum_over_trials_each_with_its_own_simulation():
    p = problem(nmm.Prior(dist.Normal(1.0, 0.5), over="trial"), tau=nmm.Prior(dist.LogNormal(3.4, 0.2)))
    values = {"stimulus.amplitude": jnp.asarray(AMPLITUDES), "model.tau": jnp.asarray(25.0)}
    total, trace = log_density(p.model, (DATA,), {}, values)
    expected = dist.Normal(1.0, 0.5).log_prob(AMPLITUDES).sum() + dist.LogNormal(3.4, 0.2).log_prob(25.0)
    expected += sum(
        dist.Normal(response(a, 25.0), 0.05).log_prob(y).sum() for a, y in zip(AMPLITUDES, DATA, strict=True)
    )
    np.testing.assert_allclose(total, expected, rtol=1e-10)
    assert trace["y"]["fn"].log_prob(DATA).shape == (TRIALS, SAMPLES, 1)


def test_what_does_not_differ_is_simulated_once():
    shared = problem(nmm.Prior(dist.Normal(1.0, 0.5)))
    total, _ = log_density(shared.model, (DATA,), {}, {"stimulus.amplitude": jnp.asarray(1.2)})
    expected = dist.Normal(1.0, 0.5).log_prob(1.2) + dist.Normal(response(1.2), 0.05).log_prob(DATA).sum()
    np.testing.assert_allclose(total, expected, rtol=1e-10)


def test_gradient_is_that_of_differences():
    p = problem(
        nmm.Pooled(1.0, nmm.Prior(dist.HalfNormal(1.0)), over="trial"),
        tau=nmm.Prior(dist.LogNormal(3.4, 0.2)),
    )
    at = {
        "stimulus.amplitude.sd": jnp.asarray(0.7),
        "stimulus.amplitude.z": jnp.linspace(-1, 1, TRIALS),
        "model.tau": jnp.asarray(28.0),
    }
    f = jax.jit(lambda h: log_density(p.model, (DATA,), {}, jax.tree.map(lambda x: x * (1 + h), at))[0])
    np.testing.assert_allclose(jax.grad(f)(0.0), (f(1e-5) - f(-1e-5)) / 2e-5, rtol=1e-6)


@pytest.mark.slow
def test_trial_effects_and_what_is_shared_are_recovered():
    """Pooled amplitudes, shared time constant and noise; data for each trial are clear, so that pooling
    hardly moves them.
    """
    p = problem(
        nmm.Pooled(
            nmm.Prior(dist.Normal(0.0, 1.0)),
            nmm.Prior(dist.HalfNormal(1.0)),
            transform=ExpTransform(),
            centred=1.0,
            over="trial",
        ),
        Trials(Gaussian(scale=nmm.Prior(dist.HalfNormal(0.5))), TRIALS),
        tau=nmm.Prior(dist.LogNormal(3.4, 0.3)),
    )
    tree = nmm.infer.NUTS(draws=200, warmup=200, chains=2, metric=metrics.Dense(), predictive_draws=10)(
        p, DATA, key=jax.random.key(1), progress=False
    )
    amplitude = tree["posterior"]["stimulus.amplitude"]
    assert amplitude.dims == ("chain", "draw", "trial")
    z = (amplitude.mean(("chain", "draw")).values - AMPLITUDES) / amplitude.std(("chain", "draw")).values
    assert np.abs(z).max() < 3.5
    assert float(amplitude.std(("chain", "draw")).max()) < 0.15
    for name, truth in {
        "model.tau": 30.0,
        "likelihood.likelihood.scale": 0.05,
        "stimulus.amplitude.mean": np.log(AMPLITUDES).mean(),
    }.items():
        draws = tree["posterior"][name]
        assert abs(float(draws.mean()) - truth) < 3 * float(draws.std()), name
    assert tree["log_likelihood"]["y"].dims == ("chain", "draw", "trial", "time", "region")
    assert tree["posterior_predictive"]["y"].dims == ("chain", "draw", "trial", "time", "region")
    np.testing.assert_allclose(tree["observed_data"]["y"].values, DATA)


def test_a_covariate_of_the_trials_explains_them():
    covariate = np.linspace(-1, 1, TRIALS)
    p = problem(nmm.FromMaps(nmm.Prior(dist.Normal()), nmm.Prior(dist.Normal()), covariate, over="trial"))
    values = {
        "stimulus.amplitude.intercept": jnp.asarray(1.2),
        "stimulus.amplitude.slopes": jnp.asarray([0.6]),
    }
    total, _ = log_density(p.model, (DATA,), {}, values)
    expected = dist.Normal().log_prob(jnp.array([1.2, 0.6])).sum()
    expected += sum(
        dist.Normal(response(1.2 + 0.6 * c), 0.05).log_prob(y).sum()
        for c, y in zip(covariate, DATA, strict=True)
    )
    np.testing.assert_allclose(total, expected, rtol=1e-10)


def test_latent_paths_differ_between_trials():
    likelihood = Trials(nmm.likelihoods.LatentPath(nmm.likelihoods.AR1(scale=0.1, correlation=0.2)), 3)
    p = nmm.Problem(
        network(nmm.Prior(dist.Normal(1.0, 0.5), over="trial"), noise=nmm.noises.Additive(sigma=0.02)),
        nmm.observe.Subsample(period=5.0),
        likelihood,
        duration=50.0,
        step=5.0,
    )
    assert p.plates["interval"] == 10
    simulated = p.simulate(jax.random.key(0))
    assert simulated.dims == ("trial", "time", "region")
    assert simulated.values.shape == (3, 10, 1)
    assert not np.allclose(simulated.values[0], simulated.values[1])
    y = np.asarray(simulated.values)
    z = 0.3 * jax.random.normal(jax.random.key(1), (3, 10, 1, 1))
    amplitudes = jnp.array([0.5, 1.0, 1.5])
    total, _ = log_density(
        p.model, (y,), {}, {"likelihood.likelihood.innovations": z, "stimulus.amplitude": amplitudes}
    )
    expected = dist.Normal(1.0, 0.5).log_prob(amplitudes).sum() + dist.Normal().log_prob(z).sum()
    for a, noise, data in zip(amplitudes, z, y, strict=True):
        path = nmm.solve(
            network(a, noise=nmm.noises.Additive(sigma=0.02)),
            50.0,
            step=5.0,
            observe=nmm.observe.Subsample(period=5.0),
            key=nmm.noises.Innovations(noise),
        )
        from nmm_infer._distributions._autoregressive import Autoregressive

        expected += Autoregressive(path.values, 0.1, 0.2).log_prob(data).sum()
    np.testing.assert_allclose(total, expected, rtol=1e-9)


def test_a_hand_written_model_hands_out_trials():
    free = network(nmm.Prior(dist.Normal(1.0, 0.5), over="trial"))

    def model(y):
        drawn = nmm.sample(free, plates={"trial": TRIALS})
        assert isinstance(drawn.stimulus.amplitude, ByTrial)
        means = each_trial(
            lambda one: (
                nmm.solve(one, 5.0 * SAMPLES, step=1.0, observe=nmm.observe.Subsample(period=5.0)).values
            ),
            drawn,
        )
        numpyro.sample("y", dist.Normal(means, 0.05), obs=y)

    ours, _ = log_density(
        problem(nmm.Prior(dist.Normal(1.0, 0.5), over="trial")).model,
        (DATA,),
        {},
        {"stimulus.amplitude": jnp.asarray(AMPLITUDES)},
    )
    theirs, _ = log_density(model, (DATA,), {}, {"stimulus.amplitude": jnp.asarray(AMPLITUDES)})
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_data_arrays_with_trials_are_read_in_any_order():
    times = ("time", 5.0 * np.arange(1, SAMPLES + 1), {"units": "ms"})
    data = xr.DataArray(DATA.transpose(2, 1, 0), dims=("region", "time", "trial"), coords={"time": times})
    observed = problem(nmm.Prior(dist.Normal())).condition(data).observed
    np.testing.assert_array_equal(observed.values, DATA)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Trials(Gaussian(), 0), r"Trials\(number=...\) got 0"),
        (lambda: Trials("gaussian", 3), r"Trials\(likelihood=...\) got str"),
        (lambda: Trials(Trials(Gaussian(), 2), 3), "expected the likelihood of one trial"),
        (
            lambda: problem(nmm.Prior(dist.Normal())).condition(DATA[0]),
            r"data has shape \(20, 1\) with no axis of trials, expected 6 trials",
        ),
        (lambda: problem(nmm.Prior(dist.Normal())).condition(DATA[:4]), "with 4 trials, expected 6 trials"),
        (
            lambda: problem(nmm.Prior(dist.Normal())).condition(DATA[:, :9]),
            "data has 9 samples, the simulation gives 20",
        ),
        (
            lambda: problem(nmm.Prior(dist.Normal(), over="trial"), Gaussian()).condition(DATA[0]),
            "is over trials, but there are none here; wrap the likelihood",
        ),
        (
            lambda: problem(nmm.Prior(dist.Normal()), Gaussian()).condition(DATA),
            r"data has 6 trials; wrap the likelihood, nmm.likelihoods.Trials\(..., 6\)",
        ),
    ],
)
def test_what_cannot_be_is_refused(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()


@pytest.mark.parametrize(
    ("likelihood", "by_simulation", "by_linearisation"),
    [
        (Gaussian(), True, False),
        (nmm.likelihoods.LatentPath(Gaussian()), True, False),
        (nmm.likelihoods.Spectral(band=(0.01, 0.04)), False, True),
        (nmm.likelihoods.Covariance(), False, True),
        (nmm.likelihoods.ExtendedKalman(), False, False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_trials_can_what_one_trial_can(likelihood, by_simulation, by_linearisation):
    for one in (likelihood, Trials(likelihood, 3)):
        assert simulates(one) == by_simulation
        assert linearises(one) == by_linearisation
