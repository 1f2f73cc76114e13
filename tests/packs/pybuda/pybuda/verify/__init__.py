"""What is verified while compiling; the stand-in verifies nothing."""

from pybuda.verify.config import TestKind, VerifyConfig

__all__ = ["TestKind", "VerifyConfig"]
