"""What the drivers of a sweep say while they run, for `--status` on any machine."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, cast

from ttbench_core.sinks.heartbeat_files import drop_file, keep_file, texts_of_files
from ttbench_core.sinks.protocol import HeartbeatKeeper
from ttbench_core.sinks.targets import Target

__all__ = [
    "LOST_S",
    "Heartbeat",
    "RunningCell",
    "drop_heartbeat",
    "heartbeats_of",
    "keep_heartbeat",
    "keeps_heartbeats",
]

#: A driver that has said nothing for so long is lost: it writes every 30 seconds.
LOST_S: Final = 180.0


@dataclass(frozen=True)
class RunningCell:
    """A cell that a driver runs."""

    label: str
    #: See `combinations`.
    combination: str


@dataclass(frozen=True)
class Heartbeat:
    """What a driver said last."""

    sweep: str
    #: Of the definition.
    identity: str
    #: Text as `2/4`; None for all of the sweep.
    shard: str | None
    host: str
    pid: int
    #: When it was said, in seconds since 1970.
    time_s: float
    running: tuple[RunningCell, ...] = ()

    @property
    def name(self) -> str:
        """What it is kept under."""
        return f"{self.host}-{self.pid}"

    def text(self) -> str:
        """Give it as JSON."""
        return json.dumps(asdict(self), allow_nan=False)

    @classmethod
    def read(cls, text: str) -> Heartbeat | None:
        """Read one; None for any text that is none: anybody may have written it."""
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            return None
        return _checked(found) if isinstance(found, Mapping) else None


def keeps_heartbeats(target: Target) -> bool:
    """Return whether a target can have heartbeats."""
    return isinstance(target.place, Path) or hasattr(target.open, "keep_heartbeat")


def keep_heartbeat(target: Target, beat: Heartbeat) -> None:
    """Write a heartbeat in place of the last one of its driver; a sink may raise anything."""
    if isinstance(target.place, Path):
        keep_file(target.place, beat.name, beat.text())
    elif keeps_heartbeats(target):
        cast("HeartbeatKeeper", target.open).keep_heartbeat(target.place, beat.name, beat.text())


def drop_heartbeat(target: Target, name: str) -> None:
    """Remove the heartbeat of a driver; a sink may raise anything."""
    if isinstance(target.place, Path):
        drop_file(target.place, name)
    elif keeps_heartbeats(target):
        cast("HeartbeatKeeper", target.open).drop_heartbeat(target.place, name)


def heartbeats_of(target: Target, sweep: str) -> list[tuple[str, Heartbeat]]:
    """Give the heartbeats of a sweep in a target, with their names; a sink may raise anything."""
    texts: Sequence[tuple[str, str]] = ()
    if isinstance(target.place, Path):
        texts = list(texts_of_files(target.place))
    elif keeps_heartbeats(target):
        texts = list(cast("HeartbeatKeeper", target.open).heartbeats(target.place))
    read = ((name, Heartbeat.read(text)) for name, text in texts)
    return [(name, one) for name, one in read if one is not None and one.sweep == sweep]


def _checked(found: Mapping[str, Any]) -> Heartbeat | None:
    texts = [found.get(name) for name in ("sweep", "identity", "host")]
    shard, pid, time_s = found.get("shard"), found.get("pid"), found.get("time_s")
    is_right = (
        all(isinstance(one, str) for one in texts)
        and isinstance(shard, str | None)
        and isinstance(pid, int)
        and isinstance(time_s, float)
        and math.isfinite(time_s)
    )
    if not is_right:
        return None
    sweep, identity, host = map(str, texts)
    cells = found.get("running")
    running = tuple(
        RunningCell(one["label"], one["combination"])
        for one in (cells if isinstance(cells, list) else ())
        if isinstance(one, Mapping)
        and isinstance(one.get("label"), str)
        and isinstance(one.get("combination"), str)
    )
    return Heartbeat(sweep, identity, shard, host, int(str(pid)), float(str(time_s)), running)
