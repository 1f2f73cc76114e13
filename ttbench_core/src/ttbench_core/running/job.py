"""The job of a run: everything that is decided before it begins."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from ttbench_core.backends.protocol import Backend, CompileOptions
from ttbench_core.measure.stopping import StoppingRule
from ttbench_core.models.source import Source
from ttbench_core.plugins.registry import Plugin, name_to_ask_for
from ttbench_core.request.options import RunOptions, Scenario
from ttbench_core.running.request import RunRequest

__all__ = ["Job"]


@dataclass(frozen=True)
class Job:
    """Everything that is decided before a run begins."""

    request: RunRequest
    #: Where the model comes from.
    source: Source
    #: What was asked, with its configuration chosen.
    options: RunOptions
    backend: Backend
    #: Where the backend came from.
    backend_plugin: Plugin
    #: What will be run.
    plan: CompileOptions
    #: Decides when enough passes have been measured.
    stopping_rule: StoppingRule

    @functools.cached_property
    def backend_name(self) -> str:
        """What `--backend` finds this backend by: its name, or `pack:name`."""
        return name_to_ask_for(self.backend_plugin)

    @property
    def loop_count(self) -> int:
        """Inputs of a pass: what was asked, else 5 x the number of chips."""
        return self.plan.loop_count

    def in_flight(self, depth: int) -> int:
        """Inputs in flight at once: the session's depth, or one where latency is asked for."""
        return 1 if self.options.scenario is Scenario.LATENCY else depth
