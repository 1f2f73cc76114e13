"""Which device a cell runs on, and the locks that nobody else may have meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ttbench_core.running.request import RunRequest
from ttbench_core.sweeps.cells.host_locks import MACHINE, HostLock

__all__ = ["Placement", "placements"]

_CPU: Final = "cpu"


@dataclass(frozen=True)
class Placement:
    """A request on a device, and the locks that it needs: all of them, or it does not run."""

    request: RunRequest
    locks: tuple[HostLock, ...]

    def take(self) -> bool:
        """Take all locks if they are free; return whether they are held now."""
        for number, lock in enumerate(self.locks):
            if not lock.take():
                for taken in self.locks[:number]:
                    taken.release()
                return False
        return True

    def release(self) -> None:
        """Give all locks back."""
        for lock in self.locks:
            lock.release()


def placements(
    request: RunRequest, devices: Sequence[str], jobs: int, owner: str
) -> Iterator[Placement]:
    """Yield where a request may run, the first choice first.

    A run on one device that it names has that device to itself, and shares the machine with runs
    on other devices. Any other run has the machine to itself: one on the processor, on several
    devices, or on a device that the engine chooses. A kind without a number, such as `cuda`,
    is its first device; where several cells run at once, one of the first `jobs` of that kind.

    Args:
        request: what is measured.
        devices: those that the engine has here, as `-d` names them.
        jobs: how many cells may run at once.
        owner: what others are told who wait for the locks.
    """
    options = request.options
    kind, _, index = (options.device or "").partition(":")
    if kind in ("", _CPU) or options.chips != 1:
        yield Placement(request, (HostLock(MACHINE, owner=owner),))
        return
    of_kind = [one for one in devices if one.partition(":")[0] == kind]
    names = [f"{kind}:{index}"] if index else of_kind[:jobs] or [f"{kind}:0"]
    for name in names:
        placed = request
        if jobs > 1 and not index and of_kind:
            placed = replace(request, options=replace(options, device=name))
        locks = (HostLock(MACHINE, shared=True), HostLock(f"device {name}", owner=owner))
        yield Placement(placed, locks)
