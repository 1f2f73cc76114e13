"""Temperature and power of the devices, before and after the passes of a run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence

from ttbench_core.backends.protocol import DeviceReadings, ReadingBackend
from ttbench_core.running.job import Job
from ttbench_core.running.recording import Recording

__all__ = ["read_devices"]


@contextlib.contextmanager
def read_devices(job: Job, recording: Recording) -> Iterator[None]:
    """Read the devices before and after what runs here, and record both readings.

    Nothing is recorded for an engine that cannot read its devices, and where one of the readings
    is missing.
    """
    before = _readings(job)
    yield
    after = _readings(job) if before is not None else None
    if before is not None and after is not None:
        facts: dict[str, str | Sequence[Mapping[str, object]]] = {
            "source": after.source,
            "before": before.devices,
            "after": after.devices,
        }
        recording.add("device_readings", facts)


def _readings(job: Job) -> DeviceReadings | None:
    backend = job.backend
    if not isinstance(backend, ReadingBackend):
        return None
    try:
        return backend.device_readings()
    except Exception:  # noqa: BLE001 - what a backend cannot read must not end a run
        return None
