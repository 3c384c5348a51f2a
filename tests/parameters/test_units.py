"""Quantities become numbers at the boundary, and every error says what was wanted."""

import subprocess
import sys

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmm_infer.units import UnitError, factor, is_quantity, milliseconds, parse, text, to_canonical


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("mV", u.mV),
        ("mV/ms", u.mV / u.ms),
        ("1/mV", (1 / u.mV).unit),
        ("kHz/nA", u.kHz / u.nA),
        ("mm/ms", u.mm / u.ms),
        ("m/s", u.meter / u.second),
        ("mV * ms^-1", u.mV / u.ms),
        ("mV / (mm * ms)", u.mV / (u.mm * u.ms)),
        ("ms^2", u.ms * u.ms),
        ("rad/ms", u.kHz),
        ("1", u.UNITLESS),
    ],
)
def test_parse(name, unit):
    assert parse(name) == unit


@pytest.mark.parametrize("name", ["furlong", "", "sin", "mV^x", "mV/", "ms ms"])
def test_parse_names_what_it_cannot_read(name):
    with pytest.raises(UnitError, match=r"unknown unit .* use names of brainunit"):
        parse(name)


@pytest.mark.parametrize(
    "unit",
    [
        u.mV,
        u.volt,
        u.second,
        u.meter / u.second,
        u.mm / u.ms,
        1 / u.mV,
        u.kHz / u.nA,
        u.mV / (u.mm * u.ms),
        u.minute,
        u.ms**2,
        u.UNITLESS,
        "kHz/nA",
    ],
)
def test_text_of_a_unit_is_read_back(unit):
    again = parse(text(unit))
    quantity = 1.0 * (parse(unit) if isinstance(unit, str) else unit)
    assert quantity.dim == again.dim
    np.testing.assert_allclose(quantity.to_decimal(again), 1.0, rtol=1e-12)


@pytest.mark.parametrize("wrong", [1000 * u.Hz, 3.0, np.ones(2) * u.ms])
def test_text_refuses_what_is_no_unit(wrong):
    with pytest.raises(UnitError, match="expected a unit such as"):
        text(wrong)


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (6 * u.mV, "mV", 6.0),
        (0.006 * u.volt, "mV", 6.0),
        (220 * u.Hz, "kHz", 0.22),
        (0.1 * u.second, "ms", 100.0),
        (u.second, "ms", 1000.0),
        (560 / u.volt, "1/mV", 0.56),
        (10 * u.meter / u.second, "mm/ms", 10.0),
        (np.array([1.0, 2.0]) * u.second, "ms", [1000.0, 2000.0]),
        (5 * u.mV / u.volt, "1", 0.005),
        (270 * u.Hz / u.nA, "kHz/nA", 0.27),
        (7.5, "mV", 7.5),
        ([1, 2], "mV", [1, 2]),
    ],
)
def test_to_canonical(value, unit, expected):
    np.testing.assert_allclose(to_canonical(value, unit, "slot"), expected, rtol=1e-12)


@given(st.floats(1e-6, 1e6))
def test_conversion_there_and_back(number):
    seconds = to_canonical(number * u.ms, "s", "slot")
    np.testing.assert_allclose(to_canonical(float(seconds) * u.second, "ms", "slot"), number, rtol=1e-12)


def test_wrong_dimension_says_got_and_wanted():
    with pytest.raises(
        UnitError,
        match=(
            r"JansenRit\(v0=\.\.\.\) got a quantity in ms, expected a quantity convertible to mV; a bare"
            r" number is read in mV"
        ),
    ):
        to_canonical(6 * u.ms, "mV", "JansenRit(v0=...)")
    with pytest.raises(UnitError, match=r"G got a quantity in mV, expected a dimensionless number"):
        to_canonical(6 * u.mV, "1", "G")


def test_conversion_is_traceable():
    convert = jax.jit(lambda x: to_canonical(x * u.second, "ms", "slot"))
    np.testing.assert_allclose(convert(2.0), 2000.0)
    np.testing.assert_allclose(jax.grad(convert)(2.0), 1000.0)


def test_is_quantity():
    assert is_quantity(6 * u.mV)
    assert is_quantity(u.mV)
    assert is_quantity(jnp.ones(2) * u.mV)
    assert not any(is_quantity(value) for value in (6.0, np.ones(2), jnp.ones(2), "mV", None))


@pytest.mark.parametrize(
    ("unit", "canonical", "expected"),
    [(u.Hz, "kHz", 1e-3), ("Hz", "kHz", 1e-3), (u.second, "ms", 1e3), (1 / u.volt, "1/mV", 1e-3)],
)
def test_factor(unit, canonical, expected):
    np.testing.assert_allclose(factor(unit, canonical, "slot"), expected, rtol=1e-12)


def test_factor_of_another_dimension_is_an_error():
    with pytest.raises(UnitError, match="slot got a quantity in mV, expected a quantity convertible to kHz"):
        factor(u.mV, "kHz", "slot")


def test_milliseconds():
    assert milliseconds(2 * u.second, "duration") == 2000.0
    assert milliseconds(500, "duration") == 500.0
    for wrong in (0, -1, np.nan, np.inf, -2 * u.ms):
        with pytest.raises(ValueError, match="duration must be a positive time"):
            milliseconds(wrong, "duration")
    with pytest.raises(
        UnitError, match="duration got a quantity in mV, expected a quantity convertible to ms"
    ):
        milliseconds(2 * u.mV, "duration")


def test_plain_numbers_never_load_brainunit():
    """It costs more than a second."""
    program = (
        "import sys, nmm_infer._networks._network, nmm_infer.models as m; m.JansenRit(mu=0.1); "
        "assert 'brainunit' not in sys.modules and 'saiunit' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
