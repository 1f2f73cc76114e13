"""The machines of a fleet, and their kinds: machines that measure alike."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ttbench_core.doctor.backends import USABLE

__all__ = ["Kind", "Node", "NodeReport", "kinds_of", "report_of"]

#: Of the devices of a backend, what decides whether machines measure alike.
_OF_DEVICE: Final = ("spec", "name", "arch")
_NAME_LENGTH: Final = 8


@dataclass(frozen=True)
class Node:
    """A machine of a cluster, as the cluster names it."""

    id: str
    address: str
    #: What it declares, by name: `CPU`, `GPU`, and its own.
    resources: Mapping[str, float] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class NodeReport:
    """What a machine says of itself."""

    node: Node
    host: str
    #: Equal for machines that measure alike: see `report_of`.
    fingerprint: str
    #: The processor and the number of cores.
    machine: str
    #: Names of the engines that can run there.
    backends: tuple[str, ...] = ()


@dataclass(frozen=True)
class Kind:
    """Machines that measure alike, in the order of their names."""

    fingerprint: str
    reports: tuple[NodeReport, ...]

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Its machines."""
        return tuple(one.node for one in self.reports)

    @property
    def name(self) -> str:
        """What it is called: the machine, and the start of its fingerprint."""
        return f"{self.reports[0].machine} ({self.fingerprint[:_NAME_LENGTH]})"


def report_of(node: Node, answer: Mapping[str, Any], *, by_host: bool = False) -> NodeReport:
    """Read what a machine answered.

    Its fingerprint is a SHA-256 of the machine, the versions of ttbench, packs and usable
    engines, their devices, other interpreters, and what it declares to the cluster.

    Args:
        node: the machine.
        answer: of `node_answers`.
        by_host: whether its name belongs to what it is, because a sweep tells machines by it.
    """
    doctor, machine = answer["doctor"], answer["machine"]
    usable = [one for one in doctor["backends"] if one["state"] == USABLE]
    content = {
        "core": answer["core"],
        "commit": answer["commit"],
        "machine": machine,
        "resources": dict(node.resources),
        "packs": sorted((one["name"], one["version"]) for one in doctor["packs"]),
        "backends": [
            [one["name"], one["pack_version"], one["versions"], _devices(one)] for one in usable
        ],
        "interpreters": doctor["interpreters"],
        "host": answer["host"] if by_host else None,
    }
    text = json.dumps(content, sort_keys=True)
    return NodeReport(
        node=node,
        host=str(answer["host"]),
        fingerprint=hashlib.sha256(text.encode()).hexdigest(),
        machine=str(answer["machine_name"]),
        backends=tuple(str(one["name"]) for one in usable),
    )


def kinds_of(reports: Iterable[NodeReport]) -> tuple[Kind, ...]:
    """Group machines that measure alike; the kind with the most machines first."""
    found: dict[str, list[NodeReport]] = {}
    for one in reports:
        found.setdefault(one.fingerprint, []).append(one)
    kinds = [
        Kind(fingerprint, tuple(sorted(of_kind, key=lambda one: (one.host, one.node.id))))
        for fingerprint, of_kind in found.items()
    ]
    return tuple(sorted(kinds, key=lambda one: (-len(one.reports), one.fingerprint)))


def _devices(backend: Mapping[str, Any]) -> list[list[Any]]:
    return [[one[name] for name in _OF_DEVICE] for one in backend["devices"]]
