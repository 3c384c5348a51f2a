"""Things show themselves: briefly, with what differs from the defaults, in notebooks as tables."""

import sys
import types

import brainunit as u
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.distributions.transforms import ExpTransform

import nmm_infer as nmm
from nmm_infer._tools._shown import WIDTH, shown
from nmm_infer.infer._progress import NotebookProgress
from nmm_infer.models._catalogue import model_classes

TAU = nmm.Pooled(nmm.Prior(dist.Normal(0.0, 1.0)), 0.4, transform=ExpTransform(), unit="s")
NETWORK = nmm.Network(
    nmm.models.LeakyIntegrator(tau=TAU),
    nmm.Connectome(np.ones((3, 3)) - np.eye(3), 10.0 * np.ones((3, 3)), labels=["A", "B", "<C>"]),
    nmm.couplings.Additive(G=nmm.Prior(dist.Beta(4.0, 1.0))),
    noise=nmm.noises.Additive(sigma=[0.1, 0.2, 0.3]),
)
PROBLEM = nmm.Problem(NETWORK, nmm.observe.Bold(), nmm.likelihoods.Spectral(band=(0.01 * u.Hz, 0.05 * u.Hz)))

TEXTS = {
    "model": (nmm.models.JansenRit(v0=5.5 * u.mV), "JansenRit(v0=5.5 mV)"),
    "regional": (nmm.models.Hopf(a=[-0.1, -0.2]), "Hopf(a=[-0.1, -0.2] 1/ms)"),
    "prior": (nmm.Prior(dist.Normal(0, 1), over="region"), "Prior(Normal(0, 1), over='region')"),
    "truncated": (
        nmm.Prior(dist.TruncatedNormal(0.2, 0.1, low=0.0)),
        "Prior(TruncatedNormal(0.2, 0.1, low=0))",
    ),
    "in a slot": (
        nmm.models.JansenRit(v0=nmm.Prior(dist.Normal(6.0, 1.0))),
        "JansenRit(v0=Prior(Normal(6, 1), unit='mV'))",
    ),
    "pooled": (
        TAU,
        "Pooled(mean=Normal(0, 1), sd=0.4, transform=ExpTransform(), unit='s')",
    ),
    "connectome": (NETWORK.connectome, "Connectome(3 regions, 3 edges, 10 to 10 mm, A, B, <C>)"),
    "engine": (
        nmm.infer.NUTS(draws=20, metric=nmm.infer.metrics.Laplace()),
        "NUTS(draws=20, metric=Laplace())",
    ),
    "signal": (
        nmm.Signal.of(np.ones((5, 2)), 2 * u.second),
        "Signal(activity: 5 samples × 2 regions, every 2000 ms)",
    ),
    "network": (
        NETWORK,
        """Network of 3 regions
  model       LeakyIntegrator(
                  tau=Pooled(mean=Normal(0, 1), sd=0.4, transform=ExpTransform(), unit='s'),
              )
  connectome  Connectome(3 regions, 3 edges, 10 to 10 mm, A, B, <C>)
  coupling    Additive(G=Prior(Beta(4, 1)))
  noise       Additive(sigma=[0.1, 0.2, 0.3])""",
    ),
    "problem": (
        PROBLEM,
        """Problem: 3 × LeakyIntegrator → Bold → Spectral
unknown:
  model.tau   Pooled(mean=Normal(0, 1), sd=0.4, transform=ExpTransform(), unit='s')
  coupling.G  Prior(Beta(4, 1))""",
    ),
}


@pytest.mark.parametrize(("thing", "text"), TEXTS.values(), ids=TEXTS)
def test_text(thing, text):
    assert repr(thing) == text


@pytest.mark.parametrize("cls", model_classes().values(), ids=model_classes())
def test_models_at_their_defaults_show_nothing_but_their_name(cls):
    assert repr(cls()) == f"{cls.__name__}()"
    page = cls()._repr_html_()
    for name, parameter in cls.parameters().items():
        assert f">{name}</td>" in page
        assert parameter.doc.split("<")[0].split("'")[0] in page


def test_pages_escape_what_they_hold():
    for thing in (NETWORK, NETWORK.connectome, PROBLEM):
        page = thing._repr_html_()
        assert "<C>" not in page
        assert "&lt;C&gt;" in page
    assert "data:image/png" in NETWORK.connectome._repr_html_()
    assert all(name in PROBLEM._repr_html_() for name in ("model.tau", "coupling.G", "Spectral"))


def test_arrays_of_any_size_and_traced_ones_are_short():
    assert shown(np.arange(68.0)) == "[68 values, 0 to 67]"
    assert shown(jnp.ones((2, 3))) == "[2 × 3 values, 1 to 1]"
    told = []
    jax.jit(lambda x: told.append(repr(nmm.models.JansenRit(mu=x))) or x)(0.2)
    assert told[0].startswith("JansenRit(mu=traced f")
    assert len(told[0]) < WIDTH


def test_bars_in_a_notebook_without_widgets(monkeypatch):
    shown_pages = []
    handle = types.SimpleNamespace(update=lambda page: shown_pages.append(page))
    module = types.ModuleType("IPython.display")
    module.HTML = lambda text: text
    module.display = lambda page, display_id: handle
    monkeypatch.setitem(sys.modules, "IPython", types.ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    with NotebookProgress("{task.description} {task.completed}") as bars:
        task = bars.add_task("draws", total=10)
        bars.update(task, completed=7)
    assert shown_pages[-1] == "<pre>draws 7\n</pre>"
    before = len(shown_pages)
    with NotebookProgress("{task.description}", disable=True) as bars:
        bars.update(bars.add_task("draws", total=10), completed=7)
    assert len(shown_pages) == before


def test_a_wide_table_scrolls_and_its_columns_stand_apart():
    page = nmm.list_models()._repr_html_()
    assert page.startswith('<div style="overflow-x: auto"><table>')
    assert "padding" in page


def test_nothing_stops_what_is_shown():
    """Stacked, mapped and halved things are listed as Equinox lists them."""
    many = eqx.filter_vmap(lambda a: eqx.tree_at(lambda n: n.noise.sigma, NETWORK, a))(jnp.ones((4, 3)))
    signals = jax.vmap(lambda x: nmm.Signal.of(x, 2000.0))(jnp.ones((4, 5, 2)))
    for thing in (
        many,
        signals,
        *eqx.partition(NETWORK, eqx.is_array),
        jax.tree.map(lambda _: None, NETWORK),
    ):
        assert repr(thing)
    assert shown(jax.random.key(0)) == "a random key"
    assert shown(12345) == "12345"
    assert "12345" in repr(nmm.infer.NUTS(draws=12345))


def test_distributions_made_of_others_show_them():
    mixture = dist.MixtureSameFamily(dist.Categorical(jnp.ones(2) / 2), dist.Normal(jnp.zeros(2), 1.0))
    assert "Categorical" in repr(nmm.Prior(mixture))
    transformed = dist.TransformedDistribution(dist.Normal(0.0, 1.0), ExpTransform())
    assert repr(nmm.Prior(transformed)) == "Prior(TransformedDistribution(Normal(0, 1), ExpTransform()))"
    assert "× (3,)" in repr(nmm.Prior(dist.Normal(0.0, 1.0).expand([3]).to_event(1)))
    edges = nmm.Connectome(nmm.Prior(dist.HalfNormal(1.0), over="edge"), labels=("a", "b"))
    assert "HalfNormal(1)" in repr(edges)
    assert "0x" not in repr(edges)
