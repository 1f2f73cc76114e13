"""A declared option reads values and their texts, and refuses what it cannot be in one line."""

from __future__ import annotations

import fractions
from enum import Enum

import pytest

from ttbench_core.errors import OptionError
from ttbench_core.request.declared_options import DeclaredOption
from ttbench_core.request.named_values import check_named_values


class Lanes(Enum):
    ONE = 1
    FOUR = 4


class Mixed(Enum):
    TEXT = "4"
    NUMBER = 4


def option(kind, default=None, **more):
    choices = tuple(kind) if issubclass(kind, Enum) else ()
    return DeclaredOption("x", kind, default, "", choices=choices, **more)


@pytest.mark.parametrize("given", ["4", 4, 4.0, Lanes.FOUR])
def test_a_member_of_an_enumeration_of_numbers_is_read_from_its_number_or_the_text_of_it(given):
    assert option(Lanes).read(given) is Lanes.FOUR


def test_the_member_that_has_the_very_value_is_preferred_to_one_that_is_typed_like_it():
    assert option(Mixed).read("4") is Mixed.TEXT
    assert option(Mixed).read(4) is Mixed.NUMBER


@pytest.mark.parametrize("given", [True, "True", "2", 2])
def test_a_boolean_is_not_the_member_of_value_1(given):
    with pytest.raises(OptionError, match="unknown -B x .*: one of 1, 4"):
        option(Lanes).read(given)


@pytest.mark.parametrize("given", ["1e999", "inf", "-inf", "nan", float("inf"), 10**400])
def test_a_number_that_is_not_finite_is_refused(given):
    with pytest.raises(OptionError, match="-B x must be a finite number"):
        option(float).read(given)
    with pytest.raises(OptionError, match="-B x must be (a finite number|0 or more)"):
        option(float, minimum=0).read(given)


@pytest.mark.parametrize("given", [2**63, -(2**63), str(2**63), 10**400])
def test_a_whole_number_that_records_have_no_room_for_is_refused(given):
    with pytest.raises(OptionError, match="-B x must be -9223372036854775807 to 9223372036854775"):
        option(int).read(given)


@pytest.mark.parametrize("kind", [bool, str, Lanes])
def test_a_huge_number_is_refused_in_one_line_by_options_of_every_type(kind):
    with pytest.raises(OptionError, match="-B x must be"):
        option(kind).read(10**5000)


def test_the_largest_whole_numbers_are_read():
    assert option(int).read(str(2**63 - 1)) == 2**63 - 1
    assert option(float).read(10**300) == 1e300


@pytest.mark.parametrize(
    ("kind", "name", "number", "expected"),
    [
        (int, "int64", 4, 4),
        (float, "float32", 0.5, 0.5),
        (float, "float64", 0.5, 0.5),
        (float, "int32", 2, 2.0),
        (Lanes, "int64", 4, Lanes.FOUR),
    ],
)
def test_numbers_of_numpy_are_read_as_pythons_own(kind, name, number, expected):
    numpy = pytest.importorskip("numpy")
    given = getattr(numpy, name)(number)
    (plain,) = check_named_values("engine_options", {"x": given}).values()
    assert type(plain) in (int, float)
    for value in (given, plain):
        read = option(kind).read(value)
        assert read == expected
        assert type(read) is type(expected)


def test_any_real_number_is_read_as_pythons_own():
    (plain,) = check_named_values("engine_options", {"x": fractions.Fraction(1, 2)}).values()
    assert option(float).read(plain) == 0.5
