"""Fixed points, linearisation, stability and spectra, against simulations and closed forms."""

import dataclasses
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

import nmm_infer as nmm
from nmm_infer.likelihoods._linearised._estimators import fourier_bands
from nmm_infer.likelihoods._linearised._spectral import Spectral
from nmm_infer.linear import covariance, fixed_point, is_stable, linearise, source_response
from nmm_infer.linear._fixed_point import rest_drift
from nmm_infer.linear._local import resolvent
from nmm_infer.linear._loop_gain import local_eigenvalues, region_gains
from nmm_infer.linear._spectrum import loop
from nmm_infer.linear._stability import _contracts, _positive

N = 5
RNG = np.random.default_rng(7)
WEIGHTS = RNG.uniform(0.1, 1.0, (N, N)) * (1 - np.eye(N))
LENGTHS = RNG.uniform(20.0, 80.0, (N, N))
CONNECTOME = nmm.Connectome(WEIGHTS / np.abs(np.linalg.eigvals(WEIGHTS)).max(), LENGTHS)
NOISE = nmm.noises.Additive(sigma=0.1)

NETWORKS = {
    "linear": nmm.Network(
        nmm.models.Linear(gamma=-0.2), CONNECTOME, nmm.couplings.Additive(G=0.12), noise=NOISE
    ),
    "diffusive": nmm.Network(
        nmm.models.Linear(gamma=-0.2), CONNECTOME, nmm.couplings.Diffusive(G=0.1), noise=NOISE
    ),
    "hopf": nmm.Network(
        nmm.models.Hopf(a=-0.1, omega=0.3),
        CONNECTOME,
        nmm.couplings.Additive(G=0.05),
        noise=NOISE,
        initial=np.zeros((2, N)),
    ),
    "hopf, one of its states driven": nmm.Network(
        nmm.models.StuartLandau(a=np.linspace(-0.1, -0.05, N), omega=np.linspace(0.1, 0.4, N)),
        CONNECTOME,
        nmm.couplings.Laplacian(G=0.05),
        noise=nmm.noises.Additive(sigma=0.1, states=("y",)),
    ),
    "leaky": nmm.Network(
        nmm.models.LeakyIntegrator(tau=RNG.uniform(5, 20, N)),
        CONNECTOME,
        nmm.couplings.Additive(G=0.7),
        noise=NOISE,
    ),
    "wong_wang": nmm.Network(
        nmm.models.WongWangExcInh(),
        CONNECTOME,
        nmm.couplings.Additive(G=0.3),
        noise=nmm.noises.Additive(sigma=0.001),
    ),
    "jansen_rit": nmm.Network(
        nmm.models.JansenRit(mu=0.05),
        CONNECTOME,
        nmm.couplings.Additive(G=2.0),
        noise=nmm.noises.OrnsteinUhlenbeck(sigma=0.01, tau=5.0),
    ),
    "two_messages": nmm.Network(
        nmm.models.MontbrioPazoRoxin(cv=1.0),
        CONNECTOME,
        (nmm.couplings.Additive(G=0.1), nmm.couplings.Additive(G=0.02, source=("V",), port=("V",))),
        noise=NOISE,
        initial=[0.08, -1.96],
    ),
}


def delayed(network):
    return nmm.Network(
        network.model,
        network.connectome,
        network.coupling,
        speed=4.0,
        noise=network.noise,
        initial=network.initial,
    )


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name == "wong_wang" else name for name in NETWORKS]
)
def test_fixed_point_is_at_rest_and_its_gradient_is_implicit(name):
    network = NETWORKS[name]
    y = fixed_point(network)
    assert np.abs(rest_drift(network, y)).max() < 1e-9

    def rest(scale):
        coupling = jax.tree.map(lambda x: scale * x, network.coupling)
        return fixed_point(eqx.tree_at(lambda n: n.coupling, network, coupling), y).sum()

    h, both = 1e-5, jax.jit(jax.value_and_grad(rest))
    np.testing.assert_allclose(
        both(1.0)[1], (both(1 + h)[0] - both(1 - h)[0]) / (2 * h), rtol=1e-4, atol=1e-7
    )


