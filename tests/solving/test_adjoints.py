"""However a simulation is differentiated and cut up, it has the same values and the same derivatives."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.infer.util import log_density

import nmm_infer as nmm
from nmm_infer import adjoints, couplings, models, noises
from nmm_infer.solving import _delays as delays
from nmm_infer.solving._delays import plan

N = 5
KEY = jax.random.key(7)
RNG = np.random.default_rng(0)
WEIGHTS = RNG.uniform(0.2, 1.0, (N, N)) * (RNG.random((N, N)) < 0.9) * (1 - np.eye(N))
LENGTHS = RNG.uniform(20.0, 60.0, (N, N))
SHORT = LENGTHS.copy()
SHORT[1, 3] = 0.3  # less than a step
ADJOINTS = {
    "Stored": adjoints.Stored(),
    "Checkpointed": adjoints.Checkpointed(steps=32),
    "Direct": adjoints.Direct(),
    "Forward": adjoints.Forward(),
}


def network(lengths=LENGTHS, speed=10.0, speed_range=(9.0, 11.0), noise=None, coupling=None):
    rng = np.random.default_rng(1)
    return nmm.Network(
        models.Hopf(a=rng.uniform(0.05, 0.3, N), omega=rng.uniform(0.1, 0.4, N)),
        nmm.Connectome(np.where(lengths == 0.3, 0.7, WEIGHTS) / WEIGHTS.sum(1).max(), lengths),
        coupling or couplings.Diffusive(G=0.3),
        speed=speed,
        speed_range=None if speed is None else speed_range,
        noise=noise,
        initial=rng.uniform(-0.5, 0.5, (2, N)),
    )


NETWORKS = {
    "no delays": network(speed=None),
    "blocks": network(),
    # A fast end of the range leaves no time for a block: every edge is read at every step.
    "steps": network(speed_range=(9.0, 3000.0)),
    "a short edge": network(SHORT),
    "noise": network(noise=noises.OrnsteinUhlenbeck(sigma=0.1, tau=5.0)),
    "nonlinear coupling": network(coupling=couplings.Sigmoidal(cmax=0.4, sigma=0.5)),
}


def loss(net, adjoint, a, speed):
    changed = eqx.tree_at(lambda n: n.model.a, net, a)
    changed = changed if net.speed is None else eqx.tree_at(lambda n: n.speed, changed, speed)
    values = nmm.solve(changed, 12.0, step=0.1, sample_every=0.3, key=KEY, adjoint=adjoint).values
    return jnp.sum(jnp.sin(values)), values


def everything(name, adjoint):
    """Values, and the gradient with respect to five regional parameters and the speed."""
    net = NETWORKS[name]
    point = (jnp.asarray(net.model.a), jnp.asarray(10.0))
    (_, values), gradient = jax.jit(
        jax.value_and_grad(lambda *p: loss(net, adjoint, *p), argnums=(0, 1), has_aux=True)
    )(*point)
    return np.asarray(values), np.concatenate([np.atleast_1d(g) for g in gradient])


LATER = {
    "steps": pytest.mark.by_hand,
    "noise": pytest.mark.slow,
    "a short edge": pytest.mark.by_hand,
    "nonlinear coupling": pytest.mark.slow,
}


@pytest.mark.parametrize("name", [pytest.param(name, marks=LATER.get(name, ())) for name in NETWORKS])
def test_adjoints_agree(name):
    values, gradient = everything(name, adjoints.Stored())
    assert np.abs(gradient).min() > 1e-3 or NETWORKS[name].speed is None
    for which in ("Checkpointed", "Direct", "Forward"):
        other, slope = everything(name, ADJOINTS[which])
        np.testing.assert_allclose(other, values, rtol=1e-10, atol=1e-12, err_msg=which)
        np.testing.assert_allclose(slope, gradient, rtol=1e-8, atol=1e-10, err_msg=which)


def test_reading_at_every_step_is_reading_in_blocks():
    for blocks, steps in zip(
        everything("blocks", adjoints.Stored()), everything("steps", adjoints.Stored()), strict=True
    ):
        np.testing.assert_allclose(steps, blocks, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    "short_edge", [pytest.param(False, marks=pytest.mark.slow), pytest.param(True, marks=pytest.mark.by_hand)]
)
def test_blocks_within_blocks_are_blocks(monkeypatch, short_edge):
    """Whatever is read in longer blocks, values and derivatives by parameters, speed, weights and lengths are
    the same.
    """
    lengths = (SHORT if short_edge else LENGTHS) * np.where(np.arange(N) % 2, 1.0, 0.2)

    def everything(fastest, adjoint):
        net = network(lengths, speed_range=(9.0, fastest), noise=noises.Additive(sigma=0.05))

        def value(a, speed, weights, lengths):
            changed = eqx.tree_at(
                lambda n: (n.connectome.weights, n.connectome.lengths), net, (weights, lengths)
            )
            return loss(changed, adjoint, a, speed)

        point = (
            jnp.asarray(net.model.a),
            jnp.asarray(10.0),
            jnp.asarray(net.connectome.weights),
            jnp.asarray(lengths),
        )
        (_, values), gradient = jax.jit(jax.value_and_grad(value, argnums=(0, 1, 2, 3), has_aux=True))(*point)
        return plan(net, 0.1), values, np.concatenate([np.ravel(g) for g in gradient])

    one, values, gradient = everything(11.0, adjoints.Stored())
    assert len(one.levels) == 1
    monkeypatch.setattr(delays, "READING", 0)
    monkeypatch.setattr(delays, "SLICE", 100)
    for fastest, adjoint in (
        (11.001, adjoints.Stored()),
        (11.002, adjoints.Checkpointed(steps=32)),
        (11.003, adjoints.Direct()),
    ):
        several, other, slope = everything(fastest, adjoint)
        assert len(several.levels) > 1
        np.testing.assert_allclose(other, values, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(slope, gradient, rtol=1e-8, atol=1e-10)


def test_a_delay_beyond_the_plan_is_not_a_number():
    net = eqx.tree_at(lambda n: n.speed, network(), 1.0)
    assert np.isnan(nmm.solve(net, 2.0, step=0.1).values).all()


@pytest.mark.parametrize("which", ADJOINTS)
def test_gradient_is_the_finite_difference(which):
    net = NETWORKS["a short edge"]
    value = jax.jit(lambda a, speed: loss(net, ADJOINTS[which], a, speed)[0])
    a, h = jnp.asarray(net.model.a), 1e-5
    by_a, by_speed = jax.grad(value, argnums=(0, 1))(a, 10.0)
    e = jnp.zeros(N).at[2].set(h)
    assert float(by_a[2]) == pytest.approx(float(value(a + e, 10.0) - value(a - e, 10.0)) / (2 * h), rel=1e-6)
    assert float(by_speed) == pytest.approx(
        float(value(a, 10.0 + h) - value(a, 10.0 - h)) / (2 * h), rel=1e-5
    )


@pytest.mark.slow
def test_direct_has_forward_mode_and_hessians_through_delays():
    net = NETWORKS["blocks"]
    a = jnp.asarray(net.model.a)

    def value(speed):
        return loss(net, adjoints.Direct(), a, speed)[0]

    slope = jax.jit(jax.grad(value))
    _, tangent = jax.jvp(value, (10.0,), (1.0,))
    assert float(tangent) == pytest.approx(float(slope(10.0)), rel=1e-10)
    assert float(jax.jit(jax.jacfwd(value))(10.0)) == pytest.approx(float(slope(10.0)), rel=1e-10)

    # Between whole steps a linear interpolation has second derivatives of its own, so the parameter is one of
    # the model.
    def of_shift(shift):
        return loss(net, adjoints.Direct(), a + shift, 10.0)[0]

    curvature = jax.jit(jax.hessian(of_shift))(0.0)
    first = jax.jit(jax.grad(of_shift))
    assert float(curvature) == pytest.approx(float(first(1e-4) - first(-1e-4)) / 2e-4, rel=1e-5)


def test_forward_works_under_vmap_and_within_other_transformations():
    net = NETWORKS["blocks"]
    batch = jnp.stack([net.model.a, 1.1 * net.model.a, 0.9 * net.model.a])

    def gradients(adjoint):
        return jax.jit(jax.vmap(jax.grad(lambda a: loss(net, adjoint, 2.0 * a, 10.0)[0])))(batch)

    np.testing.assert_allclose(
        gradients(adjoints.Forward()), gradients(adjoints.Stored()), rtol=1e-8, atol=1e-10
    )


@pytest.mark.slow
def test_forward_reaches_observation_and_noise():
    """What is free may sit in the observation, in the noise, in the stimulus."""
    net = nmm.Network(
        models.LeakyIntegrator(tau=100.0),
        noise=noises.Additive(sigma=0.1),
        stimulus=nmm.stimuli.Pulse(amplitude=0.3, onset=300.0, rise=20.0),
    )

    def value(adjoint, tau, sigma, onset):
        changed = eqx.tree_at(lambda n: (n.noise.sigma, n.stimulus.onset), net, (sigma, onset))
        observe = eqx.tree_at(lambda o: o.tau, nmm.observe.Bold(period=500.0), tau)
        return jnp.sum(
            nmm.solve(changed, 3000.0, step=10.0, observe=observe, key=KEY, adjoint=adjoint).values ** 2
        )

    point = (980.0, 0.1, 300.0)
    forward, stored = (
        jax.jit(jax.grad(lambda *p, adjoint=adjoint: value(adjoint, *p), argnums=(0, 1, 2)))(*point)
        for adjoint in (adjoints.Forward(), adjoints.Stored())
    )
    assert np.abs(stored).min() > 0
    np.testing.assert_allclose(forward, stored, rtol=1e-8)


def test_forward_of_nothing_is_a_simulation():
    net = NETWORKS["blocks"]
    np.testing.assert_allclose(
        nmm.solve(net, 6.0, step=0.1, adjoint=adjoints.Forward()).values,
        nmm.solve(net, 6.0, step=0.1).values,
        rtol=1e-12,
    )


def test_forward_names_what_is_too_much():
    net = NETWORKS["blocks"]
    with pytest.raises(
        ValueError,
        match=(
            r"Forward\(most=256\) got a derivative with respect to 400 numbers \(of shapes \(400,\)\),"
            r" expected at most 256; use nmm"
        ),
    ):
        jax.grad(
            lambda x: (
                loss(net, adjoints.Forward(), x[:N], 10.0)[0]
                + 0 * nmm.solve(big(x), 1.0, step=0.5, adjoint=adjoints.Forward()).values.sum()
            )
        )(jnp.full(400, 0.1))
    with pytest.raises(ValueError, match=r"Forward\(most=0\): expected at least 1 unknown"):
        adjoints.Forward(most=0)


def big(a):
    connectome = nmm.Connectome(np.zeros((400, 400)))
    return eqx.tree_at(
        lambda n: n.model.a, nmm.Network(models.Hopf(a=np.ones(400)), connectome, couplings.Additive()), a
    )


def test_a_problem_has_the_same_density_and_gradient():
    """The adjoint is an option of the problem; the sampler does not know of it."""
    model = models.JansenRit(mu=nmm.Prior(dist.Normal(0.1, 0.02)), v0=nmm.Prior(dist.Normal(6.0, 0.1)))
    data = np.linspace(0.0, 1.0, 20)[:, None]
    results = []
    for adjoint in (adjoints.Checkpointed(), adjoints.Forward()):
        problem = nmm.Problem(
            nmm.Network(model),
            nmm.observe.Subsample(period=5.0),
            nmm.likelihoods.Gaussian(scale=0.5),
            duration=100.0,
            step=0.5,
            adjoint=adjoint,
        )
        conditioned = problem.condition(data)

        def density(mu, v0, conditioned=conditioned):
            return log_density(conditioned.model, (), {}, {"model.mu": mu, "model.v0": v0})[0]

        results.append(np.array(jax.jit(jax.value_and_grad(density, argnums=(0, 1)))(0.1, 6.0)[1]))
    np.testing.assert_allclose(results[1], results[0], rtol=1e-8)


def test_default_keeps_everything_of_a_short_run_only():
    from nmm_infer.solving._grid import make_grid
    from nmm_infer.solving._solve import _default_adjoint

    net = NETWORKS["blocks"]
    assert isinstance(_default_adjoint(net, make_grid(100.0, 0.1)), adjoints.Stored)
    assert isinstance(_default_adjoint(net, make_grid(100_000.0, 0.1)), adjoints.Checkpointed)
    assert isinstance(
        _default_adjoint(net, make_grid(100.0, 0.1, transient=100_000.0)), adjoints.Checkpointed
    )


@pytest.mark.slow
def test_memory_of_a_gradient():
    """Temporary memory of the compiled gradient: Stored grows with the run, Checkpointed takes a fraction of
    that, Forward does not grow.
    """
    net = NETWORKS["blocks"]

    def megabytes(adjoint, duration):
        def value(G):
            changed = eqx.tree_at(lambda n: n.coupling.G, net, G)
            return nmm.solve(changed, duration, step=0.1, sample_every=1.0, adjoint=adjoint).values[-1].sum()

        return jax.jit(jax.grad(value)).lower(0.3).compile().memory_analysis().temp_size_in_bytes / 1e6

    stored = megabytes(adjoints.Stored(), 1000.0)
    assert stored > 6 * megabytes(adjoints.Stored(), 100.0)
    assert megabytes(adjoints.Checkpointed(), 1000.0) < stored / 3
    # What is kept forward is the outputs and their sensitivities, 20 numbers for each ms.
    assert megabytes(adjoints.Forward(), 1000.0) < stored / 5
