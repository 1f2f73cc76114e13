"""Lists and ranges as text."""

from __future__ import annotations

import pytest

from ttbench_core.errors import OptionError
from ttbench_core.sweeps.definition.ranges import integers, split_list


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("8", (8,)),
        ("1,8,32", (1, 8, 32)),
        ("1..64 x2", (1, 2, 4, 8, 16, 32, 64)),
        ("1..60x2", (1, 2, 4, 8, 16, 32)),
        ("3..100 x3", (3, 9, 27, 81)),
        ("1..9 +2", (1, 3, 5, 7, 9)),
        ("0..4 +2", (0, 2, 4)),
        ("1..4", (1, 2, 3, 4)),
        ("1, 4..16 x2, 100", (1, 4, 8, 16, 100)),
    ],
)
def test_a_range_has_its_values(text, values):
    assert integers(text) == values


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "empty value"),
        ("1,,2", "empty value"),
        ("many", "no number and no range"),
        ("1..64 *2", "no number and no range"),
        ("8..1", "ends before it begins"),
        ("0..8 x2", "never ends"),
        ("1..8 x1", "never ends"),
        ("1..8 +0", "never ends"),
        ("1..1000000000000", "at most 10,000"),
        ("1..9000,1..9000", "at most 10,000"),
    ],
)
def test_a_range_that_cannot_be_is_refused_without_being_made(text, complaint):
    with pytest.raises(OptionError, match=complaint):
        integers(text)


def test_a_comma_after_a_backslash_is_part_of_a_value():
    assert split_list(r"a\,b, c") == ("a,b", "c")