@pytest.mark.parametrize("name", NETWORKS)
def test_jacobian_is_the_derivative_of_the_whole_network(name):
    network = NETWORKS[name]
    y = fixed_point(network)
    expected = jax.jit(jax.jacfwd(lambda x: rest_drift(network, x.reshape(y.shape)).ravel()))(y.ravel())
    np.testing.assert_allclose(linearise(network).jacobian(), expected, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "jansen_rit"])
def test_covariance_without_delays_is_the_lyapunov_solution(name):
    network = NETWORKS[name]
    lin = linearise(network)
    J = np.asarray(lin.jacobian())
    noisy = np.zeros((lin.n_states, N))
    noisy[list(lin.noisy)] = float(network.noise.sigma) ** 2
    P = scipy.linalg.solve_continuous_lyapunov(J, -np.diag(noisy.ravel()))
    m = np.einsum("sr,rq->rsq", np.asarray(lin.m), np.eye(N)).reshape(N, -1)
    expected = m @ P @ m.T
    np.testing.assert_allclose(covariance(network), expected, rtol=1e-8, atol=1e-8 * np.abs(expected).max())


@pytest.mark.parametrize(
    "name", ["linear", "hopf", "hopf, one of its states driven", "leaky", "two_messages"]
)
def test_response_with_delays_solves_the_full_system(name):
    """The regional elimination against the full matrix iω - A - B K(ω) C."""
    network = delayed(NETWORKS[name])
    lin = linearise(network)
    n = lin.n_states * N
    for omega in (0.01, 0.3):
        K = np.asarray(lin.weights) * np.exp(-1j * omega * np.asarray(lin.delays))
        full = np.einsum("str,rq->srtq", lin.A, np.eye(N)) + np.einsum("smr,rq,mtq->srtq", lin.B, K, lin.C)
        inverse = np.linalg.inv(1j * omega * np.eye(n) - full.reshape(n, n)).reshape(
            lin.n_states, N, lin.n_states, N
        )
        expected = np.einsum("sr,srtk->rtk", lin.m, inverse)[:, list(lin.noisy)]
        np.testing.assert_allclose(
            source_response(lin, jnp.array([omega]))[0], expected, rtol=1e-9, atol=1e-12
        )


WILSON_COWAN = nmm.Network(
    nmm.models.WilsonCowan(P=0.5),
    CONNECTOME,
    nmm.couplings.Additive(G=0.1),
    noise=nmm.noises.OrnsteinUhlenbeck(sigma=0.01, tau=5.0),
)


@pytest.mark.parametrize(
    "delays", [pytest.param(False, marks=pytest.mark.slow), True], ids=["no delays", "delays"]
)
@pytest.mark.parametrize(
    "network",
    [NETWORKS["leaky"], NETWORKS["wong_wang"], WILSON_COWAN],
    ids=["one state", "inhibition", "coloured noise"],
)
def test_factors_of_the_response_give_the_spectra_of_all_noises(network, delays):
    """Noises of different power on every state and region, through one factor for each region: the same as
    each of them through the whole network.
    """
    lin = linearise(delayed(network) if delays else network)
    assert lin.sees_message
    omega = jnp.array([0.002, 0.05, 0.4])
    density = jnp.asarray(np.random.default_rng(3).uniform(0.5, 2.0, (3, len(lin.noisy), N)))
    through = loop(lin, omega, density).response()
    each = (source_response(lin, omega) * jnp.sqrt(density)[:, None]).reshape(3, N, -1)
    spectra = [np.einsum("frs,fqs->frq", x, np.conj(x)) for x in (through, each)]
    np.testing.assert_allclose(spectra[0], spectra[1], rtol=1e-9, atol=1e-12 * np.abs(spectra[1]).max())


