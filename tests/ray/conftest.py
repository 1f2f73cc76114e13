"""A real Ray cluster on this machine: nodes on loopback addresses, for as long as tests run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fleet_sweeps import node_variables
from ray_nodes import RayNode, ray_nodes

#: Set by the session that installs Ray: then a missing one is a failure.
REQUIRED = "TTBENCH_REQUIRE_RAY"


@dataclass
class Fleet:
    """Two machines with two devices each, and one that has no engine for them."""

    #: What `--on` takes.
    place: str
    able: list[RayNode]
    unable: RayNode
    #: Where uses of devices are noted.
    log: Path


@pytest.fixture
def fleet(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Fleet]:
    if os.environ.get(REQUIRED) != "1":
        pytest.importorskip("ray")
    folder = tmp_path_factory.mktemp("ray")
    log = folder / "uses.jsonl"
    log.touch()
    variables = [node_variables(folder, number, log) for number in range(3)]
    variables[2].pop("PYTHONPATH")
    # the driver lacks the engine, too: machines plan for themselves
    monkeypatch.delenv("PYTHONPATH", raising=False)
    with ray_nodes(folder, variables, resources='{"slots": 2}') as (head, nodes):
        yield Fleet(f"ray://{head}", nodes[:2], nodes[2], log)
