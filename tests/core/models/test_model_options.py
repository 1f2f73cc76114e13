"""Keywords of a builder are options of its model: checked, recorded, compared and listed."""

from __future__ import annotations

import functools
import json
from enum import Enum
from typing import Literal

import pytest

import ttbench_core
from ttbench_core.errors import OptionError, UnsupportedOptionError
from ttbench_core.model import Builder
from ttbench_core.models.model_options import model_options_of, read_model_options
from ttbench_core.results.comparison.key import key_of

SOURCE = """
from typing import Literal
from ttbench_core import benchmark_model
from ttbench_fake_engine import ShapedTensor, echo

@benchmark_model(configs=["a", "b"])
def film(config, microbatch=2, num_frames: int = 8, order: Literal["tchw", "cthw"] = "tchw",
         causal=False, scale=1.0, name: str | None = None, hook=print):
    return [echo], [ShapedTensor(microbatch, num_frames)]
"""
QUICK = {"passes": 1, "warmup": 0, "backend": "fake", "progress": False}


class Kind(Enum):
    A = "a"
    B = "b"


def made(
    training=False,
    frames: int = 8,
    order: Literal["tchw", "cthw"] = "tchw",
    kind: Kind = Kind.A,
    scale=1.0,
    causal=False,
    name=None,
    shape=(1, 2),
    **rest,
):
    """A builder with an option of every type."""


BUILDER = Builder(made)


@pytest.fixture
def film(fake_engine, fake_pack):
    fake_pack("films", "[ttbench.models]\nfilm = films_mod:film\n", films_mod=SOURCE)


def run(**options):
    return ttbench_core.run("film", **{**QUICK, **options})


def read(**asked):
    return read_model_options(BUILDER, asked, "pack: made")


def test_parameters_that_are_none_of_ttbenchs_own_are_options_of_the_model():
    found = {one.name: one.kind for one in model_options_of(BUILDER)}
    assert found == {
        "frames": int,
        "order": str,
        "kind": Kind,
        "scale": float,
        "causal": bool,
        "name": str,
    }


def test_values_have_the_type_of_the_annotation_or_of_the_default():
    asked = {"frames": "16", "order": "cthw", "kind": "b", "scale": 2, "causal": "yes", "name": "x"}
    assert read(**asked) == {
        "frames": 16,
        "order": "cthw",
        "kind": Kind.B,
        "scale": 2.0,
        "causal": True,
        "name": "x",
    }


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        (
            {"frame": 8},
            UnsupportedOptionError,
            "made has no option 'frame'.*'frames'.*it has",
        ),
        ({"training": 1}, UnsupportedOptionError, "for training use -t/--training"),
        ({"frames": "many"}, OptionError, "-M frames must be a whole number, not 'many'"),
        ({"order": "tcwh"}, OptionError, r"unknown -M order 'tcwh': one of tchw, cthw"),
        ({"causal": 2}, OptionError, "-M causal must be true or false, not 2"),
        ({"scale": "nan"}, OptionError, "-M scale must be a finite number"),
        ({"shape": "3"}, UnsupportedOptionError, "has no option 'shape'"),
    ],
)
def test_a_wrong_option_is_refused_with_what_would_be_right(asked, error, message):
    with pytest.raises(error, match=message):
        read(**asked)


def test_a_model_without_options_says_so(fake_engine):
    with pytest.raises(UnsupportedOptionError, match="has no options of its own: leave out -M x"):
        ttbench_core.run("plain", model_options={"x": 1}, **QUICK)


def test_options_reach_the_builder_and_are_in_the_record(film):
    result = run(model_options={"num_frames": 16, "causal": False})
    assert result.model["inputs"][0]["shape"] == [2, 16]
    assert result.requested["model_options"] == {"num_frames": 16, "causal": False}
    assert result.args["model_options"] == {"num_frames": 16}
    assert result.model["options"] == {
        "num_frames": 16,
        "order": "tchw",
        "causal": False,
        "scale": 1.0,
        "name": None,
    }


def test_options_reach_a_process_of_its_own(film):
    result = run(model_options={"num_frames": 4}, env="X=1")
    assert result.model["inputs"][0]["shape"] == [2, 4]


def test_compare_holds_options_alike(film):
    plain, same, other = (
        run(model_options=one) for one in ({}, {"num_frames": 8}, {"num_frames": 16})
    )
    assert key_of(plain) == key_of(same)
    (difference,) = key_of(plain).differences(key_of(other))
    assert str(difference) == "model_options unset against num_frames=16"


@pytest.mark.torch
def test_the_command_line_takes_options_and_info_lists_them(film, ttbench):
    words = ["-m", "film", "--backend", "fake", "--passes", "1", "--warmup", "0", "--json"]
    record = json.loads(ttbench(*words, "-M", "num_frames=4", "-M", "causal").out)
    assert record["args"]["model_options"] == {"num_frames": 4, "causal": True}
    shown = ttbench("info", "film", "-M", "num_frames=32").out
    assert "-M num_frames=" in shown
    assert "{int}, by default 8" in shown
    assert "{tchw,cthw}, by default tchw" in shown
    assert "[2, 32]" in shown


@pytest.mark.torch
def test_info_names_no_default_where_there_is_none(film, ttbench):
    shown = ttbench("info", "film").out
    assert "-M name=" in shown
    assert "by default None" not in shown


def test_a_wrong_option_is_one_line_and_exit_code_2(film, ttbench):
    done = ttbench("-m", "film", "--backend", "fake", "-M", "num_frame=4")
    assert done.code == 2
    assert "has no option 'num_frame' (did you mean 'num_frames'" in done.complaint


# ----- annotations that cannot be read ---------------------------------------------------------


def partly_typed(
    weights_of: tensors.Tensor | None = None,  # noqa: F821 - as under TYPE_CHECKING
    frames: int | None = None,
    scale: numbers.Number = 1.0,  # noqa: F821
    hook: tensors.Hook = print,  # noqa: F821
):
    """A builder with names that only a type checker knows."""


def built_with(width, training=False, frames: int | None = None, kind: Kind = Kind.A):
    """A builder that a zoo completes."""


class Family:
    """Builds models when called, and by a method."""

    def __init__(self, width):
        self.width = width

    def __call__(self, frames: int | None = None, kind: Kind = Kind.A):
        """A builder."""

    def build(self, frames: int | None = None, kind: Kind = Kind.A):
        """A builder."""


def test_an_annotation_that_cannot_be_read_takes_no_other_type_away():
    found = {one.name: one.kind for one in model_options_of(Builder(partly_typed))}
    assert found == {"frames": int, "scale": float}


def test_an_option_whose_annotation_cannot_be_read_is_refused_with_the_reason():
    with pytest.raises(
        UnsupportedOptionError, match=r"-M weights_of cannot be given: .*'tensors\."
    ):
        read_model_options(Builder(partly_typed), {"weights_of": "x"}, "pack: made")


@pytest.mark.parametrize(
    "function",
    [
        functools.partial(built_with, 4),
        functools.partial(functools.partial(built_with), 4),
        functools.wraps(built_with)(functools.partial(built_with, 4)),
        Family(4),
        Family(4).build,
    ],
    ids=["partial", "nested", "wrapped", "instance", "method"],
)
def test_types_are_known_of_whatever_can_be_called(function):
    found = {one.name: one.kind for one in model_options_of(Builder(function))}
    assert found.items() >= {"frames": int, "kind": Kind}.items()
    read = read_model_options(Builder(function), {"frames": "4", "kind": "b"}, "zoo")
    assert read == {"frames": 4, "kind": Kind.B}
