"""Every neural mass: against TVB, against plain formulas, against its own metadata."""

import functools
import inspect
import json
import operator
import re
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from catalogue import MODELS
from formulas import FORMULAS
from hypothesis import given
from hypothesis import strategies as st

from nmm_infer import models
from nmm_infer.models._base import AbstractModel, AbstractRotatingModel
from nmm_infer.models._transfer import rate
from nmm_infer.parameters import walk
from nmm_infer.units import parse

each = pytest.mark.parametrize("name", MODELS)


# ------------------------ machinery: one compiled drift and gradient for each model


def slots(model):
    """Its parameters and those of the parts in it, by path."""
    return {path + name: p for path, part in walk(model) for name, p in part.parameters().items()}


def slot(model, path):
    return operator.attrgetter(path)(model)


def filled(model, values):
    """`model` with its parameters, in their order, replaced by the rows of `values`."""
    paths = tuple(slots(model))
    return eqx.tree_at(lambda m: [slot(m, path) for path in paths], model, list(values)) if paths else model


def named(model, values):
    """What a formula is told: the values by path, and the parts, which may be exchanged, by path too."""
    return dict(zip(slots(model), values, strict=True)) | {
        path.rstrip("."): part for path, part in walk(model)
    }


def drift(name, values, y, c):
    return filled(MODELS[name](), values).drift(jnp.zeros(()), y, c)


@functools.cache
def compiled(name):
    return jax.jit(functools.partial(drift, name))


def _weighted(name, values, y, c):
    # Different weights for the states: errors of two equations cannot cancel in the sum.
    out = drift(name, values, y, c)
    return jnp.sum(jnp.cos(jnp.arange(1.0, len(out) + 1))[:, None] * out)


@functools.cache
def gradients(name):
    return jax.jit(jax.value_and_grad(functools.partial(_weighted, name), argnums=(0, 1, 2)))


def bounds(name):
    """Ranges of parameters and of states, stacked."""
    model = MODELS[name]()
    declared = [(p.low, p.high) for p in slots(model).values()] + [(s.low, s.high) for s in model.states]
    return np.asarray(declared, dtype=np.float64).T[..., None]


def place(name, unit_cube):
    """Parameter values and states from numbers in [0, 1]."""
    low, high = bounds(name)
    values = low + (high - low) * unit_cube
    n = len(slots(MODELS[name]()))
    return values[:n], values[n:]


