"""What slots accept, and what they say when they refuse."""

import dataclasses
import warnings

import brainunit as u
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pandas as pd
import pytest

from nmm_infer import couplings, models, noises, stimuli
from nmm_infer._networks._connectome import Connectome
from nmm_infer._networks._network import Network
from nmm_infer.parameters import AbstractPart, Slot, check_regions, param
from nmm_infer.priors import FromMaps, Pooled, Prior, sample
from nmm_infer.units import UnitError

THREE = Connectome(np.ones((3, 3)) - np.eye(3), lengths=10 * (np.ones((3, 3)) - np.eye(3)))


class Part(AbstractPart):
    """A part of its own, to test slots apart from any model."""

    tau: Slot = param(10.0, "ms", doc="a time constant", low=1.0, high=20.0)
    gain: Slot = param(0.5, doc="a number")


# ---------------------------------------------------------------- what a slot holds


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, 3.0),
        (3.5, 3.5),
        (np.float32(3.5), 3.5),
        ([1, 2, 3], [1.0, 2.0, 3.0]),
        (np.array([1.0, 2.0]), [1.0, 2.0]),
        (jnp.array([1, 2]), [1.0, 2.0]),
        (jnp.array([1.0, 2.0]), [1.0, 2.0]),
        (0.003 * u.second, 3.0),
        (np.array([1.0, 2.0]) * u.second, [1000.0, 2000.0]),
        (u.second, 1000.0),
    ],
)
def test_slot_holds_a_floating_array_in_its_unit(value, expected):
    held = Part(tau=value).tau
    assert jnp.issubdtype(held.dtype, jnp.floating)
    np.testing.assert_allclose(held, expected, rtol=1e-6)


@pytest.mark.parametrize(
    "prior", [Prior(dist.LogNormal(2.0, 0.1)), Pooled(2.0, 0.1), FromMaps(2.0, 0.1, np.ones((1, 3)))]
)
def test_slot_holds_a_prior_and_tells_it_its_unit(prior):
    held = Part(tau=prior).tau
    assert type(held) is type(prior)
    assert held.unit == "ms"


def test_defaults_metadata_and_order():
    assert Part().tau == 10.0
    slots = Part.parameters()
    assert list(slots) == ["tau", "gain"]
    assert dataclasses.asdict(slots["tau"]) == {
        "name": "tau",
        "default": 10.0,
        "unit": "ms",
        "doc": "a time constant",
        "low": 1.0,
        "high": 20.0,
    }
    assert (slots["gain"].unit, slots["gain"].low, slots["gain"].high) == ("1", -np.inf, np.inf)


def test_static_fields_are_no_slots():
    assert list(couplings.Additive.parameters()) == ["G"]


def test_traced_values_pass():
    """A part may be built inside jit, grad and vmap; what is traced cannot be looked at."""
    drift = jax.jit(lambda mu: models.JansenRit(mu=mu).drift(0.0, jnp.zeros((6, 1)), jnp.zeros((1, 1)))[4, 0])
    slope = jax.grad(drift)(0.2)
    np.testing.assert_allclose(slope, 3.25 * 0.1, rtol=1e-12)
    np.testing.assert_allclose(jax.vmap(jax.grad(drift))(jnp.array([0.1, 0.2])), [0.325, 0.325], rtol=1e-12)


def test_slots_are_leaves():
    part = Part(tau=np.array([1.0, 2.0]))
    doubled = jax.tree_util.tree_map(lambda x: 2 * x, part)
    np.testing.assert_allclose(doubled.tau, [2.0, 4.0])
    assert float(eqx.tree_at(lambda p: p.gain, part, 7.0).gain) == 7.0


def test_replacing_one_slot_keeps_the_others():
    kept = dataclasses.replace(
        models.JansenRit(v0=0.006 * u.volt, mu=Prior(dist.Normal(220.0, 1.0), unit=u.Hz)), J=130.0
    )
    np.testing.assert_allclose(kept.v0, 6.0)
    assert (kept.mu.unit, kept.mu.scale, float(kept.J)) == ("Hz", 1e-3, 130.0)


