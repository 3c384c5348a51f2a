"""Every noise: its size at every step, that draws belong to steps, and that its spectrum is what it draws."""

import inspect

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nmm_infer import noises
from nmm_infer.noises._base import AbstractNoise
from nmm_infer.units import parse

NOISES = {
    "Additive": lambda: noises.Additive(sigma=0.3),
    "OrnsteinUhlenbeck": lambda: noises.OrnsteinUhlenbeck(sigma=0.3, tau=8.0),
}
each = pytest.mark.parametrize("name", NOISES)

KEY = jax.random.key(20)
SHAPE = (2, 3)


@eqx.filter_jit
def block(noise, key, carry, first, n, step):
    return noise.block(key, carry, first, n, step)


@eqx.filter_jit
def start(noise, key, shape=SHAPE):
    return noise.start(key, shape)


def draw(noise, n, step, key=KEY, first=0, shape=SHAPE):
    """The block of the first n steps."""
    return block(noise, key, start(noise, key, shape), jnp.asarray(first), n, jnp.asarray(step))[1]


def test_battery_has_every_exported_noise():
    exported = {
        c
        for c in vars(noises).values()
        if inspect.isclass(c) and issubclass(c, AbstractNoise) and not inspect.isabstract(c)
    }
    assert {type(make()) for make in NOISES.values()} == exported


@each
def test_metadata_is_consistent(name):
    noise = NOISES[name]()
    assert type(noise).__doc__
    assert type(noise)(states=("E",)).states == ("E",)
    for p in noise.parameters().values():
        assert p.low <= p.default <= p.high, p
        assert p.doc, p
        parse(p.unit)


@each
def test_blocks_have_the_declared_shapes(name):
    assert draw(NOISES[name](), n=7, step=0.1).shape == (7, *SHAPE)


@each
def test_draws_belong_to_steps_not_to_blocks(name):
    noise = NOISES[name]()
    carry = start(noise, KEY)
    whole, at_once = block(noise, KEY, carry, jnp.asarray(0), 10, jnp.asarray(0.5))
    halfway, early = block(noise, KEY, carry, jnp.asarray(0), 5, jnp.asarray(0.5))
    end, late = block(noise, KEY, halfway, jnp.asarray(5), 5, jnp.asarray(0.5))
    np.testing.assert_allclose(end, whole, rtol=1e-12)
    np.testing.assert_allclose(np.concatenate([early, late]), at_once, rtol=1e-12)


@each
def test_draws_depend_on_key_and_step(name):
    noise = NOISES[name]()
    here, again = np.asarray(draw(noise, 5, 0.5)), np.asarray(draw(noise, 5, 0.5))
    np.testing.assert_array_equal(here, again)
    assert np.all(here != np.asarray(draw(noise, 5, 0.5, key=jax.random.key(21))))
    later = np.asarray(draw(noise, 5, 0.5, first=5))
    assert np.all(here[1:] != later[1:])
    # No two steps, states or regions share their numbers.
    assert len(np.unique(here)) == here.size


@each
def test_amplitude_may_differ_between_regions(name):
    noise = NOISES[name]()
    regional = eqx.tree_at(lambda n: n.sigma, noise, np.array([0.3, 0.6, 0.0]))
    one, three = np.asarray(draw(noise, 5, 0.5)), np.asarray(draw(regional, 5, 0.5))
    np.testing.assert_allclose(three, one * np.array([1.0, 2.0, 0.0]), rtol=1e-12)


@each
def test_gradient_with_respect_to_the_amplitude(name):
    """Numbers are standard normals times the amplitude, so that the derivative is the draw over it."""
    noise = NOISES[name]()

    def last(sigma):
        return block(
            eqx.tree_at(lambda n: n.sigma, noise, sigma),
            KEY,
            sigma * jnp.ones(SHAPE),
            jnp.asarray(0),
            4,
            jnp.asarray(0.5),
        )[1][-1, 0, 0]

    value, slope = jax.value_and_grad(last)(0.3)
    np.testing.assert_allclose(slope, value / 0.3, rtol=1e-10)
    assert value != 0


@pytest.mark.parametrize("step", [1.0, 0.1, 0.01])
def test_white_increments_scale_with_the_root_of_the_step(step):
    increments = np.asarray(draw(noises.Additive(sigma=0.3), n=5000, step=step))
    # The standard error of a variance from 30 000 numbers is 0.8 %.
    np.testing.assert_allclose(increments.var(), 0.3**2 * step, rtol=0.03)
    np.testing.assert_allclose(increments.mean(), 0.0, atol=4 * 0.3 * step**0.5 / 30_000**0.5)
    np.testing.assert_allclose(
        increments, np.asarray(draw(noises.Additive(sigma=0.3), n=5000, step=1.0)) * step**0.5, rtol=1e-12
    )


def states(noise, n, step):
    """The noise's own state at the ends of n steps, `["step+1 region"]`, in 4000 independent regions: errors
    of 1 to 2 %.
    """
    path = [start(noise, KEY, (1, 4000))]
    for k in range(n):
        path.append(block(noise, KEY, path[-1], jnp.asarray(k), 1, jnp.asarray(step))[0])
    return np.asarray(path)[:, 0]


