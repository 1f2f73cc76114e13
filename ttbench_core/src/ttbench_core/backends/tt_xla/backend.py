"""The entry point of the backend `tt_xla`; it imports torch and tt-xla only when it must."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Final

from ttbench_core.backends.helpers import seeded
from ttbench_core.backends.protocol import (
    Availability,
    Capabilities,
    CompileOptions,
    Device,
    DeviceReadings,
    Session,
)
from ttbench_core.backends.tt_xla import cards
from ttbench_core.backends.tt_xla.device_status import SOURCE, boards_of, card_readings
from ttbench_core.backends.tt_xla.options import TtXlaOptions, check_with_run
from ttbench_core.errors import OptionError, UnsupportedOptionError
from ttbench_core.model import BenchmarkModel
from ttbench_core.models.inputs import INPUT_KINDS
from ttbench_core.request.formats import DataFormat
from ttbench_core.request.options import MathFidelity, RunOptions

__all__ = ["TtXlaBackend"]

#: The default timeout in seconds: compiling a large model takes most of it.
_DEFAULT_TIMEOUT_S: Final = 1800.0
#: That of PyBuda: a card comes before a GPU, and only one of the two is installed anywhere.
_RANK: Final = 100

_CAPABILITIES: Final = Capabilities(
    device_kinds=(cards.DEVICE_KIND,),
    data_formats=frozenset(
        {DataFormat.FP32, DataFormat.FP16_B, DataFormat.BFP8_B, DataFormat.BFP4_B}
    ),
    default_format=DataFormat.FP16_B,
    math_fidelities=frozenset(MathFidelity),
    opt_level_help={0: "the compiler has a scale of its own: -B optimization_level=0, 1 or 2"},
    training=True,
    generation=True,
    host_stages=True,
    input_kinds=INPUT_KINDS,
    options=TtXlaOptions,
    variables=(
        *("CONVERT_SHLO_TO_SHARDY", "PJRT_DEVICE", "TT_COMPILE_ONLY_*", "TT_METAL_*"),
        *("TT_MESH_*", "TT_RUNTIME_*", "TT_VISIBLE_DEVICES", "TTMLIR_*", "TTXLA_*", "XLA_*"),
    ),
    untested_kinds=(cards.DEVICE_KIND,),
    rank=_RANK,
    own_process=True,
    patience_s=_DEFAULT_TIMEOUT_S,
)
_CARD_NUMBER: Final = re.compile("[0-9]{1,9}")
#: Where Tenstorrent's guide installs from.
_INDEX: Final = "https://pypi.eng.aws.tenstorrent.com/"
_REMEDY: Final = (
    "ttbench env create tt --backend tt_xla --python python3.12, or in Python 3.12: pip install"
    f" pjrt-plugin-tt --extra-index-url {_INDEX} (docs/tenstorrent.md)"
)


class TtXlaBackend:
    """Tenstorrent's cards through tt-xla: PyTorch/XLA and `torch.compile(backend="tt")`."""

    name: Final = "tt_xla"
    #: Of ttbench-core; and what pip is told beside it, because PyPI has no tt-xla.
    extra: Final = "torch"
    pip_arguments: Final = ("--extra-index-url", _INDEX, "pjrt-plugin-tt")

    def __init__(self) -> None:
        self._boards: list[str] | None = None

    def availability(self) -> Availability:
        """Report whether tt-xla is installed, and whether a card is present; imports nothing."""
        if not cards.is_installed():
            python = ".".join(map(str, sys.version_info[:3]))
            return Availability(False, f"tt-xla is not installed for this Python {python}", _REMEDY)
        if cards.driver_nodes():
            return Availability(True)
        return Availability(
            True,
            f"no card is there ({cards.DRIVER_NODES} is empty)",
            "install Tenstorrent's driver",
            automatic=False,
        )

    def capabilities(self) -> Capabilities:
        """Report what it supports."""
        return _CAPABILITIES

    def devices(self) -> Sequence[Device]:
        """List the chips of the cards; opens them."""
        from ttbench_core.backends.tt_xla.runtime import open_cards

        return open_cards()

    def check(self, options: RunOptions, engine: TtXlaOptions) -> None:
        """Refuse options that contradict each other; see `options`."""
        check_with_run(options, engine)

    def devices_for(self, options: RunOptions, engine: TtXlaOptions) -> Sequence[Device]:
        """Give the chips that a request runs on, and open their cards.

        What is set for the runtime stays set: every run has a process of its own. Raises
        `DeviceError` where the cards are missing, `UnsupportedOptionError` for another kind of
        device, and `OptionError` for a number of chips that cannot be one mesh.
        """
        index = _card_index(options)
        if engine.enable_trace:
            cards.reserve_trace_region()
        if index is not None:
            cards.choose_card(index)
        from ttbench_core.backends.tt_xla.runtime import open_cards

        chips = open_cards(index or 0)
        wanted = options.chips or len(chips)
        if wanted not in (1, len(chips)):
            raise OptionError(
                f"--chips {wanted} is not possible: {len(chips)} chips are visible, and a mesh has"
                f" all of them; use --chips 1, --chips 0, or name cards in {cards.VISIBLE}"
            )
        # here, because the command takes a second or so, which is none of the compiler's
        readings = card_readings()
        visible = os.environ.get(cards.VISIBLE)
        self._boards = None if readings is None else boards_of(readings, visible)
        return chips[:wanted]

    def versions(self) -> Mapping[str, str]:
        """Give the versions of the plugin, of PyTorch/XLA and of torch.

        The plugin's distribution has `tt_torch` too.
        """
        return cards.installed_versions()

    def device_readings(self) -> DeviceReadings | None:
        """Read temperature and power of the machine's cards; see `device_status`."""
        found = card_readings()
        return None if found is None else DeviceReadings(SOURCE, found)

    def seeded(self, seed: int, devices: Sequence[Device]) -> AbstractContextManager[None]:  # noqa: ARG002 - the contract's
        """Seed the host's generator, which draws weights and inputs, and restore it at the end."""
        return seeded(seed)

    def compile(self, model: BenchmarkModel, options: CompileOptions) -> Session:
        """Make a model ready to run; see `compiling`."""
        from ttbench_core.backends.tt_xla.compiling import compile_session

        return compile_session(model, options, self._boards)


def _card_index(options: RunOptions) -> int | None:
    kind, colon, index = (options.device or cards.DEVICE_KIND).partition(":")
    if kind != cards.DEVICE_KIND or (colon and not _CARD_NUMBER.fullmatch(index)):
        raise UnsupportedOptionError(
            f"unknown device {options.device!r}: backend 'tt_xla' has {cards.DEVICE_KIND}, and"
            f" cards by number like {cards.DEVICE_KIND}:1; --backend torch has the others"
        )
    return int(index) if index else None
