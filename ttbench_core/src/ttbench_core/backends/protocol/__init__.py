"""The contract between the runner and a backend.

A backend is registered under the entry-point group `ttbench.backends` as a
class without constructor arguments. Constructing it, and asking it for its
capabilities, must import no engine: `ttbench --list` and wrong requests stay
cheap.

`backend` and `session` have the protocols that a backend implements, `values`
the plain values that they exchange.
"""

from ttbench_core.backends.protocol.backend import (
    Backend,
    CalibratingBackend,
    ImagingBackend,
    PlanningBackend,
)
from ttbench_core.backends.protocol.session import (
    CountingSession,
    Session,
    Tensors,
    TracingSession,
)
from ttbench_core.backends.protocol.values import (
    Availability,
    Capabilities,
    CompileOptions,
    Device,
    Peak,
)

__all__ = [
    "Availability",
    "Backend",
    "CalibratingBackend",
    "Capabilities",
    "CompileOptions",
    "CountingSession",
    "Device",
    "ImagingBackend",
    "Peak",
    "PlanningBackend",
    "Session",
    "Tensors",
    "TracingSession",
]
