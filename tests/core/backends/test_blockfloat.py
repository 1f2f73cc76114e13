"""Block floating point, against values worked out by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttbench_core import DataFormat

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from ttbench_core.backends.torch.blockfloat import block_format, quantise  # noqa: E402

BFP8_B = block_format(DataFormat.BFP8_B)
BFP4_B = block_format(DataFormat.BFP4_B)
BFP8 = block_format(DataFormat.BFP8)
BFP4 = block_format(DataFormat.BFP4)


def quantised(values, layout):
    return quantise(torch.tensor(values, dtype=torch.float32), layout).tolist()


# In a block whose largest element is in [1, 2) the shared exponent is 0. A Bfp8
# magnitude counts steps of 2**-6 up to 127, a Bfp4 magnitude steps of 2**-2 up to 7.


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1.0, 1.0),
        (1.5, 1.5),
        (-1.5, -1.5),
        (0.015625, 0.015625),  # one step
        (0.0078125, 0.0),  # half a step: tie, to even 0
        (0.0234375, 0.03125),  # one and a half steps: tie, to even 2
        (0.0390625, 0.03125),  # two and a half steps: tie, to even 2
        (0.01, 0.015625),  # 0.64 steps
        (0.005, 0.0),  # 0.32 steps
        (1.99, 1.984375),  # 127.36 steps: 127
        (1.999, 1.984375),  # 127.94 steps would round to 128: stays at 127
        (-1.999, -1.984375),
    ],
)
def test_bfp8_keeps_seven_bits_below_the_shared_exponent(value, expected):
    assert quantised([1.0, value], BFP8_B)[1] == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1.0, 1.0),
        (1.25, 1.25),
        (0.3, 0.25),
        (0.125, 0.0),  # tie to even 0
        (0.375, 0.5),  # tie to even 2
        (0.625, 0.5),  # tie to even 2
        (0.126, 0.25),
        (-0.7, -0.75),
        (1.9, 1.75),  # 7.6 steps would round to 8: stays at 7
    ],
)
def test_bfp4_keeps_three_bits_below_the_shared_exponent(value, expected):
    assert quantised([1.0, value], BFP4_B)[1] == expected


def test_the_largest_of_sixteen_sets_the_exponent_of_all():
    # 8.0 shares exponent 3: a Bfp4 step is 2; 1.0 is half a step, a tie to even 0
    assert quantised([8.0, 1.0, 3.0, 5.0], BFP4_B) == [8.0, 0.0, 4.0, 4.0]


def test_blocks_are_sixteen_neighbours_of_a_row():
    row = [100.0] + [0.0] * 15 + [1.0] + [0.3] * 15
    row_quantised = quantised(row, BFP4_B)
    assert row_quantised[:16] == [96.0] + [0.0] * 15  # step 16: 6.25 steps
    assert row_quantised[16:] == [1.0] + [0.25] * 15


def test_rows_share_no_exponent():
    assert quantised([[100.0, 0.3], [1.0, 0.3]], BFP4_B) == [[96.0, 0.0], [1.0, 0.25]]


def test_a_row_that_is_no_multiple_of_sixteen_is_padded():
    wide = quantise(torch.full((3, 21), 0.3), BFP4_B)
    assert wide.shape == (3, 21)
    assert wide.unique().tolist() == pytest.approx([0.3125])


def test_elements_are_shifted_within_24_bits_before_they_are_rounded():
    # half a step of 2**-6 plus 2**-30: the last bit is shifted out, which leaves a tie
    almost = 2.0**-7 + 2.0**-30
    assert quantised([1.0, almost], BFP8_B)[1] == 0.0
    # plus 2**-23 it stays in, and is rounded up
    assert quantised([1.0, 2.0**-7 + 2.0**-23], BFP8_B)[1] == 2.0**-6


def test_a_5_bit_exponent_has_the_range_of_float16():
    # largest shared exponent 16: values up to 127 x 2**10, all larger ones stay there
    assert quantised([1e9], BFP8) == [127 * 2.0**10]
    assert quantised([1e9], BFP8_B) == [pytest.approx(1e9, rel=0.01)]
    # smallest shared exponent -15: steps of 2**-21
    assert quantised([2.0**-21], BFP8) == [2.0**-21]
    assert quantised([2.0**-30], BFP8) == [0.0]
    assert quantised([2.0**-30], BFP8_B) == [2.0**-30]


@pytest.mark.parametrize("layout", [BFP8, BFP8_B, BFP4, BFP4_B])
def test_zeros_and_shapes_are_preserved(layout):
    for shape in [(0,), (1,), (16,), (2, 3, 5), (4, 0), ()]:
        zeros = quantise(torch.zeros(shape), layout)
        assert zeros.shape == shape
        assert not zeros.any()


INF, NAN = math.inf, math.nan


@pytest.mark.parametrize("layout", [BFP8_B, BFP4_B])
@pytest.mark.parametrize("value", [INF, -INF, NAN])
def test_with_an_8_bit_exponent_infinity_and_nan_stay_and_erase_their_block(layout, value):
    # the block has the exponent of infinity, 128: 1.0 is shifted right by 128 bits
    row = quantised([value, 1.0, -1e30] + [0.0] * 13 + [1.0], layout)
    assert str(row[0]) == str(value)
    assert row[1:] == [0.0] * 15 + [1.0]


def test_with_an_8_bit_exponent_numbers_next_to_infinity_keep_what_its_exponent_leaves():
    # a step of Bfp8 at exponent 128 is 2**122; 2**128 less a little rounds to infinity
    largest = torch.finfo(torch.float32).max
    assert quantised([INF, 2.0**127, 2.0**122, 2.0**121, largest], BFP8_B) == [
        *(INF, 2.0**127, 2.0**122, 0.0),
        INF,
    ]


@pytest.mark.parametrize(("layout", "largest"), [(BFP8, 127 * 2.0**10), (BFP4, 7 * 2.0**14)])
@pytest.mark.parametrize("value", [INF, -INF, NAN])
def test_with_a_5_bit_exponent_infinity_and_nan_become_the_largest_value(layout, largest, value):
    row = quantised([value, 1.0, 2.0**16], layout)
    assert row == [-largest if value == -INF else largest, 0.0, 2.0**16]


def test_a_finite_block_is_as_it_was_beside_one_with_infinity():
    assert quantised([[INF, 1.0], [1.0, 0.3]], BFP4_B)[1] == [1.0, 0.25]


values = st.lists(st.floats(-1e4, 1e4, width=32), min_size=1, max_size=40)


@given(values)
def test_quantising_twice_is_the_same_as_once(numbers):
    once = quantise(torch.tensor(numbers), BFP8_B)
    assert torch.equal(quantise(once, BFP8_B), once)


@given(values)
def test_no_element_is_off_by_more_than_one_step(numbers):
    for layout, bits in ((BFP8_B, 7), (BFP4_B, 3)):
        for start in range(0, len(numbers), 16):
            block = numbers[start : start + 16]
            largest = max(abs(number) for number in block)
            step = 2.0 ** (max(math.frexp(largest)[1] - 1, -126) - bits + 1)
            for number, result in zip(block, quantised(block, layout), strict=True):
                assert abs(result - number) <= step


def test_bfp8_is_nearer_to_fp32_than_bfp4():
    torch.manual_seed(0)
    weights = torch.randn(64, 64)
    errors = [(quantise(weights, layout) - weights).norm().item() for layout in (BFP8_B, BFP4_B)]
    assert errors[0] < errors[1] / 10
    assert errors[0] > 0


def test_the_original_tensor_is_unchanged():
    weights = torch.rand(4, 4)
    before = weights.clone()
    quantise(weights, BFP4_B)
    assert torch.equal(weights, before)
