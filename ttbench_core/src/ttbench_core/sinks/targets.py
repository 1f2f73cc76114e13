"""Targets of `-o` and `load`: which sink belongs to one, and whether it can be used."""

from __future__ import annotations

import contextlib
import difflib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, cast

from ttbench_core.errors import RequestError, ResultsFileError, TargetError, suggestion
from ttbench_core.plugins.registry import SINKS, discover, find, load
from ttbench_core.sinks.content_checks import require_readable
from ttbench_core.sinks.protocol import Place, Readable, SinkFactory
from ttbench_core.sinks.redaction import hide_secrets, shown_place
from ttbench_core.sinks.target_checks import (
    check_file,
    error_reason,
    require_regular_file,
    working_folder,
)

__all__ = [
    "Target",
    "check_target",
    "check_targets",
    "checked_before",
    "find_reader",
    "require_file_name",
]

_DEFAULT_SUFFIX: Final = "json"
#: `sqlite:///perf.db`, `postgresql+pg8000://...`, `mlflow:nightly`.
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9_-]*)(\+[A-Za-z0-9_-]+)?:(?P<slashes>//)?")
_REMEDY: Final = "; a file whose name begins with {0}: is written ./{0}:..."


@dataclass(frozen=True, repr=False)
class Target:
    """A place that results are appended to, and the sink that writes to it."""

    place: Place
    open: SinkFactory
    #: As it was given; `place` is absolute, because a pack may change the working directory.
    named: Place | None = None
    #: The working directory when it was given, if there was one.
    start: Path | None = None

    @property
    def as_named(self) -> Place:
        """The place as it was given, which is what is shown."""
        return self.place if self.named is None else self.named

    def __str__(self) -> str:
        """Return the place as it may be shown, without its secret parts."""
        return shown_place(self.as_named, self.open)

    def __repr__(self) -> str:
        return f"<target {self}>"

    @property
    def identity(self) -> str:
        """The place behind links: two names of one file have the same. It may hold a password."""
        return os.path.realpath(self.place) if isinstance(self.place, Path) else self.place

    def hide_secrets(self, text: str) -> str:
        """Return a text, such as that of an error, without the secret parts of the place."""
        return hide_secrets(text, self.as_named, str(self))

    def records(self) -> Iterator[tuple[str, Any]]:
        """Read the records back; raises `ResultsFileError` if the sink cannot."""
        if not hasattr(self.open, "records"):
            raise ResultsFileError(f"{self}: the sink that writes it cannot read it back")
        return cast("Readable", self.open).records(self.place)


def check_targets(targets: str | Path | Sequence[str | Path] | None) -> tuple[Target, ...]:
    """Check one target, several or none; duplicates are dropped."""
    if targets is None:
        return ()
    named = [targets] if isinstance(targets, (str, Path)) else targets
    if not isinstance(named, Iterable):
        raise TargetError(f"cannot write results to {targets!r}: name a file or a URL")
    # two names of one file are one target
    found = {one.identity: one for one in map(check_target, named)}
    return tuple(found.values())


def check_target(target: str | Path) -> Target:
    """Find the sink of a URL by its scheme, of a file by its suffix; by default `.json` is added.

    Raises `TargetError` before anything is measured: for a folder, a device, an
    invalid file name, a missing or read-only folder, a library that is not installed,
    a scheme that no sink has, a file that holds something else than results.
    """
    found = _by_scheme(target)
    if found is None:
        try:
            found = _by_suffix(Path(target))
        except (OSError, TypeError, ValueError) as error:
            raise TargetError(
                f"cannot write results to {target!r}: {error_reason(error)}"
            ) from error
    return _checked(found)


def checked_before(place: str) -> Target:
    """Give a target that was checked in this working directory: storing says what it is now."""
    return _absolute(find_reader(place))


def _absolute(target: Target) -> Target:
    place = target.place
    if isinstance(place, Path):
        place = Path(os.path.abspath(place))  # noqa: PTH100 - links stay
    elif (absolute := getattr(target.open, "absolute", None)) is not None:
        place = absolute(place)
    return replace(target, place=place, named=target.place, start=working_folder())


def _checked(target: Target) -> Target:
    """Make a target absolute; raises `TargetError`, which names it, if it cannot be used."""
    try:
        if isinstance(target.place, Path):
            check_file(target.place)
        if (check := getattr(target.open, "check", None)) is not None:
            check(target.place)
        if isinstance(target.place, Path):
            require_readable(target.place, target.open)
        return _absolute(target)
    except (Exception, SystemExit) as error:
        shown, reason = str(target), target.hide_secrets(error_reason(error))
        if isinstance(error, TargetError):
            raise TargetError(reason if shown in reason else f"{shown}: {reason}") from error
        raise TargetError(f"cannot write results to {shown!r}: {reason}") from error


def find_reader(target: str | Path) -> Target:
    """Find what reads a target back: as for writing, but any other file is read as JSON.

    Raises `ResultsFileError` for a scheme that no sink has, unless there is a file of that name.
    """
    path = Path(target)
    # with the suffix that writing adds to a name without one
    written = path.with_name(f"{path.name}.{_DEFAULT_SUFFIX}") if path.name else path
    try:
        if (found := _by_scheme(target)) is not None:
            return found
    except TargetError as error:
        if not _is_file(path) and not _is_file(written):
            raise ResultsFileError(str(error)) from error
    factory = _sink_for_suffix(path)
    if factory is None and not os.path.lexists(path) and _is_file(written):
        path = written
    return Target(path, factory or _load_sink(_DEFAULT_SUFFIX))


def require_file_name(place: str | Path, example: str) -> None:
    """Raise `TargetError`, with the example of a file, for a URL: it may hold a password."""
    match = _SCHEME.match(place) if isinstance(place, str) else None
    if match is not None:
        remedy = _REMEDY.format(match[1])
        raise TargetError(
            f"{match[1]}: is the start of a URL: name a file, such as {example}{remedy}"
        )


def _is_file(path: Path) -> bool:
    return os.path.isfile(path)  # noqa: PTH113 - no error for a long name


def _by_scheme(target: str | Path) -> Target | None:
    """Return the target of a URL; None if the text is a file name.

    Raises `TargetError` for a scheme that no sink has. It shows no more than the scheme: what
    is secret of the rest, only the sink would know.
    """
    match = _SCHEME.match(target) if isinstance(target, str) else None
    if match is None:
        return None
    name = {one.lower(): one for one in _sink_names()}.get(match[1].lower())
    factory = None if name is None else _load_sink(name)
    if getattr(factory, "takes_url", False):
        return Target(str(target), cast("SinkFactory", factory))
    if name is not None:
        raise TargetError(
            f"{match[1]}: is no scheme, because the sink {name!r} writes files: name one that"
            f" ends in .{name}{_REMEDY.format(match[1])}"
        )
    schemes = _schemes()
    raise TargetError(
        f"no sink is registered for {match[0]}{suggestion(match[1], schemes)};"
        f" there are {', '.join(f'{one}:' for one in schemes)} and files, such as perf.json"
        f"{'' if match['slashes'] else _REMEDY.format(match[1])}"
    )


def _schemes() -> list[str]:
    """List the schemes of the sinks that can be loaded."""
    schemes = []
    for name in _sink_names():
        with contextlib.suppress(RequestError):
            if getattr(_load_sink(name), "takes_url", False):
                schemes.append(name)
    return schemes


def _by_suffix(path: Path) -> Target:
    if str(path) in {"-", "."}:
        raise TargetError(
            f"cannot write results to {str(path)!r}: name a file; --json prints the result"
        )
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