def example(name, n_regions, seed=0):
    """Random parameters, states and coupling input: in the first half of the regions near the defaults, where
    nothing saturates, then anywhere.
    """
    rng = np.random.default_rng(seed)
    model = MODELS[name]()
    values, y = place(name, rng.uniform(0.05, 0.95, (bounds(name).shape[1], n_regions)))
    low, high = bounds(name)[:, : len(values)]
    near = np.stack([slot(model, path) for path in slots(model)])[:, None] + 0.05 * (
        high - low
    ) * rng.uniform(-1, 1, values.shape)
    near = np.where(near < low, 2 * low - near, np.where(near > high, 2 * high - near, near))
    values = np.where(np.arange(n_regions) < (n_regions + 1) // 2, near, values)
    return values, y, rng.normal(0.0, 0.1, (len(model.ports), n_regions))


def exported():
    """The final classes in `nmm_infer.models`."""
    return {
        c
        for c in vars(models).values()
        if inspect.isclass(c) and issubclass(c, AbstractModel) and not inspect.isabstract(c)
    }


# ------------------------ (a) against TVB and against the formulas

REFERENCE = np.load(Path(__file__).parents[1] / "reference" / "tvb_public.npz")
META = json.loads(str(REFERENCE["meta"]))
# Units of TVB's Wong–Wang model are Hz and s.
KILO = dict.fromkeys(("a_e", "b_e", "a_i", "b_i"), 1e-3) | dict.fromkeys(
    ("d_e", "d_i", "gamma_e", "gamma_i"), 1e3
)
# TVB's name → our class, scale of its parameters, parameters of TVB that ours does not have, where its
# defaults are ours
AGAINST_TVB = {
    "Generic2dOscillator": (models.Generic2dOscillator, {}, (), True),
    "WilsonCowan": (models.WilsonCowan, {}, (), True),
    "JansenRit": (models.JansenRit, {}, ("p_min", "p_max"), True),
    "ReducedWongWang": (models.ReducedWongWang, {}, ("sigma_noise",), True),
    "ReducedWongWangExcInh": (models.WongWangExcInh, KILO, ("G",), True),
    "MontbrioPazoRoxin": (models.MontbrioPazoRoxin, {}, ("Gamma",), True),
    "CoombesByrne2D": (models.CoombesByrne, {}, (), True),
    "CoombesByrne": (models.CoombesByrne4D, {}, (), True),
    "LarterBreakspear": (models.LarterBreakspear, {}, (), True),
    "Epileptor": (models.Epileptor, {}, ("s",), True),  # s is read by no equation
    "Epileptor2D": (models.Epileptor2D, {}, (), True),
    "ZetterbergJansen": (models.ZetterbergJansen, {}, (), True),
    "GastSchmidtKnosche_SD": (models.GastSchmidtKnoscheSD, {}, (), True),
    "DumontGutkin": (models.DumontGutkin, {}, (), True),
    "ZerlautAdaptationFirstOrder": (models.Zerlaut, {}, ("S_i",), True),  # S_i is read by no equation
    "Linear": (models.Linear, {}, (), True),
    "SupHopf": (models.Hopf, {}, (), False),
    "Kuramoto": (models.Kuramoto, {}, (), True),
}
# Defaults that are ours rather than TVB's, or that the file leaves out because they are integers there.
BESIDES = {
    "Epileptor": {"Ks": 1.0},
    "Epileptor2D": {"Ks": 1.0},
    "ZerlautAdaptationFirstOrder": {"N_tot": 10_000.0, "K_ext_e": 400.0},
}


@pytest.mark.parametrize("name", AGAINST_TVB)
def test_derivatives_are_those_of_tvb(name):
    cls, scales, foreign, same_defaults = AGAINST_TVB[name]
    meta = META[name]
    ours = {key: value * scales.get(key, 1.0) for key, value in meta["params"].items() if key not in foreign}
    if same_defaults:
        # What TVB does not have does nothing by default.
        assert dict.fromkeys(cls.parameters(), 0.0) | ours | BESIDES.get(name, {}) == pytest.approx(
            {key: p.default for key, p in cls.parameters().items()}, rel=1e-12
        )
    model = cls(**ours)
    assert list(model.state_names()) == meta["states"]
    # TVB multiplies the input of this one model by the global gain, which is our coupling's.
    coupling = meta["params"].get("G", 1.0) * REFERENCE[f"{name}/coupling"][: len(cls.ports)]
    ours = np.asarray(model.drift(jnp.zeros(()), REFERENCE[f"{name}/state"], coupling))
    tvb = REFERENCE[f"{name}/derivative"]
    assert ours.shape == tvb.shape
    np.testing.assert_allclose(ours, tvb, rtol=1e-6, atol=1e-12 * np.abs(tvb).max())


def test_every_model_of_the_file_is_compared():
    assert set(AGAINST_TVB) == set(META)


@each
def test_drift_is_the_formula_at_other_parameters(name):
    values, y, c = example(name, n_regions=50, seed=1)
    model = MODELS[name]()
    expected = np.stack(FORMULAS[type(model)](named(model, values), y, c))
    np.testing.assert_allclose(
        compiled(name)(values, y, c), expected, rtol=1e-9, atol=1e-12 * np.abs(expected).max()
    )


# ------------------------ (b) every property, every model


def test_battery_has_every_exported_model():
    assert {type(make()) for make in MODELS.values()} == exported()


def test_files_longer_than_a_screen_are_named_in_the_docs():
    """docs/how-to/extending.md says which models have more than 60 lines, and why."""
    files = {Path(inspect.getfile(cls)) for cls in exported()}
    long = {
        path.stem.removeprefix("_") for path in files if path.read_text(encoding="utf-8").count("\n") > 60
    }
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "extending.md").read_text(encoding="utf-8")
    (paragraph,) = [text for text in page.split("\n\n") if "fewer than 60 lines" in text]
    assert set(re.findall(r"`(\w+)\.py`", paragraph)) == long
    assert len(long) < len(files) / 2