@pytest.mark.slow
def test_predicted_spectra_and_covariance_are_those_of_a_long_simulation():
    """A linear network with delays: 400 s in one run of 4 · 10⁵ samples; errors are Monte-Carlo only."""
    network = delayed(NETWORKS["leaky"])
    step, interval, duration = 0.5, 1.0, 400_000.0
    x = (
        nmm.solve(network, duration, step=step, sample_every=interval, transient=500.0, key=jax.random.key(1))
        .variable()
        .values
    )
    simulated, predicted = np.cov(np.asarray(x).T), np.asarray(covariance(network))
    # The slowest mode lives 30–60 ms: some 5000 independent samples, so 2 % of a variance is one standard
    # error.
    np.testing.assert_allclose(simulated, predicted, atol=0.08 * predicted.max())
    frequencies, z = fourier_bands(np.asarray(x), interval, (0.5e-3, 60e-3), 6)
    averaged = np.einsum("bki,bkj->bij", z, z.conj()) / z.shape[1]
    spectral = Spectral(band=(0.5e-3, 60e-3), bands=6)
    for band in range(6):  # the mean over the band's own bins, since spectra fall steeply
        grid = np.linspace(frequencies[band] - 4.9e-3, frequencies[band] + 4.9e-3, 33)
        S, stable = spectral.cross_spectra(network, nmm.observe.Subsample(), grid, interval)
        S = np.asarray(S).mean(axis=0)
        assert stable
        np.testing.assert_allclose(averaged[band], S, atol=0.08 * np.abs(S).max())


def test_covariance_of_coloured_noise():
    """One node x' = -λ x + η with OU η: variance σ² τ / (λ (1 + λ τ))."""
    lam, sigma, tau = 0.1, 0.02, 30.0
    network = nmm.Network(
        nmm.models.Linear(gamma=-lam), noise=nmm.noises.OrnsteinUhlenbeck(sigma=sigma, tau=tau)
    )
    assert float(covariance(network)[0, 0]) == pytest.approx(
        sigma**2 * tau / (lam * (1 + lam * tau)), rel=1e-8
    )


@pytest.mark.parametrize("G", [0.3, 0.9, 0.999, 1.001, 1.5])
def test_stability_of_a_positive_network_is_its_spectral_radius_whatever_the_delays(G):
    network = nmm.Network(
        nmm.models.LeakyIntegrator(tau=10.0), CONNECTOME, nmm.couplings.Additive(G=G), noise=NOISE
    )
    assert bool(is_stable(linearise(network))) == (G < 1)
    assert bool(is_stable(linearise(delayed(network)))) == (G < 1)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_edge_of_stability_is_not_decided_by_rounding(dtype):
    """Time constants over two decades, 60 regions; the coupling is so near to the edge that the last bit says
    on which side it is.
    """
    rng, edge, n = np.random.default_rng(4), float(jnp.finfo(dtype).eps), 60
    weights = rng.uniform(0.1, 1.0, (n, n)) * (1 - np.eye(n))
    weights /= np.abs(np.linalg.eigvals(weights)).max()

    def stable(tau, G):
        # -J of leaky integrators, in the precision of the run.
        jacobian = (G * weights - np.eye(n)) / tau[:, None]
        return bool(_positive(jnp.asarray(jacobian, dtype)))

    taus = 10.0 ** rng.uniform(0.0, 2.0, (50, n))
    assert all(stable(tau, 1.0 - edge * rng.uniform(0.0, 2.0)) for tau in taus)
    assert not any(stable(tau, 1.0 + 10 * n * edge) for tau in taus)


@pytest.mark.parametrize(("a", "stable"), [(-0.2, True), (-0.06, True), (-0.04, False), (0.1, False)])
def test_stability_of_oscillators_by_eigenvalues(a, stable):
    """Hopf with additive coupling of spectral radius G = 0.05: unstable where a + G > 0."""
    network = nmm.Network(
        nmm.models.Hopf(a=a, omega=0.3), CONNECTOME, nmm.couplings.Additive(G=0.05), initial=np.zeros((2, N))
    )
    lin = linearise(network)
    assert bool(is_stable(lin)) == stable == (np.linalg.eigvals(np.asarray(lin.jacobian())).real.max() < 0)


@pytest.mark.parametrize("a", [-0.1, -1e-4, 1e-4])
def test_stability_of_diffusively_coupled_oscillators_needs_no_eigenvalues(a):
    """All distances shrink where a < 0, in one region and between any two."""
    weights = np.asarray(CONNECTOME.weights)
    both_ways = nmm.Connectome(weights + weights.T, lengths=100.0 * np.ones((N, N)))
    network = nmm.Network(
        nmm.models.Hopf(a=a, omega=0.3), both_ways, nmm.couplings.Diffusive(G=0.05), initial=np.zeros((2, N))
    )
    lin = linearise(network)
    assert bool(is_stable(lin)) == (a < 0)
    assert bool(_contracts(lin)) == (a < 0)
    assert not _contracts(linearise(dataclasses.replace(network, speed=5.0)))


