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
    CheckingBackend,
    ImagingBackend,
    PlanningBackend,
    ReadingBackend,
)
from ttbench_core.backends.protocol.session import (
    CompilingSession,
    CountingSession,
    Session,
    Tensors,
    TracingSession,
)
from ttbench_core.backends.protocol.values import (
    TORCH_RANK,
    Availability,
    Capabilities,
    CompileOptions,
    Device,
    DeviceReadings,
    Peak,
)
from ttbench_core.measure.passes import CLOCK, ExpectingSession, TokenTimingSession
from ttbench_core.request.declared_options import OptionRole
from ttbench_core.request.engine_options import engine_option
from ttbench_core.request.formats import EngineFormat

__all__ = [
    "CLOCK",
    "TORCH_RANK",
    "Availability",
    "Backend",
    "CalibratingBackend",
    "Capabilities",
    "CheckingBackend",
    "CompileOptions",
    "CompilingSession",
    "CountingSession",
    "Device",
    "DeviceReadings",
    "EngineFormat",
    "ExpectingSession",
    "ImagingBackend",
    "OptionRole",
    "Peak",
    "PlanningBackend",
    "ReadingBackend",
    "Session",
    "Tensors",
    "TokenTimingSession",
    "TracingSession",
    "engine_option",
]
