"""`{shard}` in the name of an output: the file of this shard, and those of the others."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from ttbench_core.errors import OptionError, TargetError
from ttbench_core.sinks.redaction import hide_password
from ttbench_core.sinks.targets import Target, check_targets
from ttbench_core.sweeps.shards.shards import Shard

__all__ = [
    "outputs_of_all",
    "outputs_of_shard",
    "targets_of_all",
    "texts_of_outputs",
]

_PLACE: Final = "{shard}"
#: URLs of a file.
_FILE_URL: Final = "sqlite:///"
_DEFAULT_SUFFIX: Final = ".json"
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+_-]*:")


def texts_of_outputs(named: str | Path | Sequence[str | Path]) -> tuple[str, ...]:
    """Give one output or several as texts; raises `TargetError` for what is none."""
    several = [named] if isinstance(named, (str, Path)) else named
    if not isinstance(several, Iterable) or not all(
        isinstance(one, (str, Path)) for one in several
    ):
        raise TargetError(f"cannot write results to {named!r}: name a file or a URL")
    # a path that looks like a URL stays a path
    return tuple(
        f"./{one}" if isinstance(one, Path) and _SCHEME.match(str(one)) else str(one)
        for one in several
    )


def outputs_of_shard(outputs: Sequence[str], shard: Shard | None) -> tuple[str, ...]:
    """Give outputs with the number of a shard in place of `{shard}`.

    Raises `OptionError` where there is one and no shard.
    """
    for one in outputs:
        if shard is None and _PLACE in one:
            raise OptionError(
                f"-o {hide_password(one)}: {_PLACE} is the number of a shard: give --shard I/N, or"
                " name one output for all"
            )
    text = "" if shard is None else shard.in_file_names
    return tuple(one.replace(_PLACE, text) for one in outputs)


def targets_of_shard(
    outputs: Sequence[str], shard: Shard | None
) -> tuple[tuple[Target, ...], tuple[Target, ...]]:
    """Give the checked targets of a shard, and those of others that are there, of any count.

    Raises `OptionError` as `outputs_of_shard` does, and `TargetError`.
    """
    own = check_targets(outputs_of_shard(outputs, shard))
    known = {one.identity for one in own}
    of_all = check_targets(outputs_of_all([one for one in outputs if _PLACE in one]))
    return own, tuple(one for one in of_all if one.identity not in known)


def outputs_of_all(outputs: Sequence[str]) -> tuple[str, ...]:
    """Give outputs with those that exist, of all shards, in place of one with `{shard}`."""
    found: list[str] = []
    for one in outputs:
        found += _existing(one) if _PLACE in one else [one]
    return tuple(found)


def targets_of_all(outputs: Sequence[str]) -> tuple[tuple[Target, ...], tuple[str, ...]]:
    """Give the checked targets of all shards, and a sentence for each that cannot be found."""
    notes = tuple(
        f"{hide_password(one)}: what other shards have there cannot be found, because it is no file"
        for one in outputs
        if _PLACE in one and not _is_file(one)
    )
    return check_targets(outputs_of_all(outputs)), notes


def _existing(output: str) -> list[str]:
    if not _is_file(output):
        return []
    path = _file_of(output)
    start = output[: len(output) - len(path)]
    parts = path.split(_PLACE)
    # as it is added to a name without a suffix
    suffix = re.escape(_DEFAULT_SUFFIX)
    names = re.compile(r"([0-9]+of[0-9]+)".join(map(re.escape, parts)) + f"(?:{suffix})?")
    pattern = "*".join(map(glob.escape, parts))
    found = sorted({*glob.glob(pattern), *glob.glob(pattern + _DEFAULT_SUFFIX)})  # noqa: PTH207 - names stay as written
    return [
        f"{start}{one}"
        for one in found
        if (match := names.fullmatch(one)) and len(set(match.groups())) == 1 and Path(one).is_file()
    ]


def _is_file(output: str) -> bool:
    return output.startswith(_FILE_URL) or not _SCHEME.match(output)


def _file_of(output: str) -> str:
    return output.removeprefix(_FILE_URL)