@pytest.mark.parametrize("step", [8.0, 1.0, 0.25])
def test_ornstein_uhlenbeck_is_stationary_at_every_step(step):
    """Standard deviation σ from the start on, autocorrelation exp(-dt/τ), whatever the step."""
    tau, sigma = 8.0, 0.3
    path = states(noises.OrnsteinUhlenbeck(sigma=sigma, tau=tau), 20, step)
    np.testing.assert_allclose(path.std(axis=1), sigma, rtol=0.05)
    np.testing.assert_allclose(path.std(), sigma, rtol=0.03)
    for lag in (1, 4):
        correlation = np.mean(path[:-lag] * path[lag:]) / np.mean(path**2)
        np.testing.assert_allclose(correlation, np.exp(-lag * step / tau), atol=0.03)


def test_ornstein_uhlenbeck_start_is_independent_of_the_kicks():
    path = states(noises.OrnsteinUhlenbeck(sigma=0.3, tau=8.0), 20, 1.0)
    kicks = path[1:] - np.exp(-1.0 / 8.0) * path[:-1]
    assert np.abs([np.corrcoef(path[0], kick)[0, 1] for kick in kicks]).max() < 4 / 4000**0.5


@pytest.mark.parametrize("share", [0.1, 1.0, 5.0], ids=lambda share: f"steps of {share:g} τ")
def test_ornstein_uhlenbeck_is_integrated_over_steps(share):
    """The sum over many steps has the variance of the integral of η, 2 σ² τ (t - τ (1 - e^{-t/τ})), at steps
    below τ and above.
    """
    sigma, tau, duration = 0.3, 2.0, 60.0
    n = round(duration / (share * tau))
    total = np.asarray(
        draw(noises.OrnsteinUhlenbeck(sigma=sigma, tau=tau), n=n, step=share * tau, shape=(1, 4000))
    ).sum(axis=0)
    expected = 2 * sigma**2 * tau * (duration + tau * np.expm1(-duration / tau))
    # 2 % are the scatter of a variance; the first step of 5 τ knows only the start's part of what is
    # correlated with it.
    assert total.var() / expected == pytest.approx(1.0, abs=0.08)


def test_ornstein_uhlenbeck_with_small_steps_is_its_trapezoid():
    """A step well below τ gets the mean of η at its ends, but for the third order of their distance."""
    noise, step = noises.OrnsteinUhlenbeck(sigma=0.3, tau=8.0), 0.08
    path, increments = states(noise, 5, step), np.asarray(draw(noise, n=5, step=step, shape=(1, 4000)))[:, 0]
    np.testing.assert_allclose(increments, 0.5 * step * (path[:-1] + path[1:]), atol=0.3 * step * 0.01)


def test_spectra_integrate_to_the_variance():
    """Two-sided density per kHz: white noise has σ² everywhere; coloured noise holds σ² in all."""
    omega = np.linspace(-2000.0, 2000.0, 2_000_001)
    white = np.asarray(noises.Additive(sigma=0.3).spectrum(jnp.asarray([0.0, 0.1, 7.0]), SHAPE))
    assert white.shape == (3, *SHAPE)
    np.testing.assert_allclose(white, 0.09, rtol=1e-12)
    coloured = np.asarray(noises.OrnsteinUhlenbeck(sigma=0.3, tau=8.0).spectrum(jnp.asarray(omega), (1, 1)))[
        :, 0, 0
    ]
    np.testing.assert_allclose(np.trapezoid(coloured, omega) / (2 * np.pi), 0.09, rtol=1e-4)
    # Half the power at the corner frequency 1/τ.
    corner = np.asarray(
        noises.OrnsteinUhlenbeck(sigma=0.3, tau=8.0).spectrum(jnp.asarray([0.0, 1 / 8.0]), SHAPE)
    )
    np.testing.assert_allclose(corner[1], corner[0] / 2, rtol=1e-12)
    np.testing.assert_allclose(corner[0], 2 * 0.09 * 8.0, rtol=1e-12)


def test_spectra_follow_regional_slots():
    sigma, tau = np.array([0.1, 0.2, 0.3]), np.array([2.0, 4.0, 8.0])
    omega = jnp.asarray([0.05, 0.5])
    regional = noises.OrnsteinUhlenbeck(sigma=sigma, tau=tau).spectrum(omega, SHAPE)
    assert regional.shape == (2, *SHAPE)
    for i in range(3):
        np.testing.assert_allclose(
            regional[..., i : i + 1],
            noises.OrnsteinUhlenbeck(sigma=sigma[i], tau=tau[i]).spectrum(omega, (2, 1)),
            rtol=1e-12,
        )
    np.testing.assert_allclose(
        noises.Additive(sigma=sigma).spectrum(omega, SHAPE),
        np.broadcast_to(sigma**2, (2, *SHAPE)),
        rtol=1e-12,
    )


@each
def test_spectrum_is_that_of_the_draws(name):
    """Averaged periodogram: steps of dt add `increments / dt` to the drift."""
    noise, step, n = NOISES[name](), 0.5, 1024
    drive = np.asarray(draw(noise, n=n, step=step, shape=(1, 200))) / step
    power = (np.abs(np.fft.rfft(drive[:, 0], axis=0)) ** 2).mean(axis=1) * step / n
    omega = 2 * np.pi * np.fft.rfftfreq(n, step)
    # Between the width of a frequency bin and where sampling folds the spectrum.
    band = (omega > 0.03) & (omega < 0.5)
    expected = np.asarray(noise.spectrum(jnp.asarray(omega), (1, 1)))[:, 0, 0]
    np.testing.assert_allclose(np.mean(power[band] / expected[band]), 1.0, rtol=0.03)
    np.testing.assert_allclose(power[band], expected[band], rtol=0.45)
