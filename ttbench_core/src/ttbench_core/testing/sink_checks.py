"""Checks that a sink follows its contract: what it stores comes back, and nothing is lost."""

from __future__ import annotations

import contextlib
import copy
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from ttbench_core.errors import ResultsFileError, TargetError
from ttbench_core.record.record_checks import result_of
from ttbench_core.sinks.protocol import Place, Sink, SinkFactory
from ttbench_core.sinks.redaction import shown_place
from ttbench_core.testing.example_results import example_result
from ttbench_core.testing.promises import Contract

__all__ = ["check_sink"]

_SINK: Final = Contract("a sink")
#: What also a sink that keeps a part of each record must give back.
_LEAST_KEYS: Final = ("run_id", "status", "samples_per_sec")
#: Texts that formats have to escape.
_AWKWARD: Final = "=1+1, 'quoted' \"twice\"\n\tline \u2028 \u6027 \\"


def check_sink(
    factory: SinkFactory,
    place: Place,
    *,
    foreign: Place | None = None,
    secret: str | None = None,
    whole_records: bool = True,
) -> None:
    """Store results in a place, read them back, and check what a sink promises.

    Args:
        factory: what is registered under `ttbench.sinks`.
        place: a place in which nothing is stored yet: a path for a sink that is registered by
            suffix, a text for one that is registered by scheme. Six results are stored there.
        foreign: a place that holds something else. It must be refused; a file must also stay as
            it is.
        secret: a part of `place` that must not be shown.
        whole_records: whether `records` gives whole records. If not, only `run_id`, `status`
            and `samples_per_sec` must come back.

    Raises `AssertionError` naming the promise that was broken, and whatever the sink raises.
    """
    _check_form(factory, place)
    if secret is not None:
        _SINK.require(secret not in shown_place(place, factory), "redact hides the secret part")
    _check_redact(factory, place)
    _check_that_check_changes_nothing(factory, place)
    kept = _Kept(factory, place, whole_records)
    _check_writing(kept)
    _check_sharing(kept)
    if foreign is not None:
        _check_refusal(factory, foreign)


def _check_form(factory: SinkFactory, place: Place) -> None:
    is_by_scheme = bool(getattr(factory, "takes_url", False))
    if isinstance(place, Path):
        _SINK.require(not is_by_scheme, "takes_url is for places that are texts with a scheme")
    else:
        _SINK.require(is_by_scheme, "a factory for places with a scheme has takes_url = True")


def _check_redact(factory: SinkFactory, place: Place) -> None:
    redact: Callable[[Place], object] | None = getattr(factory, "redact", None)
    if redact is not None:
        shown = redact(place)
        _SINK.require(isinstance(shown, str) and shown != "", "redact returns a text")


def _check_that_check_changes_nothing(factory: SinkFactory, place: Place) -> None:
    check: Callable[[Place], object] | None = getattr(factory, "check", None)
    if check is not None:
        with (
            _SINK.unchanged(_path_of(place), "check creates nothing"),
            _SINK.no_connection("check does not connect"),
        ):
            check(place)
    if hasattr(factory, "records"):
        found = _read_nothing(factory, place)
        _SINK.require(not found, "records of a place without results has none")


