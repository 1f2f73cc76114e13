"""Imported when an interpreter starts: lets it find the driver's nodes of a test."""

from __future__ import annotations

import os
from pathlib import Path

from ttbench_core.backends.pybuda import cards as pybuda_cards
from ttbench_core.backends.tt_xla import cards as tt_xla_cards

for cards in (pybuda_cards, tt_xla_cards):
    cards.DRIVER_NODES = Path(os.environ["TTBENCH_TEST_CARD_NODES"])
