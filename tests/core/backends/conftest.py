"""Fixtures of the backends: stand-ins for packages and cards that no test machine has."""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

PACKS = Path(__file__).parents[2] / "packs"
TT_XLA = PACKS / "tt_xla"
#: Packages of the stand-in, and what holds on to them.
STAND_INS = (
    *("torch_xla", "tt_torch", "torch_plugin_tt", "pjrt_plugin_tt", "tt_xla_standin"),
    *("ttbench_core.backends.tt_xla", "ttbench_core.backends.shared.xla"),
)
VARIABLES = ("TT_", "PJRT_", "XLA_", "CONVERT_SHLO_")


@pytest.fixture
def tt_cards(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[..., None]]:
    """Install the stand-in for tt-xla and its cards; afterwards all is as before.

    Call it with settings of the stand-in.
    """
    environment = dict(os.environ)
    for name in [name for name in environment if name.startswith(VARIABLES)]:
        del os.environ[name]
    os.environ["PATH"] = os.pathsep.join([str(TT_XLA / "bin"), os.environ["PATH"]])
    monkeypatch.syspath_prepend(PACKS / "networks")
    monkeypatch.syspath_prepend(TT_XLA)
    _forget()
    cards = importlib.import_module("ttbench_core.backends.tt_xla.cards")
    nodes = tmp_path / "nodes"
    monkeypatch.setattr(cards, "DRIVER_NODES", nodes)
    # processes that a run starts look there, too
    monkeypatch.setenv("PYTHONPATH", str(PACKS / "card_nodes"), prepend=os.pathsep)
    monkeypatch.setenv("TTBENCH_TEST_CARD_NODES", str(nodes))

    def configure(**settings: Any) -> None:
        nodes.mkdir(exist_ok=True)
        for index in range(settings.get("cards", 1)):
            (nodes / str(index)).touch()
        os.environ["TT_XLA_STANDIN"] = json.dumps(settings)

    configure()
    yield configure
    _forget()
    os.environ.clear()
    os.environ.update(environment)


def _forget() -> None:
    for name in [name for name in sys.modules if f"{name}.".startswith(_PREFIXES)]:
        del sys.modules[name]
    registry = sys.modules.get("torch._dynamo.backends.registry")
    if registry is not None:
        registry._COMPILER_FNS.pop("tt", None)


_PREFIXES = tuple(f"{name}." for name in STAND_INS)
