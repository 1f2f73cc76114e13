"""Options are checked once, and a wrong one names itself and what would be right."""

from __future__ import annotations

import dataclasses

import pytest

from ttbench_core import DataFormat, MathFidelity, RunOptions, Trace
from ttbench_core.errors import OptionError


def test_spellings_of_the_original_script_become_values():
    options = RunOptions("bert", dataformat="Fp16_b", math_fidelity="HiFi3", trace="light")
    assert options.dataformat is DataFormat.FP16_B
    assert options.math_fidelity is MathFidelity.HIFI3
    assert options.trace is Trace.LIGHT


def test_a_value_equals_its_spelling_for_builders_that_compare_strings():
    assert DataFormat.BFP8_B == "Bfp8_b"
    assert str(DataFormat.BFP8_B) == "Bfp8_b"


@pytest.mark.parametrize("name", ["loop_count", "layers", "microbatch"])
def test_zero_means_not_requested_as_in_the_original(name):
    assert getattr(RunOptions("bert", **{name: 0}), name) is None


def test_only_the_block_formats_share_exponents():
    shared = {one.value for one in DataFormat if one.is_block_float}
    assert shared == {"Bfp8", "Bfp8_b", "Bfp4", "Bfp4_b"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dataformat": 8}, "unknown data format 8: one of Fp32"),
        ({"math_fidelity": "hifi2"}, "unknown math fidelity 'hifi2'.*did you mean 'HiFi2'"),
        ({"trace": "loud"}, "unknown trace 'loud': one of none, light, verbose"),
        ({"loop_count": -1}, "loop_count must be 1 to 1000000000, or 0 for the default, not -1"),
        (
            {"loop_count": 2.0},
            r"loop_count must be a whole number \(1 to 1000000000, or 0 for the default\), not 2.0",
        ),
        ({"loop_count": True}, "loop_count must be a whole number"),
        ({"backend_opt_level": 5}, "backend_opt_level must be 0 to 4, not 5"),
        ({"chips": -2}, "chips must be 0 to 1000000000"),
        ({"chips": None}, "chips must be a whole number, not None"),
        ({"passes": 0}, "passes must be 1 to 1000000000, not 0"),
        ({"microbatch": 10**20}, "microbatch must be 1 to 1000000000, or 0 for the default"),
        ({"seed": -1}, "seed must be 0 to 9223372036854775807"),
        ({"config": ""}, "config must be a name, not ''"),
        ({"model": ""}, "model must be a name"),
        ({"training": "yes"}, "training must be true or false"),
    ],
)
def test_a_wrong_value_is_refused_with_what_would_be_right(options, message):
    with pytest.raises(OptionError, match=message):
        RunOptions(**{"model": "bert", **options})


def test_options_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        RunOptions("bert").passes = 7


def test_the_record_gets_plain_values():
    asked = RunOptions("bert", dataformat="Fp32").as_requested()
    assert asked["dataformat"] == "Fp32"
    assert type(asked["dataformat"]) is str
    assert asked["loop_count"] is None