# ---------------------------------------------------------------- what it says


def test_wrong_dimension_names_slot_got_and_wanted():
    with pytest.raises(
        UnitError, match=r"JansenRit\(v0=\.\.\.\) got a quantity in ms, expected a quantity convertible to mV"
    ):
        models.JansenRit(v0=6 * u.ms)
    with pytest.raises(
        UnitError, match=r"Additive\(G=\.\.\.\) got a quantity in mV, expected a dimensionless number"
    ):
        couplings.Additive(G=1 * u.mV)
    with pytest.raises(
        UnitError,
        match=r"OrnsteinUhlenbeck\(tau=\.\.\.\) got a quantity in Hz, expected a quantity convertible to ms",
    ):
        noises.OrnsteinUhlenbeck(tau=3 * u.Hz)


@pytest.mark.parametrize(
    "make",
    [
        lambda unit: Prior(dist.Normal(0.2, 0.1), unit=unit),
        lambda unit: Pooled(0.2, 0.1, unit=unit),
        lambda unit: FromMaps(0.2, 0.1, np.ones(3), unit=unit),
    ],
)
def test_prior_of_the_wrong_dimension_names_the_slot(make):
    with pytest.raises(
        UnitError,
        match=r"JansenRit\(mu=\.\.\.\) got a quantity in mV, expected a quantity convertible to kHz",
    ):
        models.JansenRit(mu=make(u.mV))


@pytest.mark.parametrize("value", [np.nan, np.inf, [0.1, np.nan], jnp.array([0.1, jnp.nan]), np.nan * u.Hz])
def test_nan_is_refused(value):
    with pytest.raises(
        ValueError,
        match=r"JansenRit\(mu=\.\.\.\) got a value that is NaN or infinite; expected finite numbers in kHz",
    ):
        models.JansenRit(mu=value)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0, "0"), (-2.0, "-2"), ([5.0, -3.0], "-3"), (jnp.array(-4.0), "-4"), (-1 * u.second, "-1000")],
)
def test_positive_quantities_must_be_positive(value, shown):
    with pytest.raises(
        ValueError, match=rf"Part\(tau=\.\.\.\) got {shown}, expected a positive number in ms"
    ):
        Part(tau=value)


def test_bounds_are_advice_unless_the_slot_is_positive():
    assert Part(tau=0.5).tau == 0.5
    assert Part(gain=-3.0).gain == -3.0


@pytest.mark.parametrize("value", ["fast", {"tau": 1.0}, object(), [[1.0], [1.0, 2.0]]])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(
        TypeError,
        match=(
            r"Part\(tau=\.\.\.\) got .* expected a number, an array over regions, a Quantity in ms or a Prior"
        ),
    ):
        Part(tau=value)


def test_regions_are_counted():
    check_regions(Part(tau=np.ones(3), gain=2.0), 3)
    check_regions(Part(tau=Prior(dist.LogNormal(0.0, 1.0), over="region")), 3)
    for wrong in (np.ones(4), np.ones(1), np.ones((3, 1))):
        with pytest.raises(
            ValueError,
            match=(
                r"Part\(tau=\.\.\.\) has shape \(.*\), expected a scalar or shape \(3,\): one value for each"
                r" of the network's 3 regions"
            ),
        ):
            check_regions(Part(tau=wrong), 3)


def test_regions_are_counted_in_nested_parts():
    """The message names the part that has the slot."""
    check_regions(models.WilsonCowanAdaptive(core=models.WilsonCowan(c_ee=np.ones(3)), b=np.ones(3)), 3)
    with pytest.raises(
        ValueError, match=r"WilsonCowan\(c_ee=\.\.\.\) has shape \(2,\), expected a scalar or shape \(3,\)"
    ):
        check_regions(models.WilsonCowanAdaptive(core=models.WilsonCowan(c_ee=np.ones(2))), 3)


