"""Sentences about what the targets of a sweep hold, beside what is asked now."""

from __future__ import annotations

from ttbench_core.sweeps.definition.axes import MACHINE
from ttbench_core.sweeps.journal.journal import Journal
from ttbench_core.sweeps.planning.plan import Plan

__all__ = ["changes", "unreadable"]


def unreadable(journal: Journal) -> list[str]:
    """Say which targets do not tell what is done."""
    return [
        f"{target} cannot be read back: what only it holds is measured again"
        for target in journal.unreadable
    ]


def changes(plan: Plan, journal: Journal) -> list[str]:
    """Say how a definition differs from that of the records that are there."""
    known, planned = journal.ended_cells(), {one.key for one in plan.cells} | plan.keys_of_others
    if plan.sweep.values_of(MACHINE):
        known &= planned  # others are of other machines
    if not known or known == planned:
        return []
    new, gone, kept = len(planned - known), len(known - planned), len(known & planned)
    counts = f"{kept} cells are kept, {new} are new, {gone} are no longer in it"
    if plan.identity in journal.identities():
        # the same definition, so the keys differ by what it runs with
        if new == gone == 0:
            return []
        return [
            f"{counts}: cells are measured again with other versions, or on another machine"
            if gone
            else f"going on: {kept} cells have records, {new} have none yet"
        ]
    return [f"the definition has changed: {counts}; their records stay"]
