"""What a cluster does for a sweep; Ray is the one that is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from ttbench_core.errors import RequestError
from ttbench_core.sweeps.fleet.kinds import Node
from ttbench_core.sweeps.fleet.needs import Needs

__all__ = [
    "Answered",
    "Cluster",
    "ClusterError",
    "ClusterTask",
    "Failed",
    "Lost",
    "Message",
    "Started",
]


class ClusterError(RequestError):
    """A cluster cannot be reached, or has nothing that could run the sweep."""


@dataclass(frozen=True)
class ClusterTask:
    """A cell as a cluster gets it."""

    #: JSON: see `node_cell`.
    order: str
    needs: Needs
    #: Identifiers of the machines that it may run on.
    nodes: tuple[str, ...] = field(hash=False)
    #: For lists of what the cluster runs.
    name: str = ""


@dataclass(frozen=True)
class Started:
    """A task has begun."""

    task: int
    node: str


@dataclass(frozen=True)
class Answered:
    """A task has ended; the answer is JSON of a machine, untrusted."""

    task: int
    answer: str


@dataclass(frozen=True)
class Lost:
    """A task has ended with the process or the machine that it ran on."""

    task: int
    reason: str


@dataclass(frozen=True)
class Failed:
    """A task has failed by what its cell did, such as use too much memory."""

    task: int
    reason: str


Message: TypeAlias = Started | Answered | Failed | Lost


class Cluster(Protocol):
    """**Protocol:** machines that run tasks; it decides which machine runs which."""

    def nodes(self) -> list[Node]:
        """Give the machines that are alive."""

    def ask(self, nodes: Sequence[Node], question: str, timeout_s: float) -> Mapping[str, str]:
        """Give the answers of machines to a JSON question, by identifier.

        A machine that gives none answers with `{"error": ...}`.
        """

    def start(self, task: ClusterTask) -> int:
        """Queue a task; give its number."""

    def wait(self, timeout_s: float) -> list[Message]:
        """Wait for news of tasks."""

    def cancel(self, tasks: Sequence[int]) -> None:
        """End tasks at once; there are no more messages of them."""