def test_priors_in_nested_parts_are_sampled():
    network = Network(
        models.WilsonCowanAdaptive(
            core=models.WilsonCowan(c_ee=Prior(dist.Normal(12.0, 0.1), over="region"))
        ),
        THREE,
        couplings.Additive(),
    )
    with numpyro.handlers.seed(rng_seed=0), numpyro.handlers.trace() as trace:
        sampled = sample(network)
    assert list(trace) == ["region", "model.core.c_ee"]
    assert sampled.model.core.c_ee.shape == (3,)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (
            {"model": models.JansenRit(mu=np.full(4, 0.2))},
            r"JansenRit\(mu=\.\.\.\) has shape \(4,\), expected a scalar or shape \(3,\)",
        ),
        (
            {"coupling": couplings.Additive(G=np.ones(2))},
            r"Additive\(G=\.\.\.\) has shape \(2,\), expected a scalar or shape \(3,\)",
        ),
        (
            {"noise": noises.Additive(sigma=np.ones(2))},
            r"Additive\(sigma=\.\.\.\) has shape \(2,\), expected a scalar or shape \(3,\)",
        ),
        (
            {"coupling": couplings.Additive(source=("y9",))},
            r"Additive\(source=\.\.\.\): JansenRit has no variable 'y9'; it has y0, .*, psp, rate",
        ),
        (
            {"coupling": couplings.Additive(port=("y9",))},
            r"Additive\(port=\.\.\.\): JansenRit has no port 'y9'; it has y4",
        ),
        (
            {"model": models.Hopf(), "coupling": couplings.SigmoidalJansenRit()},
            r"SigmoidalJansenRit\(source=\.\.\.\): Hopf has no variable 'psp'; it has x, y",
        ),
        (
            {"noise": noises.Additive(states=("rate",))},
            r"Additive\(states=\.\.\.\): JansenRit has no state 'rate'; it has y0, y1, y2, y3, y4, y5",
        ),
        ({"coupling": ()}, r"Network\(coupling=\.\.\.\) is missing: 3 regions need a coupling"),
        ({"speed": -4.0}, r"Network\(speed=\.\.\.\) got -4, expected a positive number in mm/ms"),
        (
            {"speed": 4 * u.mm},
            r"Network\(speed=\.\.\.\) got a quantity in mm, expected a quantity convertible to mm/ms",
        ),
        (
            {"speed": 4.0, "connectome": Connectome(np.ones((3, 3)))},
            r"Network\(speed=\.\.\.\) needs tract lengths",
        ),
        (
            {"initial": np.ones((2, 3))},
            r"Network\(initial=\.\.\.\) has shape \(2, 3\), expected \(6, 3\): y0, y1",
        ),
        ({"initial": np.full(6, np.nan)}, r"Network\(initial=\.\.\.\) contains NaN"),
        ({"initial": 3 * u.mV}, r"Network\(initial=\.\.\.\): the states of JansenRit have different units"),
    ],
)
def test_network_says_what_does_not_fit(parts, message):
    fitting = {"model": models.JansenRit(), "connectome": THREE, "coupling": couplings.Additive()}
    Network(**fitting)
    with pytest.raises(ValueError, match=message):
        Network(**{**fitting, **parts})


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (
            {"model": models.JansenRit},
            r"Network\(model=\.\.\.\) got .*, expected Model: such as nmm\.models\.JansenRit\(\)",
        ),
        ({"connectome": np.ones((3, 3))}, r"Network\(connectome=\.\.\.\) got ndarray, expected Connectome"),
        ({"coupling": 0.3}, r"Network\(coupling=\.\.\.\) got float, expected Coupling"),
        ({"noise": couplings.Additive()}, r"Network\(noise=\.\.\.\) got Additive, expected Noise"),
    ],
)
def test_network_says_what_kind_of_part_it_wants(parts, message):
    with pytest.raises(TypeError, match=message):
        Network(
            **{"model": models.JansenRit(), "connectome": THREE, "coupling": couplings.Additive(), **parts}
        )


def test_regional_arrays_of_the_right_length_pass():
    network = Network(
        models.JansenRit(mu=np.array([0.1, 0.2, 0.3]) * u.kHz),
        THREE,
        couplings.Additive(G=np.ones(3)),
        noise=noises.Additive(sigma=np.ones(3)),
        speed=4 * u.mm / u.ms,
    )
    assert network.n_regions == 3
    np.testing.assert_allclose(network.model.mu, [0.1, 0.2, 0.3])
    np.testing.assert_allclose(network.delays, 2.5 * (1 - np.eye(3)))