@each
def test_metadata_is_consistent(name):
    model = MODELS[name]()
    cls = type(model)
    names = [*model.state_names(), *cls.derived, *cls.driven]
    assert len(set(names)) == len(names) > 0
    assert not set(names) & set(cls.parameters())
    assert len(set(cls.ports)) == len(cls.ports) > 0
    assert 0 < len(cls.sends) <= len(cls.ports)
    assert not {*cls.sends, cls.observable} & {*cls.driven}
    assert set(cls.noisy) <= set(model.state_names())
    assert model.noisy_states() == (cls.noisy or model.state_names())
    y = jnp.asarray(example(name, n_regions=4)[1])
    c = jnp.zeros((len(cls.ports), 4))
    for variable in (*names, *cls.sends, cls.observable):
        assert model.variable(variable, y, c).shape == (4,)
    assert model.sent(cls.sends, y).shape == (len(cls.sends), 4)
    assert cls.category in ("phenomenological", "physiological", "network")
    assert cls.use_case
    assert cls.references
    assert cls.__doc__


@each
def test_units_are_readable(name):
    model = MODELS[name]()
    for unit in [p.unit for p in slots(model).values()] + list(model.variables().values()):
        parse(unit)


@each
def test_defaults_and_initial_states_lie_in_their_ranges(name):
    model = MODELS[name]()
    for path, p in slots(model).items():
        assert -np.inf < p.low < p.high < np.inf, p
        assert p.low <= p.default <= p.high, p
        assert p.doc, p
        assert p.low <= slot(model, path) <= p.high, p
    for state in model.states:
        assert state.low <= state.initial <= state.high, state
    for state, row in zip(model.states, model.initial(3), strict=True):
        np.testing.assert_allclose(row[:1] if state.spread else row, state.initial)


@each
def test_initial_state_is_no_fixed_point(name):
    """An oscillator started on its fixed point would stay there for ever."""
    model = MODELS[name]()
    assert np.abs(model.drift(jnp.zeros(()), model.initial(1), jnp.zeros((len(model.ports), 1)))).max() > 1e-6


@each
@pytest.mark.parametrize("n_regions", [1, 5])
def test_shape_of_the_drift(name, n_regions):
    values, y, c = example(name, n_regions)
    out = jax.eval_shape(functools.partial(drift, name), values, y, c)
    assert out.shape == y.shape
    scalars = jax.eval_shape(functools.partial(drift, name), values[:, 0], y, c)
    assert scalars.shape == y.shape
    assert out.dtype == scalars.dtype == jnp.float64


@each
def test_compiled_is_eager(name):
    values, y, c = example(name, n_regions=5)
    np.testing.assert_allclose(
        compiled(name)(values, y, c),
        drift(name, values, jnp.asarray(y), jnp.asarray(c)),
        rtol=1e-12,
        atol=1e-14,
    )


@pytest.mark.parametrize(
    "name", [name for name in MODELS if isinstance(MODELS[name](), AbstractRotatingModel)]
)
def test_drift_turns_with_states_and_input(name):
    values, y, c = example(name, n_regions=5)
    turn = np.array([[np.cos(0.7), -np.sin(0.7)], [np.sin(0.7), np.cos(0.7)]])
    np.testing.assert_allclose(
        compiled(name)(values, turn @ y, turn @ c), turn @ compiled(name)(values, y, c), rtol=1e-9, atol=1e-12
    )


@each
def test_vmap_over_states_is_a_loop(name):
    values, _, c = example(name, n_regions=5)
    batch = np.stack([example(name, n_regions=5, seed=seed)[1] for seed in range(3)])
    together = jax.vmap(compiled(name), in_axes=(None, 0, None))(values, batch, c)
    np.testing.assert_allclose(
        together, [compiled(name)(values, y, c) for y in batch], rtol=1e-12, atol=1e-14
    )


