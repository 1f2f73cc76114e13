"""What an engine compiles within the passes, where its session counts that."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from ttbench_core.backends.protocol import CompilingSession, Session
from ttbench_core.running.recording import Recording

__all__ = ["counting_compilations"]


@contextlib.contextmanager
def counting_compilations(session: Session, recording: Recording) -> Iterator[None]:
    """Count within the context, and add the count to the record."""
    if not isinstance(session, CompilingSession):
        yield
        return
    before = session.compilations
    yield
    recording.add_compilations(session.compilations - before)
