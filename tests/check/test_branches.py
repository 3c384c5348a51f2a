"""Networks that rest at one place for some draws and at another for others: named by `diagnose`."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
import xarray as xr

import nmm_infer as nmm
from nmm_infer.check._diagnostics._branches import split
from nmm_infer.infer._engine import precision
from nmm_infer.infer._target import Target

RNG = np.random.default_rng(0)
PAIR = nmm.Connectome([[0.0, 1.0], [1.0, 0.0]], labels=["left", "right"])
SPECTRAL = nmm.likelihoods.Spectral(band=(5e-5, 2e-3), bands=4, noise=1e-4, repetition_time=50.0)


def gates(**options):
    """Reduced Wong–Wang at rest, from low to high activity between inputs of 0.32 and 0.36 nA."""
    model = nmm.models.ReducedWongWang(w=0.9, I_o=nmm.Prior(dist.Uniform(0.25, 0.42)))
    return nmm.Problem(
        nmm.Network(model, PAIR, nmm.couplings.Additive(G=0.1), noise=nmm.noises.Additive(sigma=1e-3)),
        nmm.observe.Subsample(),
        SPECTRAL,
        **options,
    )


def place(problem, sites, trials=()):
    with precision("float64"):
        target = Target(problem.condition(RNG.normal(size=(*trials, 400, 2))))
        return {
            name: named.values
            for name, named in jax.jit(lambda sites: target.conditioned.rest(sites))(sites).items()
        }


@pytest.fixture(scope="module")
def found():
    """Where the network rests over its prior."""
    problem = gates()
    inputs = np.linspace(0.25, 0.42, 60)
    with precision("float64"):
        conditioned = problem.condition(RNG.normal(size=(400, 2)))
        rest = jax.jit(
            lambda inputs: jax.lax.map(lambda I_o: conditioned.rest({"model.I_o": I_o})["S"].values, inputs)
        )(jnp.asarray(inputs))
    return inputs, np.asarray(rest)


def tree(inputs, rest):
    by_draw = {"model.I_o": (("chain", "draw"), inputs.reshape(2, -1))}
    S = (("chain", "draw", "region"), rest.reshape(2, len(inputs) // 2, 2))
    return xr.DataTree.from_dict(
        {"posterior": xr.Dataset(by_draw), "rest": xr.Dataset({"S": S}, coords={"region": ["left", "right"]})}
    )


def test_draws_on_two_branches_are_named(found):
    inputs, rest = found
    assert np.isfinite(rest).all()
    text = str(nmm.check.diagnose(tree(inputs, rest)))
    assert "fixed points" in text
    assert "S[left] rests below 0." in text
    assert "and others likewise (2 in all)" in text
    assert "AtRest" in text


def test_draws_on_one_branch_are_good(found):
    inputs, rest = found
    low = np.argsort(rest[:, 0])[: np.argmax(np.diff(np.sort(rest[:, 0]))) // 2 * 2]
    assert len(low) >= 20
    report = nmm.check.diagnose(tree(inputs[low], rest[low]))
    (finding,) = [one for one in report.checks if one.what == "fixed points"]
    assert finding.severity == "good"


@pytest.mark.parametrize(
    "draw", [RNG.normal, RNG.standard_cauchy, RNG.exponential, RNG.random], ids=lambda draw: draw.__name__
)
@pytest.mark.parametrize("n", [20, 1000])
def test_one_distribution_is_one_branch(draw, n):
    assert all(split(draw(size=n)) is None for _ in range(200))


@pytest.mark.parametrize("share", [0.02, 0.3, 0.98])
def test_two_places_are_two_branches(share):
    n = 1000
    values = np.concatenate(
        [RNG.normal(0.2, 0.02, n - round(share * n)), RNG.normal(0.7, 0.05, round(share * n))]
    )
    apart = split(RNG.permutation(values))
    assert apart is not None
    assert apart.share == pytest.approx(share)
    assert 0.2 < apart.low < apart.high < 0.7


def test_three_places_are_several_and_rounding_is_none():
    values = np.concatenate([RNG.normal(centre, 0.02, 300) for centre in (0.1, 0.4, 0.7)])
    assert split(RNG.permutation(values)) is not None
    assert split(0.165 + np.spacing(0.165) * RNG.integers(0, 2, size=1000)) is None


def test_where_there_is_one_place_to_rest_nothing_is_kept():
    pair = nmm.Network(
        nmm.models.LeakyIntegrator(tau=nmm.Prior(dist.LogNormal(3.0, 0.1))),
        PAIR,
        nmm.couplings.Additive(G=0.1),
        noise=nmm.noises.Additive(),
    )
    assert place(nmm.Problem(pair, nmm.observe.Subsample(), SPECTRAL), {"model.tau": jnp.asarray(20.0)}) == {}
    oscillators = nmm.Network(
        nmm.models.Hopf(a=nmm.Prior(dist.Normal(-0.1, 0.01))),
        PAIR,
        nmm.couplings.Diffusive(G=0.1),
        noise=nmm.noises.Additive(),
        initial=np.zeros((2, 2)),
    )
    assert (
        place(nmm.Problem(oscillators, nmm.observe.Subsample(), SPECTRAL), {"model.a": jnp.asarray(-0.1)})
        == {}
    )
    assert set(place(gates(), {"model.I_o": jnp.asarray(0.3)})) == {"S"}


def test_where_it_is_told_to_rest_nothing_is_kept():
    network = nmm.Network(
        nmm.models.ReducedWongWang(w=0.5),
        PAIR,
        nmm.couplings.Additive(G=0.1),
        noise=nmm.noises.Additive(sigma=1e-3),
    )
    told = nmm.Problem(
        network,
        nmm.observe.Subsample(),
        SPECTRAL,
        prepare=nmm.AtRest({"S": nmm.Prior(dist.Normal(0.16, 0.01))}, by="I_o"),
    )
    assert place(told, {"rest.S": jnp.asarray(0.16)}) == {}


def test_trials_rest_in_one_place_unless_they_differ():
    def trials(over):
        model = nmm.models.ReducedWongWang(w=0.5, I_o=nmm.Prior(dist.Uniform(0.25, 0.42), over=over))
        network = nmm.Network(
            model, PAIR, nmm.couplings.Additive(G=0.1), noise=nmm.noises.Additive(sigma=1e-3)
        )
        return nmm.Problem(network, nmm.observe.Subsample(), nmm.likelihoods.Trials(SPECTRAL, 2))

    assert place(trials(None), {"model.I_o": jnp.asarray(0.3)}, trials=(2,))["S"].shape == (2,)
    assert place(trials("trial"), {"model.I_o": jnp.asarray([0.3, 0.35])}, trials=(2,)) == {}


@pytest.mark.by_hand  # CI looks at the group in its compositions, which have too few draws for a finding
def test_a_result_says_where_it_rests():
    engine = nmm.infer.SVI(steps=10, draws=30, predictive_draws=0)
    data = 1e-3 * RNG.normal(size=(400, 2)).cumsum(axis=0)
    made = engine(gates(), data - data.mean(axis=0), key=jax.random.key(0), progress=False)
    assert made["rest"]["S"].dims == ("chain", "draw", "region")
    assert list(made["rest"]["S"].coords["region"].values) == ["left", "right"]
    assert np.isfinite(made["rest"]["S"].values).all()
    assert any(one.what == "fixed points" for one in nmm.check.diagnose(made).checks)