@each
def test_permuting_regions_permutes_the_drift(name):
    values, y, c = example(name, n_regions=5)
    order = np.array([3, 0, 4, 1, 2])
    np.testing.assert_allclose(
        compiled(name)(values[:, order], y[:, order], c[:, order]),
        np.asarray(compiled(name)(values, y, c))[:, order],
        rtol=1e-12,
        atol=1e-14,
    )


@each
def test_every_port_enters_the_drift(name):
    """A port that no equation reads would silently uncouple a network. Regions may saturate at some
    parameters, and below a threshold they are silent.
    """
    values, y, c = example(name, n_regions=50, seed=1)
    for port in range(len(c)):
        moved = c.copy()
        moved[port] += 0.1
        change = np.abs(np.asarray(compiled(name)(values, y, moved) - compiled(name)(values, y, c))).max(
            axis=0
        )
        assert np.mean(change > 1e-9) > 0.1


@each
def test_gradient_is_the_finite_difference(name):
    """With respect to every parameter, state and input, in every region."""
    arguments = example(name, n_regions=3, seed=2)
    _, analytic = gradients(name)(*arguments)
    weights = np.cos(np.arange(1.0, len(arguments[1]) + 1))
    low, high = bounds(name)
    ranges = [high[:, 0] - low[:, 0], np.ones(len(arguments[2]))]
    widths = np.concatenate(ranges)
    size = np.abs(np.asarray(compiled(name)(*arguments))).max()
    row = 0
    for which, argument in enumerate(arguments):
        for index in range(len(argument)):
            scale = np.maximum(np.abs(argument[index]), 1e-3 * widths[row])
            h = 1e-5 * scale

            def at(sign, which=which, index=index, h=h):
                moved = [a.copy() for a in arguments]
                moved[which][index] += sign * h
                return weights @ np.asarray(compiled(name)(*moved))

            numeric = (at(1) - at(-1)) / (2 * h)
            # Rounding of a difference quotient: an error of 1e-16 in the drift over a step of 1e-5 of the
            # scale.
            error = np.abs(analytic[which][index] - numeric)
            assert np.all(error <= 1e-5 * np.abs(numeric) + 1e-9 * size / scale), (
                which,
                index,
                error,
                numeric,
            )
            row += 1


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@each
def test_finite_everywhere_in_the_declared_ranges(name, dtype):
    """Drift and gradients, in both precisions: what overflows at a corner of a prior kills a chain."""
    n_ranges, n_ports = bounds(name).shape[1], len(MODELS[name]().ports)

    @given(st.lists(st.floats(0, 1, width=32), min_size=n_ranges + n_ports, max_size=n_ranges + n_ports))
    def check(numbers):
        cube = np.asarray(numbers)[:, None]
        values, y = place(name, cube[:n_ranges])
        with jax.enable_x64(dtype == "float64"):
            total, slopes = gradients(name)(
                *(jnp.asarray(a, dtype=dtype) for a in (values, y, 2 * cube[n_ranges:] - 1))
            )
        assert total.dtype == dtype
        assert np.isfinite(total)
        assert all(np.all(np.isfinite(slope)) for slope in slopes)

    check()


# Another spelling of every unit that occurs, and how many of it one canonical unit is worth.
OTHER = {
    "ms": ("second", 1e-3),
    "mV": ("volt", 1e-3),
    "kHz": ("Hz", 1e3),
    "nA": ("pA", 1e3),
    "1/ms": ("1/second", 1e3),
    "1/ms^2": ("1/second^2", 1e6),
    "rad/ms": ("radian/second", 1e3),
    "1/mV": ("1/volt", 1e3),
    "mV/ms": ("volt/second", 1.0),
    "kHz/nA": ("Hz/pA", 1.0),
    "nA/kHz": ("pA/Hz", 1.0),
    "nS": ("siemens", 1e-9),
    "pF": ("farad", 1e-12),
    "pA": ("nA", 1e-3),
}


