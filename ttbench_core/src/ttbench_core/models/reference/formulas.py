"""FLOPs of operators that PyTorch's counter does not know, two a multiply-add.

Each formula is called with the operator's arguments, tensors replaced by their
shapes, and `out_shape`. The products that the mathematics needs are counted; a
backward that recomputes something does not count it twice.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

import torch

__all__ = ["formulas"]

Shape: TypeAlias = Sequence[int]
Formula: TypeAlias = Callable[..., int]


def formulas() -> dict[Any, Formula]:
    """Give the formulas of those operators that this version of PyTorch has."""
    aten = torch.ops.aten
    return {
        getattr(aten, name): formula for name, formula in _BY_NAME.items() if hasattr(aten, name)
    }


def _attention(query: Shape, key: Shape, value: Shape, *_: Any, **__: Any) -> int:
    """Scores of every query with every key, and their sum of values; a mask saves nothing."""
    scores = math.prod(query[:-1]) * key[-2]
    return 2 * scores * (query[-1] + value[-1])


def _attention_backward(
    _: Shape, query: Shape, key: Shape, value: Shape, *__: Any, **___: Any
) -> int:
    """Gradients of scores, values, queries and keys: each a product as in the forward."""
    return 2 * _attention(query, key, value)


def _recurrent(steps: Shape, from_input: Shape, from_state: Shape, *_: Any, **__: Any) -> int:
    """One layer in one direction: `steps` is (time, samples, features)."""
    return 2 * math.prod(steps[:-1]) * (math.prod(from_input) + math.prod(from_state))


def _recurrent_backward(*shapes: Any, **_: Any) -> int:
    """Gradients of inputs and of weights: the kernel always computes both."""
    return 2 * _recurrent(*shapes)


def _grouped(a: Shape, b: Shape, *_: Any, **__: Any) -> int:
    """Each group's product; a dimension that the groups share out is counted once."""
    groups = a[0] if len(a) > len(b) else 1
    return 2 * math.prod(a) * b[-1] // groups


def _matrix_vector(matrix: Shape, *_: Any, **__: Any) -> int:
    return 2 * math.prod(matrix)


def _added_matrix_vector(_: Shape, matrix: Shape, *__: Any, **___: Any) -> int:
    return _matrix_vector(matrix)


_BY_NAME: Final[dict[str, Formula]] = {
    "_scaled_dot_product_flash_attention_for_cpu": _attention,
    "_scaled_dot_product_flash_attention_for_cpu_backward": _attention_backward,
    "mkldnn_rnn_layer": _recurrent,
    "mkldnn_rnn_layer_backward": _recurrent_backward,
    "_grouped_mm": _grouped,
    "mv": _matrix_vector,
    "dot": _matrix_vector,
    "addmv": _added_matrix_vector,
}