@pytest.mark.parametrize(
    "model",
    [
        nmm.models.LeakyIntegrator(tau=10.0),
        nmm.models.Hopf(a=-0.02, omega=0.3),
        nmm.models.WongWangExcInh(),
        nmm.models.MontbrioPazoRoxin(eta=-6.0),
    ],
    ids=lambda model: type(model).__name__,
)
def test_the_largest_gain_of_a_region_is_found_exactly(model):
    """Also where it is at a frequency between zero and the resonance."""
    lin = linearise(nmm.Network(model, CONNECTOME, nmm.couplings.Additive(G=0.001)))
    found = region_gains(lin, local_eigenvalues(lin.A))
    omegas = jnp.concatenate([jnp.zeros(1), jnp.geomspace(1e-5, 1e2, 200001)])
    gains = jax.vmap(
        lambda omega: jnp.abs(jnp.einsum("msr,str,tlr->mlr", lin.C, resolvent(lin.A, omega), lin.B))
    )(omegas)
    np.testing.assert_allclose(found, gains.max(axis=0), rtol=1e-7, atol=1e-12)


def counting(function, calls):
    """The function, which notes at run time that it was computed."""

    def counted(x):
        jax.debug.callback(lambda: calls.append(1))
        return function(x)

    return counted


@pytest.mark.parametrize(("signs", "counts_eigenvalues"), [((1, 1, 1, 1), False), ((1, -1, 1, -1), True)])
def test_stability_of_many_networks_at_once_is_that_of_each(signs, counts_eigenvalues, monkeypatch):
    """Excitatory ones are decided by a solve, the others by eigenvalues; which are never computed where all
    excite.
    """

    def stable(G, is_stable=is_stable):
        return is_stable(
            linearise(
                nmm.Network(
                    nmm.models.LeakyIntegrator(tau=10.0), CONNECTOME, nmm.couplings.Additive(G=G), noise=NOISE
                )
            )
        )

    gains = jnp.asarray(signs) * jnp.asarray([0.3, 0.9, 1.1, 3.0])
    many, each = eqx.filter_jit(jax.vmap(stable)), [bool(stable(G)) for G in gains]
    assert many(gains).tolist() == each
    assert {True, False} == set(each)
    computed = []
    # What is compiled already would not count.
    monkeypatch.setattr(jnp.linalg, "eigvals", counting(jnp.linalg.eigvals, computed))
    assert jax.jit(jax.vmap(partial(stable, is_stable=is_stable.__wrapped__)))(gains).tolist() == each
    assert bool(computed) == counts_eigenvalues


@pytest.mark.parametrize("gain", [1.0, 1.5, 1.65, 2.5])
def test_stability_with_delays_is_the_textbook_case(gain):
    """x' = -γ x - k x(t - d) with γ → 0 and d = 1 is stable for k < π/2 (Hayes 1950)."""
    connectome = nmm.Connectome([[0.0, 1.0], [1.0, 0.0]], 1.0 - np.eye(2))
    network = nmm.Network(
        nmm.models.Linear(gamma=-1e-6), connectome, nmm.couplings.Additive(G=-gain), speed=1.0
    )
    # The antisymmetric mode sees +k and is unstable at once, so one region is coupled to itself instead.
    loop = nmm.Network(
        nmm.models.Linear(gamma=-1e-6),
        nmm.Connectome([[1.0]], [[1.0]]),
        nmm.couplings.Additive(G=-gain),
        speed=1.0,
    )
    assert bool(is_stable(linearise(loop))) == (gain < np.pi / 2)
    assert not bool(is_stable(linearise(network)))


def test_stability_is_of_a_linearisation():
    with pytest.raises(TypeError, match=r"got Network, expected a Linearisation: nmm.linear.linearise"):
        nmm.linear.is_stable(nmm.Network(nmm.models.LeakyIntegrator()))