@each
def test_quantities_in_other_units_give_the_same_drift(name):
    import brainunit as u

    model = MODELS[name]()
    values, y, c = example(name, n_regions=3, seed=3)
    given = {}
    for value, (path, p) in zip(values, slots(model).items(), strict=True):
        other, worth = OTHER.get(p.unit, (None, 1.0))
        assert other is not None or p.unit == "1", f"add {p.unit!r} to the table of this test"
        given[path] = value if other is None else u.Quantity(value * worth, unit=parse(other))
    made = {
        path: type(part)(**{key: given[path + key] for key in part.parameters()})
        for path, part in walk(model)
    }
    rescaled = np.stack([getattr(made[path], key) for path, part in walk(model) for key in part.parameters()])
    np.testing.assert_allclose(rescaled, values, rtol=1e-12)
    np.testing.assert_allclose(
        compiled(name)(rescaled, y, c), compiled(name)(values, y, c), rtol=1e-8, atol=1e-12
    )


def test_variable_that_does_not_exist_is_named():
    with pytest.raises(
        ValueError, match=r"JansenRit has no variable 'y9'; it has y0, y1, y2, y3, y4, y5, psp, rate"
    ):
        models.JansenRit().variable("y9", jnp.zeros((6, 1)))


# ------------------------ the firing rate at its 0/0 point


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_rate_at_threshold_and_far_from_it(dtype):
    a, b, d = (dtype(number) for number in (0.25, 0.125, 160.0))
    everything = jax.jit(
        jax.vmap(jax.value_and_grad(rate, argnums=(0, 1, 2, 3)), in_axes=(0, None, None, None))
    )
    value, (slope, *_) = everything(jnp.asarray([0.5], dtype), a, b, d)
    assert value.dtype == dtype
    np.testing.assert_allclose([value[0], slope[0]], [1 / 160, 0.125], rtol=1e-6)
    # Far below threshold there is silence, far above a straight line, and never an overflow.
    far = jnp.asarray([-1e6, -1e3, -100.0, -10.0, 10.0, 1e3], dtype)
    value, (slope, *others) = everything(far, a, b, d)
    np.testing.assert_allclose(value, np.maximum(0.25 * far - 0.125, 0.0), rtol=1e-6, atol=1e-30)
    np.testing.assert_allclose(slope, [0, 0, 0, 0, 0.25, 0.25], rtol=1e-6, atol=1e-30)
    assert np.all(np.isfinite(others))


def test_rate_is_smooth_across_threshold():
    """Series and formula meet at |d (a x - b)| = 1e-3: value, first and second derivative."""
    slope = jax.grad(rate)
    functions = [rate, slope, jax.grad(slope)]
    # With a = d = 1 and b = 0, z = x; H = 1 + z/2 + z²/12 + …
    around = jnp.asarray([-2e-3, -1.0001e-3, -0.9999e-3, -1e-6, 0.0, 1e-6, 0.9999e-3, 1.0001e-3, 2e-3])
    series = [1 + around / 2 + around**2 / 12, 0.5 + around / 6, 1 / 6 - around**2 / 60]
    for function, expected in zip(functions, series, strict=True):
        np.testing.assert_allclose(
            jax.jit(jax.vmap(lambda x, f=function: f(x, 1.0, 0.0, 1.0)))(around), expected, rtol=3e-9
        )


def test_literature_is_found_by_its_identifier():
    from nmm_infer.models._catalogue import model_classes
    from nmm_infer.models._dois import _DOIS, doi_of

    cited = {reference for cls in model_classes().values() for reference in cls().references}
    found = {reference: doi_of(reference) for reference in cited}
    assert all(re.fullmatch(r"10\.\d{4,9}/\S+", doi) for doi in found.values() if doi)
    assert set(found.values()) - {""} == set(_DOIS.values())  # none that nobody cites
    without = {reference for reference, doi in found.items() if not doi}
    assert {reference.split()[0] for reference in without} == {"Kaslik,", "MacDonald", "Zetterberg,"}
    assert doi_of("Jansen & Rit 1995, Biol Cybern 73:357") == "10.1007/BF00199471"