class _Kept:
    """Results that are stored in a place, and what the sink reads back from there."""

    def __init__(self, factory: Any, place: Place, whole_records: bool) -> None:
        self.factory: Final = factory
        self.place: Final = place
        self._whole_records: Final = whole_records
        self._records: Final[list[dict[str, Any]]] = []

    def write(self, sink: Sink, **changes: Any) -> None:
        """Store one more result, which began later than those before it."""
        number = len(self._records) + 1
        started_at = f"2026-01-01T00:00:{number:02}+00:00"
        result = example_result(run_id=f"{number:032}", started_at=started_at, **changes)
        before = copy.deepcopy(result.to_record())
        sink.write(result)
        _SINK.require(result.to_record() == before, "write does not change the result")
        self._records.append(before)

    def check(self, rule: str) -> None:
        """Check that what was stored comes back, if the sink can read.

        Args:
            rule: the promise that is broken if results are missing.
        """
        if not hasattr(self.factory, "records"):
            return
        with _SINK.no_error(rule):
            found = list(self.factory.records(self.place))
        records = _require_records(found)
        identities = [str(one.get("run_id")) for one in records]
        wanted = [one["run_id"] for one in self._records]
        _SINK.require(sorted(identities) == sorted(wanted), rule)
        in_order = "records come back in the order in which they were stored"
        _SINK.require(identities == wanted, in_order)
        for record, one in zip(records, self._records, strict=True):
            keys = one.keys() | record.keys() if self._whole_records else _LEAST_KEYS
            wrong = ", ".join(sorted(key for key in keys if record.get(key) != one.get(key)))
            _SINK.require(not wrong, f"records come back as they were stored: {wrong} differ")


def _require_records(found: Sequence[Any]) -> list[Mapping[str, Any]]:
    """Check the form of what a sink reads back, and give the records."""
    pairs = all(isinstance(one, tuple) and len(one) == 2 for one in found)
    _SINK.require(pairs, "records gives pairs of a location and a record")
    locations = [location for location, _ in found]
    are_texts = all(isinstance(location, str) for location in locations)
    _SINK.require(are_texts and len(set(locations)) == len(found), "each record has a location")
    records = [record for _, record in found]
    _SINK.require(all(isinstance(one, Mapping) for one in records), "a record is a JSON object")
    return records


def _check_writing(kept: _Kept) -> None:
    """Store results one after the other, also after the sink was closed."""
    sink = kept.factory(kept.place)
    _SINK.require(hasattr(type(sink), "__enter__"), "a sink is a context manager")
    with sink as entered:
        _SINK.require(hasattr(entered, "write"), "entering a sink gives the sink")
        kept.write(entered)
        kept.check("write returns when it is stored")
        kept.write(entered, status="failed", samples_per_sec=None)
    with _SINK.no_error("close may be called again"):
        sink.close()
    with kept.factory(kept.place) as reopened:
        kept.write(reopened, machine_name=_AWKWARD, notes=[_AWKWARD])
    kept.check("a sink that is opened again appends")


def _check_sharing(kept: _Kept) -> None:
    """Let two sinks that are open at once take turns."""
    with kept.factory(kept.place) as one, kept.factory(kept.place) as other:
        for sink in (one, other, one):
            kept.write(sink)
    kept.check("two sinks that are open on one place lose nothing of each other")


def _read_nothing(factory: Any, place: Place) -> list[Any]:
    """Read a place without results, which may also be refused."""
    rule = "records raises ResultsFileError or OSError if there is nothing to read"
    with _SINK.no_error(rule), contextlib.suppress(ResultsFileError, OSError):
        return list(factory.records(place))
    return []


def _check_refusal(factory: Any, foreign: Place) -> None:
    """Check that a place with something else is refused, in writing and in reading."""
    rule = "write raises TargetError where the place holds something else"
    with (
        _SINK.unchanged(_path_of(foreign), "a place that holds something else stays as it is"),
        _SINK.raises(TargetError, rule),
        factory(foreign) as sink,
    ):
        sink.write(example_result())
    if not hasattr(factory, "records"):
        return
    rule = "records raises ResultsFileError where the place holds something else"
    with _SINK.raises(ResultsFileError, rule):
        # what is no result is refused by whoever reads it
        for where, record in factory.records(foreign):
            result_of(where, record)


def _path_of(place: Place) -> Path:
    """Return a path, also the one that a URL may name: `/tmp/perf.db` of `sqlite:////tmp/perf.db`."""
    if isinstance(place, Path):
        return place
    return Path(re.split("[?#]", place.partition(":")[2])[0])
