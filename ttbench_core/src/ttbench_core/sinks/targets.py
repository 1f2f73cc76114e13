"""Targets of `-o` and `load`: which sink belongs to one, and whether it can be used."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from ttbench_core.errors import ResultsFileError, TargetError, suggestion
from ttbench_core.plugins.registry import SINKS, discover, find, load
from ttbench_core.sinks.protocol import Place, Readable, SinkFactory
from ttbench_core.sinks.target_checks import (
    check_file,
    error_reason,
    hide_password,
    require_regular_file,
)

__all__ = ["Target", "check_target", "check_targets", "find_reader"]

_DEFAULT_SUFFIX: Final = "json"
#: `sqlite:///perf.db`, `postgresql+pg8000://...`, `mlflow:nightly`.
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9-]*)(\+[A-Za-z0-9_-]+)?:(?P<slashes>//)?")


@dataclass(frozen=True)
class Target:
    """A place that results are appended to, and the sink that writes to it."""

    place: Place
    open: SinkFactory

    def __str__(self) -> str:
        """Return the target as it was given, without a password."""
        return hide_password(self.place)


def check_targets(targets: str | Path | Sequence[str | Path] | None) -> tuple[Target, ...]:
    """Check one target, several or none; duplicates are dropped."""
    if targets is None:
        return ()
    named = [targets] if isinstance(targets, (str, Path)) else targets
    if not isinstance(named, Iterable):
        raise TargetError(f"cannot write results to {targets!r}: name a file or a URL")
    # two names of one file are one target
    found = {_identity(one.place): one for one in map(check_target, named)}
    return tuple(found.values())


def check_target(target: str | Path) -> Target:
    """Find the sink of a URL by its scheme, of a file by its suffix; by default `.json` is added.

    Raises `TargetError` before anything is measured: for a folder, a device, an
    invalid file name, a missing or read-only folder, a library that is not installed.
    """
    try:
        found = _by_scheme(target) or _by_suffix(Path(target))
        if isinstance(found.place, Path):
            check_file(found.place)
        if (check := getattr(found.open, "check", None)) is not None:
            check(found.place)
        return found
    except TargetError as error:
        shown = hide_password(target)
        if shown in str(error):
            raise
        raise TargetError(f"{shown}: {error}") from error
    except (OSError, TypeError, ValueError) as error:
        shown = hide_password(target)
        raise TargetError(f"cannot write results to {shown!r}: {error_reason(error)}") from error


def _identity(place: Place) -> str:
    return os.path.realpath(place) if isinstance(place, Path) else place


def find_reader(target: str | Path) -> tuple[Place, Readable]:
    """Find what reads a target back: as for writing, but any other file is read as JSON."""
    found = _by_scheme(target)
    if found is None:
        path = Path(target)
        factory = _sink_for_suffix(path)
        written = path.with_name(f"{path.name}.{_DEFAULT_SUFFIX}") if path.name else path
        if factory is None and not os.path.lexists(path) and os.path.isfile(written):  # noqa: PTH113 - no error for a long name
            path = written
        found = Target(path, factory or _load_sink(_DEFAULT_SUFFIX))
    if not hasattr(found.open, "records"):
        raise ResultsFileError(f"{found}: the sink that writes it cannot read it back")
    return found.place, cast("Readable", found.open)


def _by_scheme(target: str | Path) -> Target | None:
    """Return the target of a URL; None if the text is a file name."""
    match = _SCHEME.match(target) if isinstance(target, str) else None
    if match is None:
        return None
    scheme = match[1].lower()
    factories = {name: _load_sink(name) for name in _sink_names()}
    by_url = {name: one for name, one in factories.items() if getattr(one, "takes_url", False)}
    if scheme in by_url:
        return Target(str(target), by_url[scheme])
    if match["slashes"] is None:
        return None
    raise TargetError(
        f"no sink is registered for {scheme}://{suggestion(scheme, by_url)};"
        f" there are {', '.join(f'{name}:' for name in by_url)} and files"
    )


def _by_suffix(path: Path) -> Target:
    if not path.name or path.is_dir():
        raise TargetError(f"cannot write results to {str(path)!r}: it is a folder; name a file")
    require_regular_file(path)
    factory = _sink_for_suffix(path)
    if factory is not None:
        return Target(path, factory)
    _refuse_misspelled_suffix(path)
    named = path.with_name(f"{path.name}.{_DEFAULT_SUFFIX}")
    return Target(named, _load_sink(_DEFAULT_SUFFIX))


def _refuse_misspelled_suffix(path: Path) -> None:
    """Refuse a suffix that is nearly the suffix of a sink."""
    near = difflib.get_close_matches(
        path.suffix.lower(), [f".{one}" for one in _sink_names()], 1, 0.75
    )
    if path.suffix and near:
        raise TargetError(
            f"cannot write results to {path}: did you mean {path.with_suffix(near[0])}?"
        )


def _sink_for_suffix(path: Path) -> SinkFactory | None:
    """Return the sink that is registered for the suffix of a file."""
    suffix = path.suffix.removeprefix(".").lower()
    factory = _load_sink(suffix) if suffix in _sink_names() else None
    return None if getattr(factory, "takes_url", False) else factory


def _sink_names() -> list[str]:
    return sorted({plugin.name for plugin in discover(SINKS)})


def _load_sink(name: str) -> Any:
    return load(find(SINKS, name, "sink"))
