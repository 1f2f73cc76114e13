"""The result of a comparison: what the command line prints, and what programs read."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from ttbench_core.results.comparison.context_differences import (
    context_differences,
    notes_of,
    worst_verdict,
)
from ttbench_core.results.comparison.doubts import SideRuns, doubt_of_sides
from ttbench_core.results.comparison.effect import (
    FASTER,
    INCONCLUSIVE,
    SLOWER,
    Effect,
    Replicates,
    effect_of,
    replicates_of,
)
from ttbench_core.results.comparison.key import Difference, Key, unique_labels
from ttbench_core.results.comparison.paired import paired_effect
from ttbench_core.results.comparison.pairing import (
    NEW,
    OLD,
    Failure,
    Match,
    Pairing,
    Side,
    Unmatched,
)
from ttbench_core.results.comparison.rounds import rounds_effect

__all__ = ["OUTCOMES", "Comparison", "Measured", "Pair", "build_comparison"]

FAILED: Final = "failed"
VANISHED: Final = "vanished"
#: Outcomes that `--fail-on` takes.
OUTCOMES: Final = (SLOWER, FASTER, INCONCLUSIVE, FAILED, VANISHED)


@dataclass(frozen=True)
class Measured:
    """One side of a pair."""

    #: Geometric mean over the processes; over the passes of one process alone.
    samples_per_sec: float
    #: What is counted: `sample`, or what the model says.
    unit: str
    processes: int
    #: Run ids of its replicates.
    run_ids: tuple[str, ...]
    #: Number of runs of another version, commit or machine, which are not used.
    left_out: int
    #: `noisy` or `unstable`, if that is the verdict of a run.
    doubt: str | None


@dataclass(frozen=True)
class Pair:
    """Two sides with the same key, and how they compare."""

    label: str
    key: Key
    old: Measured
    new: Measured
    effect: Effect
    #: Differences that `across` allowed.
    across: tuple[Difference, ...]
    #: Other differences: software, machine, commit, environment.
    surroundings: tuple[Difference, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """Everything that a comparison of OLD with NEW found."""

    #: Ratios from 1 / (1 + band) to 1 + band count as the same.
    band: float
    pairs: tuple[Pair, ...]
    failures: tuple[Failure, ...]
    #: Only in OLD.
    vanished: tuple[Unmatched, ...]
    #: Only in NEW.
    appeared: tuple[Unmatched, ...]
    #: The label of each key: model, configuration, and values that make it unique.
    labels: Mapping[Key, str]
    #: How many runs of `OLD` and `NEW` nothing compares, by the reason.
    left_out: Mapping[str, Mapping[str, int]]

    @property
    def geometric_mean(self) -> float | None:
        """The geometric mean of the ratios; None for fewer than two pairs."""
        if len(self.pairs) < 2:
            return None
        return statistics.geometric_mean(pair.effect.ratio for pair in self.pairs)

    @property
    def outcomes(self) -> frozenset[str]:
        """Which of `OUTCOMES` and `same` occur; `failed` only for NEW, without a later success."""
        found = {pair.effect.verdict for pair in self.pairs}
        if any(one.place == NEW and not one.mended for one in self.failures):
            found.add(FAILED)
        if self.vanished:
            found.add(VANISHED)
        return frozenset(found)

    def to_record(self) -> dict[str, Any]:
        """Return the comparison as plain JSON values; missing values are None."""
        return {
            "band": self.band,
            "geometric_mean": self.geometric_mean,
            "pairs": [_pair_record(pair) for pair in self.pairs],
            "failed": self._labelled(self.failures),
            "vanished": self._labelled(self.vanished),
            "appeared": self._labelled(self.appeared),
            "left_out": {place: dict(counts) for place, counts in self.left_out.items()},
        }

    def _labelled(self, found: Sequence[Failure | Unmatched]) -> list[dict[str, Any]]:
        return [
            {"label": self.labels[one.key], **asdict(one), "key": dict(one.key.values)}
            for one in found
        ]


def build_comparison(pairing: Pairing, band: float) -> Comparison:
    """Judge every pair, and label every key."""
    labels = unique_labels(_key_titles(pairing))
    return Comparison(
        band=band,
        pairs=tuple(_pair(labels[match.key], match, band) for match in pairing.matches),
        failures=pairing.failures,
        vanished=pairing.vanished,
        appeared=pairing.appeared,
        labels=labels,
        left_out=pairing.left_out,
    )


def _key_titles(pairing: Pairing) -> dict[Key, str]:
    keys = [
        *(failure.key for failure in pairing.failures),
        *(unmatched.key for unmatched in (*pairing.vanished, *pairing.appeared)),
    ]
    titles = {key: key.title for key in keys}
    for match in pairing.matches:
        both = dict.fromkeys([match.old.key.title, match.new.key.title])
        titles[match.key] = " against ".join(both)
    return titles


def _pair(label: str, match: Match, band: float) -> Pair:
    old, new = replicates_of(match.old.results), replicates_of(match.new.results)
    return Pair(
        label=label,
        key=match.key,
        old=_measured(match.old, old),
        new=_measured(match.new, new),
        effect=_effect(match, old, new, band),
        across=match.old.key.differences(match.new.key),
        surroundings=context_differences(match),
        notes=notes_of(match),
    )


def _effect(match: Match, old: Replicates, new: Replicates, band: float) -> Effect:
    paired = paired_effect(match.old.results, match.new.results, band)
    if paired is not None:
        return paired
    doubt = doubt_of_sides(
        SideRuns(OLD, match.old.results, old.processes),
        SideRuns(NEW, match.new.results, new.processes),
    )
    by_rounds = rounds_effect(match.old.results, match.new.results, band)
    return (by_rounds or effect_of(old, new, band)).doubted(doubt)


def _measured(side: Side, replicates: Replicates) -> Measured:
    return Measured(
        samples_per_sec=replicates.geometric_mean,
        unit=str(side.results[-1].model.get("unit") or "sample"),
        processes=replicates.processes,
        run_ids=tuple(one.run_id for one in side.results if one.run_id),
        left_out=side.left_out,
        doubt=worst_verdict(side),
    )


def _pair_record(pair: Pair) -> dict[str, Any]:
    record = asdict(pair)
    effect = record.pop("effect")
    interval = effect.pop("interval") or {}
    return {
        **record,
        "key": dict(pair.key.values),
        **effect,
        "low": interval.get("low"),
        "high": interval.get("high"),
    }
