"""The precision of float32 products, a setting of the whole process."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import Final

import torch_xla.backends

from ttbench_core.request.options import MathFidelity

__all__ = ["ROUNDING", "matmul_precision"]

#: PyTorch/XLA's names for it. Without a request it is the one of Fp32 everywhere: by itself a TPU
#: multiplies float32 in bfloat16.
_PRECISIONS: Final = {
    None: "highest",
    MathFidelity.LOFI: "default",
    MathFidelity.HIFI2: "high",
    MathFidelity.HIFI3: "highest",
    MathFidelity.HIFI4: "highest",
}
#: Fidelities with products of rounded factors, on devices that have them.
ROUNDING: Final = (MathFidelity.LOFI, MathFidelity.HIFI2)


@contextlib.contextmanager
def matmul_precision(fidelity: MathFidelity | None) -> Iterator[str]:
    """Set the precision for a fidelity, and restore it at the end; gives its name."""
    before = torch_xla.backends.get_mat_mul_precision()
    asked = _PRECISIONS[fidelity]
    _set(asked)
    try:
        yield asked
    finally:
        _set(before)


def _set(precision: str) -> None:
    if precision == torch_xla.backends.get_mat_mul_precision():
        return
    logger = logging.getLogger(torch_xla.backends.__name__)
    level = logger.level
    # it warns each time that setting it twice should be verified, and no user can act on that
    logger.setLevel(logging.ERROR)
    try:
        torch_xla.backends.set_mat_mul_precision(precision)
    finally:
        logger.setLevel(level)
