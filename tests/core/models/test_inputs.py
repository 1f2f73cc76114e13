"""The structure of inputs: what is in them, in which order, and what stays when they are mapped."""

from __future__ import annotations

import itertools
from collections import OrderedDict, UserDict
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttbench_core import StagedModel, Stages
from ttbench_core.models.counting import microbatch_of, sizes_of
from ttbench_core.models.inputs import (
    INPUT_KINDS,
    call_with,
    input_kinds,
    input_records,
    is_flat,
    is_tensor,
    map_tensors,
    named_leaves,
    tensor_mapper,
)


class Pair(NamedTuple):
    key: Any
    value: Any


class Tensor:
    def __init__(self, *shape, dtype="torch.float32"):
        self.shape, self.dtype = shape, dtype


class Scalar(float):
    """A Python number with a shape, such as `numpy.float64`."""

    shape, dtype = (), "float64"


tensors = st.builds(Tensor, st.integers(1, 9), st.integers(1, 9))
leaves = tensors | st.builds(Tensor) | st.integers() | st.floats() | st.booleans() | st.none()
names = st.text("abc", min_size=1, max_size=3)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.tuples(inner, inner).map(lambda both: Pair(*both))
        | st.dictionaries(names, inner, max_size=3)
    ),
    max_leaves=8,
)
inputs_of_any_kind = st.lists(values, min_size=1, max_size=4) | st.dictionaries(
    names, values, min_size=1, max_size=4
)


def model(inputs, **declared):
    return StagedModel(Stages(device=len), inputs, **declared)


def at(inputs, name):
    """Follow a name such as `past.0` through containers."""
    for step in name.split("."):
        inputs = inputs[step] if isinstance(inputs, dict) else inputs[int(step)]
    return inputs


@given(inputs_of_any_kind)
def test_a_name_leads_to_its_value(inputs):
    for name, value in named_leaves(inputs):
        assert at(inputs, name) is value


@given(inputs_of_any_kind)
def test_mapping_visits_every_tensor_once_in_the_order_of_the_names(inputs):
    seen = []
    map_tensors(seen.append, inputs)
    expected = [value for _, value in named_leaves(inputs) if is_tensor(value)]
    assert list(map(id, seen)) == list(map(id, expected))


@given(inputs_of_any_kind)
def test_mapping_changes_tensors_and_nothing_else(inputs):
    numbers = itertools.count()
    mapped = map_tensors(lambda _: next(numbers), inputs)
    assert type(mapped) is type(inputs)
    before, after = list(named_leaves(inputs)), list(named_leaves(mapped))
    assert [name for name, _ in after] == [name for name, _ in before]
    kept = [(old, new) for (_, old), (_, new) in zip(before, after, strict=True)]
    assert all(new is old for old, new in kept if not is_tensor(old))
    changed = [new for old, new in kept if is_tensor(old)]
    assert changed == list(range(len(changed)))


@given(inputs_of_any_kind)
def test_a_mapper_made_beforehand_does_the_same(inputs):
    mapped = tensor_mapper(id, inputs)(inputs)
    assert list(named_leaves(mapped)) == list(named_leaves(map_tensors(id, inputs)))


@given(inputs_of_any_kind)
def test_every_model_has_known_kinds_of_inputs(inputs):
    assert input_kinds(model(inputs, microbatch=3)) <= INPUT_KINDS


@given(inputs_of_any_kind)
def test_a_record_says_name_shape_and_type_of_every_value(inputs):
    records = input_records(inputs)
    assert len(records) == len(list(named_leaves(inputs)))
    assert all(isinstance(one["dtype"], str) for one in records)
    assert all(("name" in one) != is_flat(inputs) for one in records)
    assert isinstance(sizes_of(records, None), dict)


def test_named_tuples_keep_their_type_and_mappings_become_dicts():
    mapped = map_tensors(lambda _: 0, [Pair(Tensor(1), 2), UserDict(a=Tensor(1))])
    assert mapped == [Pair(0, 2), {"a": 0}]
    assert type(mapped[0]) is Pair
    assert type(mapped[1]) is dict


def test_a_sequence_is_passed_by_position_and_a_mapping_by_name():
    def module(*args, **named):
        return args, named

    assert call_with(module, [1, 2]) == ((1, 2), {})
    assert call_with(module, UserDict(a=1)) == ((), {"a": 1})


@pytest.mark.parametrize(
    ("inputs", "declared", "kinds"),
    [
        ([Tensor(2, 3), Tensor(2)], {}, {"tensors"}),
        ([Tensor(2, 3)], {"microbatch": 2}, {"tensors"}),
        ([Tensor(5, 2, 3)], {"microbatch": 2}, {"tensors", "unbatched"}),
        ({"ids": Tensor(2, 3)}, {}, {"tensors", "named"}),
        (OrderedDict(ids=Tensor(2)), {}, {"tensors", "named"}),
        ([Tensor(2), [Tensor(2)]], {}, {"tensors", "nested"}),
        ({"past": (Tensor(2), Tensor(2))}, {}, {"tensors", "named", "nested"}),
        ([Tensor(2), Tensor()], {}, {"tensors", "numbers"}),
        ([Tensor(2), 3.5], {}, {"tensors", "numbers"}),
        ({"ids": Tensor(2), "mask": None}, {}, {"tensors", "named", "numbers"}),
        ([7], {"microbatch": 1}, {"numbers"}),
    ],
)
def test_the_kinds_of_inputs_are_what_a_backend_must_take(inputs, declared, kinds):
    assert input_kinds(model(inputs, **declared)) == kinds


def test_a_model_that_declares_no_microbatch_has_that_of_its_first_tensor_with_dimensions():
    assert microbatch_of(model([2.5, Tensor(), [Tensor(6, 1)]])) == 6
    assert microbatch_of(model([Tensor(6, 1)], microbatch=3)) == 3

    class Bare:
        inputs = (Tensor(4, 1),)

    assert microbatch_of(Bare()) == 4


def test_values_that_are_not_a_plain_sequence_of_tensors_are_recorded_with_their_names():
    ids = Tensor(2, 5, dtype="torch.int64")
    assert input_records([ids, Tensor()]) == [
        {"shape": [2, 5], "dtype": "int64"},
        {"shape": [], "dtype": "float32"},
    ]
    named = {"input_ids": ids, "past": [Pair(Tensor(2), 1)], "scale": Scalar(0.5), "mask": None}
    assert input_records({**named, "causal": True}) == [
        {"name": "input_ids", "shape": [2, 5], "dtype": "int64"},
        {"name": "past.0.0", "shape": [2], "dtype": "float32"},
        {"name": "past.0.1", "shape": [], "dtype": "int"},
        {"name": "scale", "shape": [], "dtype": "float"},
        {"name": "mask", "shape": [], "dtype": "none"},
        {"name": "causal", "shape": [], "dtype": "bool"},
    ]