# ---------------------------------------------------------------- declared ranges


def parts(kind=AbstractPart):
    """All classes of the package that declare slots."""
    for part in kind.__subclasses__():
        yield from parts(part)
        if part.__module__.startswith("nmm_infer.") and part.parameters():
            yield part


def said(call, *arguments, **options):
    """The warnings of a call."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call(*arguments, **options)
    return [str(one.message) for one in caught]


@pytest.mark.parametrize(
    "part", sorted(set(parts()), key=lambda part: part.__name__), ids=lambda part: part.__name__
)
def test_what_is_outside_of_its_declared_range_is_said_for_every_slot_of_every_part(part):
    for field in dataclasses.fields(part):
        if "fill" in field.metadata:
            declared, fill = field.metadata["parameter"], field.metadata["fill"]
            span = declared.high - declared.low
            for inside in (declared.low or 1e-9, declared.high, declared.low + 0.3 * span):
                assert not said(fill, inside)
            for outside in (declared.high + span, np.array([declared.high, declared.high + span])):
                (message,) = said(fill, outside)
                unit = "" if declared.unit == "1" else f" {declared.unit}"
                assert (
                    f"({field.name}=...) got {declared.high + span:g}{unit}, outside of its declared range, "
                    in message
                )
                assert f"{declared.low:g} to {declared.high:g}{unit}; " in message


@pytest.mark.parametrize(
    ("make", "advice"),
    [
        (
            lambda: stimuli.Sine(frequency=40),
            r"Sine\(frequency=\.\.\.\) got 40 kHz, .* 1e-05 to 0\.5 kHz; if it is in Hz write 40 \* u\.Hz",
        ),
        (
            lambda: models.LeakyIntegrator(tau=0.02),
            r"got 0\.02 ms, .*; if it is in second write 0\.02 \* u\.second",
        ),
        (
            lambda: models.LeakyIntegrator(tau=[0.02, 0.03]),
            r"got 0\.02 ms \(and 1 more\), .* write values \* u\.second",
        ),
        (lambda: models.Hopf(omega=60.0), r"got 60 rad/ms, .*write 60 \* u\.Hz"),
        (lambda: models.JansenRit(v0=6000.0), r"got 6000 mV, .*write 6000 \* u\.uvolt"),
        (
            lambda: Network(models.JansenRit(), THREE, couplings.Additive(), speed=4000.0),
            r"got 4000 mm/ms, .*write 4000 \* u\.mm / u\.second",
        ),
        # It had its unit, or no other would do.
        (lambda: stimuli.Sine(frequency=40 * u.kHz), "check the value and its unit"),
        (lambda: stimuli.Sine(frequency=pd.Series([40.0, 50.0], ["a", "b"])), r"write values \* u\.Hz"),
        (lambda: models.LeakyIntegrator(tau=1e9), "check the value and its unit"),
    ],
)
def test_a_range_exceeded_advises_the_unit_that_was_meant(make, advice):
    with pytest.warns(UserWarning, match=advice) as caught:
        make()
    assert [one.filename for one in caught] == [__file__]


def test_ranges_are_compared_once_and_not_where_there_are_no_numbers_yet():
    def network(**slots):
        return Network(models.LeakyIntegrator(**slots), THREE, couplings.Additive(), stimulus=stimuli.Sine())

    assert len(said(network, tau=0.5)) == 1
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            stimuli.Sine(frequency=40)
    assert len(caught) == 1
    far = network(tau=Prior(dist.Uniform(0.1, 0.2)))
    with numpyro.handlers.seed(rng_seed=0):
        assert not said(sample, far)
    assert not said(jax.jit(lambda tau: models.LeakyIntegrator(tau=tau).tau), 0.1)
    doubled = eqx.tree_at(lambda n: n.model.tau, network(), 0.1)
    assert not said(jax.tree.map, lambda leaf: leaf, doubled)
