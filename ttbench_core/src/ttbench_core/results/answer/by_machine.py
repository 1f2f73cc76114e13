"""The best variant of each question on each machine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ttbench_core.results.answer.answer import Answer
from ttbench_core.results.answer.cells import AnswerCell
from ttbench_core.results.answer.contests import best_of
from ttbench_core.results.answer.naming import machine_labels, variant_labels, without_machine
from ttbench_core.results.comparison.key import Key

__all__ = ["ByMachine", "MachineEntry", "by_machine"]


@dataclass(frozen=True)
class MachineEntry:
    """One question on one machine."""

    #: The fastest that may win; None if none may.
    best: AnswerCell | None
    #: How it is called among the variants of that machine.
    label: str
    #: All that was tried there.
    cells: tuple[AnswerCell, ...]


@dataclass(frozen=True)
class ByMachine:
    """Questions by machine."""

    #: Labels, in the order in which the machines first appeared.
    machines: tuple[str, ...]
    #: By question and label of the machine; none where nothing was tried.
    entries: Mapping[tuple[Key, str], MachineEntry]


def by_machine(answer: Answer) -> ByMachine | None:
    """Give the best of each question on each machine; None for fewer than two machines.

    Each variant enters with the microbatch at which it is the fastest; in the scenario `latency`
    the smallest counts.
    """
    machines = machine_labels(answer.variants)
    found: dict[tuple[Key, str], list[AnswerCell]] = {}
    for cell in answer.cells:
        found.setdefault((cell.question, machines[cell.variant]), []).append(cell)
    measured = {machines[one.variant] for one in answer.cells if one.runs}
    if len(measured) < 2:
        return None
    labels = _labels(answer.cells, machines)
    entries = {}
    for place, cells in found.items():
        best = best_of(place[0], cells)
        label = "" if best is None else labels[best.variant]
        entries[place] = MachineEntry(best, label, tuple(cells))
    return ByMachine(tuple(dict.fromkeys(machine for _, machine in entries)), entries)


def _labels(cells: Iterable[AnswerCell], machines: Mapping[Key, str]) -> dict[Key, str]:
    """Label variants by what differs on their machine."""
    by_label: dict[str, dict[Key, Key]] = {}
    for one in cells:
        variants = by_label.setdefault(machines[one.variant], {})
        variants[one.variant] = without_machine(one.variant)
    labels: dict[Key, str] = {}
    for variants in by_label.values():
        known = variant_labels(dict.fromkeys(variants.values()))
        labels.update({variant: known[bare] for variant, bare in variants.items()})
    return labels
