"""VerifyConfig with the recorded fields and defaults."""

from __future__ import annotations

from typing import Any

from pybuda.standin import contract
from pybuda.standin.values import TestKind

__all__ = ["TestKind", "VerifyConfig"]


class _Behaviour:
    @classmethod
    def disabled(cls) -> Any:
        made = cls()
        for name in ("enabled", "verify_last", "intermediates", "run_golden"):
            setattr(made, name, False)
        made.verify_post_autograd_passes = made.verify_post_placer = False
        made.scale_loss = 1.0
        return made


VerifyConfig = contract.recorded_class("pybuda.VerifyConfig")(
    contract.dataclass_of("pybuda.VerifyConfig", __name__, _Behaviour)
)
