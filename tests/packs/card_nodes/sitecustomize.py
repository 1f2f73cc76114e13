"""Imported when an interpreter starts: lets it find the driver's nodes of a test."""

from __future__ import annotations

import os
from pathlib import Path

from ttbench_core.backends.pybuda import cards

cards.DRIVER_NODES = Path(os.environ["TTBENCH_TEST_CARD_NODES"])
