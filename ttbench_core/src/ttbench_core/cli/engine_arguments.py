"""Options that engines declare: `-B NAME=VALUE`, and flags that some have of their own."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from ttbench_core.backends.engine_options import backends_with_options, spelled_options
from ttbench_core.request.checking import OptionEnum
from ttbench_core.request.declared_options import DeclaredOption, option_texts
from ttbench_core.request.named_values import parse_named_values

__all__ = ["add_engine_options", "choices_of", "engine_keywords", "engine_lines"]


def add_engine_options(group: argparse._ArgumentGroup) -> None:
    """Add `-B`, and the flags of the core's backends, which the help leaves to `ttbench info`."""
    group.add_argument(
        "-B",
        "--backend_option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="An option that the backend declares; can be given more than once",
    )
    for option in spelled_options().values():
        _add_flag(group, option)


def engine_keywords(options: argparse.Namespace) -> dict[str, Any]:
    """Give the options of engines on a command line as keywords of `run`.

    Raises `OptionError` for a word of `-B` that sets nothing.
    """
    spelled = {name: getattr(options, name) for name in spelled_options()}
    given = {name: value for name, value in spelled.items() if value is not None}
    return {**given, "engine_options": parse_named_values("-B", options.backend_option)}


def engine_lines() -> Iterator[str]:
    """Give a line for each installed engine that has options of its own."""
    for installed, options in backends_with_options():
        name, count = installed.plugin.name, len(options)
        of_its_own = "flag" if options[0].flags else "option"
        yield (
            f"{name} has {count} {of_its_own}{'' if count == 1 else 's'} of its own:"
            f" ttbench info --backend {name}"
        )


def choices_of(kind: type[OptionEnum]) -> str:
    """Give the spellings of an option's values, as the help shows them."""
    return "{" + ",".join(option_texts(tuple(kind))) + "}"


def _add_flag(group: argparse._ArgumentGroup, option: DeclaredOption) -> None:
    reading: dict[str, Any] = {"action": "store_true"} if option.kind is bool else {}
    if option.kind in (int, float):
        reading = {"type": option.kind}
    group.add_argument(
        *option.flags, dest=option.name, default=None, help=argparse.SUPPRESS, **reading
    )
