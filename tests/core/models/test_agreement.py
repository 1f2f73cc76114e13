"""Comparing outputs with the reference's: what each figure says, and what counts as wrong."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from ttbench_core.models.reference import agreement as module  # noqa: E402
from ttbench_core.models.reference.agreement import agreement  # noqa: E402

INF, NAN = math.inf, math.nan


def tensor(*values, dtype=torch.float32):
    return torch.tensor(values, dtype=dtype)


def compared(output, expected):
    (one,) = agreement([output], [expected]).outputs
    return one


@st.composite
def varied(draw, size):
    numbers = st.floats(-1000, 1000, width=32, allow_subnormal=False)
    values = draw(st.lists(numbers, min_size=size, max_size=size))
    assume(max(values) - min(values) > 1e-2 * max(map(abs, values)))
    assume(max(map(abs, values)) > 1e-3)
    return tensor(*values, dtype=torch.float64)


@st.composite
def two_varied(draw):
    size = draw(st.integers(3, 40))
    return draw(varied(size)), draw(varied(size))


@given(two_varied())
def test_identical_outputs_correlate_fully_and_differ_in_nothing(pair):
    one = compared(pair[0], pair[0].clone())
    assert one.pcc == pytest.approx(1)
    differences = (one.max_abs_difference, one.max_relative_difference, one.relative_l2)
    assert differences == (0, 0, 0)


@given(two_varied())
def test_pcc_is_pearsons_correlation(pair):
    expected = torch.corrcoef(torch.stack(pair))[0, 1].item()
    assert compared(*pair).pcc == pytest.approx(expected, abs=1e-9)


@given(two_varied())
def test_pcc_is_the_same_both_ways(pair):
    a, b = pair
    assert compared(a, b).pcc == pytest.approx(compared(b, a).pcc, abs=1e-12)


@given(two_varied(), st.floats(0.1, 10), st.floats(-5, 5))
def test_pcc_ignores_scale_and_offset(pair, scale, offset):
    a, b = pair
    moved = scale * a + offset
    assume(float(moved.max() - moved.min()) > 1e-2 * float(moved.abs().max()))
    assert compared(moved, b).pcc == pytest.approx(compared(a, b).pcc, abs=1e-9)


@given(two_varied(), st.floats(0.1, 10))
def test_relative_l2_is_how_far_a_scale_is_off(pair, scale):
    b = pair[0]
    assert compared(scale * b, b).relative_l2 == pytest.approx(abs(scale - 1), abs=1e-9)


def test_the_figures_of_a_worked_example():
    one = compared(tensor(1.0, 2.0, 4.0), tensor(1.0, 2.0, 3.0))
    assert one.pcc == pytest.approx(0.98198, abs=1e-5)
    assert one.max_abs_difference == 1
    assert one.max_relative_difference == pytest.approx(1 / 3)
    assert one.relative_l2 == pytest.approx(1 / math.sqrt(14))
    assert one.fault is None


def test_a_relative_difference_is_taken_of_a_thousandth_of_the_rms_at_least():
    one = compared(tensor(0.001, 1.0), tensor(0.0, 1.0))
    assert one.max_relative_difference == pytest.approx(0.001 / (math.sqrt(0.5) / 1000))


def test_the_threshold_decides():
    one = agreement([tensor(1.0, 2.0, 4.0)], [tensor(1.0, 2.0, 3.0)])
    assert one.passes(0.98)
    assert not one.passes(0.99)


def test_equal_constants_correlate_fully():
    assert compared(torch.full((4,), 0.1), torch.full((4,), 0.1)).pcc == 1
    assert compared(torch.zeros(4), torch.zeros(4)).pcc == 1


@pytest.mark.parametrize(("value", "right"), [(1.004, True), (1.5, False)])
def test_where_the_reference_is_constant_relative_l2_decides(value, right):
    one = agreement([torch.full((4,), value)], [torch.ones(4)])
    assert one.pcc is None
    assert one.fault is None
    assert one.passes(0.99) is right


def test_a_single_value_is_judged_by_relative_l2():
    assert agreement([tensor(2.01)], [tensor(2.0)]).passes(0.99)
    assert not agreement([tensor(3.0)], [tensor(2.0)]).passes(0.99)


def test_a_constant_output_of_a_varying_reference_is_wrong_however_close_it_is():
    one = agreement([torch.full((3,), 0.5)], [tensor(0.49, 0.5, 0.51)])
    assert one.fault == "output 0: it is constant, and the reference is not"
    assert not one.passes(-1)


def test_a_reference_of_zeros_has_no_relative_figures():
    one = agreement([tensor(0.0, 1.0)], [torch.zeros(2)])
    assert (one.relative_l2, one.max_relative_difference) == (None, None)
    assert one.max_abs_difference == 1
    assert not one.passes(0.5)


@pytest.mark.parametrize("broken", [NAN, INF, -INF])
def test_a_value_that_is_not_finite_is_a_fault(broken):
    one = agreement([tensor(1.0, broken, 3.0, broken)], [tensor(1.0, 2.0, 3.0, 4.0)])
    assert one.fault == "output 0: 2 of 4 values are not finite"
    assert one.pcc is None
    assert not one.passes(-1)


def test_values_not_finite_in_the_same_way_in_both_are_left_out():
    one = compared(tensor(1.0, -INF, 3.0, NAN), tensor(1.0, -INF, 3.0, NAN))
    assert one.fault is None
    assert one.pcc == pytest.approx(1)


def test_a_different_infinity_is_a_fault():
    assert compared(tensor(1.0, INF), tensor(1.0, -INF)).fault == "1 of 2 values are not finite"


def test_a_finite_value_where_the_references_is_not_is_a_fault():
    fault = compared(tensor(1.0, 2.0), tensor(1.0, INF)).fault
    assert fault == "1 of 2 values are finite where the reference's are not"


def test_a_different_number_of_outputs_is_a_fault_without_figures():
    one = agreement([torch.ones(2)], [torch.ones(2)] * 2)
    assert one.fault == "1 outputs, and the reference has 2"
    assert one.outputs == ()
    assert not one.passes(-1)


def test_a_different_shape_is_a_fault_without_figures():
    one = agreement([torch.ones(2, 3)], [torch.ones(3, 2)])
    assert one.fault == "output 0: shape [2, 3], and the reference's [3, 2]"
    assert one.relative_l2 is None


@pytest.mark.parametrize("dtype", [torch.int64, torch.int8, torch.bool, torch.bfloat16])
def test_other_dtypes_are_compared_as_numbers(dtype):
    values = torch.tensor([0, 1, 1, 0, 1])
    assert compared(values.to(dtype), values.float()).pcc == pytest.approx(1)


def test_a_complex_number_counts_as_two():
    output, expected = torch.tensor([1 + 2j, 3 - 1j]), torch.tensor([1 + 2j, 3 + 0j])
    one = compared(output, expected)
    assert one.max_abs_difference == 1


def test_the_agreement_of_a_model_is_that_of_its_worst_output():
    expected = [tensor(1.0, 2.0, 3.0), tensor(10.0, 20.0, 30.0)]
    one = agreement([tensor(1.0, 2.0, 4.0), expected[1] + 0.5], expected)
    assert one.pcc == one.outputs[0].pcc < one.outputs[1].pcc
    assert one.max_abs_difference == 1
    assert one.relative_l2 == one.outputs[0].relative_l2 > one.outputs[1].relative_l2
    assert one.max_relative_difference == pytest.approx(1 / 3)


def test_a_fault_of_one_output_leaves_the_model_without_a_pcc():
    expected = [tensor(1.0, 2.0), tensor(1.0, 2.0)]
    one = agreement([expected[0], tensor(1.0, NAN)], expected)
    assert one.pcc is None
    assert one.outputs[0].pcc == pytest.approx(1)
    assert one.fault == "output 1: 1 of 2 values are not finite"


def test_outputs_without_values_agree():
    one = agreement([torch.ones(0, 3)], [torch.ones(0, 3)])
    assert one.passes(1)
    assert one.max_relative_difference == 0


def test_chunks_add_up_to_the_whole(monkeypatch):
    a, b = torch.rand(5, 20, dtype=torch.float64), torch.rand(5, 20, dtype=torch.float64)
    whole = compared(a, b)
    monkeypatch.setattr(module, "_CHUNK", 7)
    in_parts = compared(a, b)
    assert in_parts.pcc == pytest.approx(whole.pcc)
    assert in_parts.relative_l2 == pytest.approx(whole.relative_l2)
    assert in_parts.max_relative_difference == pytest.approx(whole.max_relative_difference)


def test_values_too_large_to_square_in_float64_are_a_fault():
    huge = tensor(1e200, 2e200, 4e200, dtype=torch.float64)
    one = compared(huge, huge.flip(0))
    assert one.fault == "float64 does not hold the squares of its values"
    assert one.relative_l2 is None


@pytest.mark.parametrize("output", [tensor(1.0, 2.0), tensor(NAN, 1.0), torch.zeros(2)])
def test_a_record_is_plain_json_without_nan(output):
    record = agreement([output], [torch.tensor([0.0, 1.0])]).to_record()
    again = json.loads(json.dumps(record, allow_nan=False))
    assert set(again) == {*again["outputs"][0], "outputs"}
