"""Networks of many subjects in one program."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

import nmm_infer as nmm
from nmm_infer import couplings, models, noises

# Subjects differ in edges, lengths, speeds and parameters; the second has edges shorter than a step.
WEIGHTS = np.array(
    [
        [[0, 1, 0], [1, 0, 1], [0, 1, 0]],
        [[0, 1, 2], [1, 0, 0], [2, 0, 0]],
        [[0, 0.2, 1], [0, 0, 1], [1, 1, 0]],
    ],
    float,
)
LENGTHS = np.array(
    [
        [[0, 20, 0], [20, 0, 40], [0, 40, 0]],
        [[0, 3, 60], [3, 0, 0], [60, 0, 0]],
        [[0, 10, 35], [0, 0, 25], [35, 25, 0]],
    ],
    float,
)
SPEEDS = (5.0, 4.0, 12.0)


def subject(i, speed=None, **options):
    options = {"speed": SPEEDS[i] if speed is None else speed, "initial": [[1.0, 0.0, 0.5]]} | options
    return nmm.Network(
        models.LeakyIntegrator(tau=10.0 + i),
        nmm.Connectome(WEIGHTS[i], LENGTHS[i]),
        couplings.Additive(G=0.1),
        **options,
    )


def solved(network):
    return nmm.solve(network, 60.0, step=1.0).values


def test_each_subject_is_as_alone():
    many = nmm.stacked([subject(i) for i in range(3)])
    found = eqx.filter_jit(eqx.filter_vmap(solved))(many)
    for i in range(3):
        np.testing.assert_allclose(found[i], solved(subject(i)), rtol=1e-11)


def test_without_delays_lengths_do_not_matter():
    networks = [
        nmm.Network(
            models.LeakyIntegrator(), nmm.Connectome(WEIGHTS[i], LENGTHS[i]), couplings.Additive(G=0.1)
        )
        for i in (0, 2)
    ]
    found = eqx.filter_vmap(solved)(nmm.stacked(networks))
    assert found.shape == (2, 60, 1, 3)


@pytest.mark.parametrize(
    ("networks", "error", "message"),
    [
        ([], ValueError, "got none"),
        ([1.0], TypeError, "expected Networks"),
        ([nmm.Network(models.Hopf(a=nmm.Prior(dist.Normal(0, 1))))], ValueError, r"priors at model\.a"),
        (
            [nmm.Network(models.Hopf()), nmm.Network(models.LeakyIntegrator())],
            ValueError,
            "networks 0 and 1 differ in model by more than numbers: Hopf and LeakyIntegrator",
        ),
        ([subject(0), subject(0, noise=noises.Additive())], ValueError, "differ in noise"),
        (
            [
                nmm.Network(models.LeakyIntegrator(), c, couplings.Additive())
                for c in (nmm.Connectome(WEIGHTS[0]), nmm.Connectome(WEIGHTS[0], labels=list("abc")))
            ],
            ValueError,
            "other regions",
        ),
        (
            [subject(0), nmm.Network(models.LeakyIntegrator(), subject(0).connectome, couplings.Additive())],
            ValueError,
            "one of networks 0 and 1 has a speed",
        ),
        (
            [subject(0), eqx.tree_at(lambda n: n.model.tau, subject(1), jnp.ones(3))],
            ValueError,
            r"a number in model has shape \(\) in network 0 and \(3,\) in network 1",
        ),
    ],
)
def test_what_cannot_share_a_program_is_named(networks, error, message):
    with pytest.raises(error, match=message):
        nmm.stacked(networks)
