"""Options that an engine declares for itself, as the fields of a frozen dataclass.

    @dataclass(frozen=True)
    class Options:
        lanes: int = engine_option(4, help="Lanes to compute with", choices=(1, 2, 4))

The declaration says what the help, the checks, the record and `compare` need to know.
"""

from __future__ import annotations

import dataclasses
import functools
import typing
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ttbench_core.errors import OptionError, one_line
from ttbench_core.request.declared_options import DeclaredOption, OptionRole, type_of_hint

__all__ = ["declared_options", "engine_option", "make_options"]

_METADATA: Final = "ttbench"


def engine_option(
    default: Any,
    *,
    help: str,  # noqa: A002 - as argparse has it
    choices: Sequence[object] = (),
    minimum: float | None = None,
    maximum: float | None = None,
    flags: Sequence[str] = (),
    metavar: str | None = None,
    compared: bool = True,
    role: OptionRole = OptionRole.NONE,
) -> Any:
    """Declare an option of an engine: the default of a field of its dataclass.

    Args:
        default: what it is where nobody asks; None for an optional one.
        help: a sentence for `ttbench info --backend NAME`.
        choices: the values that it may have; those of an enumeration are known.
        minimum: the lowest number.
        maximum: the highest number.
        flags: flags of its own, of an engine that is part of ttbench-core.
        metavar: what the help shows for its value.
        compared: whether runs with another value of it measure something else; False for the
            path of a log, say.
        role: what the runner must know of it.
    """
    declaration = {
        "help": help,
        "choices": tuple(choices),
        "minimum": minimum,
        "maximum": maximum,
        "flags": tuple(flags),
        "metavar": metavar,
        "compared": compared,
        "role": role,
    }
    return dataclasses.field(default=default, metadata={_METADATA: declaration})


def declared_options(declared: type | None) -> tuple[DeclaredOption, ...]:
    """Give the options that a dataclass declares, in the order of its fields.

    Raises `TypeError` for what is no dataclass, and for a field that cannot be an option.
    """
    if declared is None:
        return ()
    if not isinstance(declared, type) or not dataclasses.is_dataclass(declared):
        raise TypeError(f"options are declared as a dataclass, not as {declared!r}")
    return _options_of(declared)


@functools.cache
def _options_of(declared: type) -> tuple[DeclaredOption, ...]:
    """Read a dataclass once: resolving annotations is most of the time of checking a request."""
    hints = typing.get_type_hints(declared)
    fields = dataclasses.fields(declared)
    return tuple(_option(field, hints[field.name]) for field in fields)


def make_options(declared: type, asked: Mapping[str, object]) -> Any:
    """Make the options of an engine from what was asked, checked.

    Args:
        declared: the dataclass.
        asked: values, or their texts, by names that it declares.

    Raises `OptionError`, also where the dataclass raises `ValueError` for values that
    contradict each other.
    """
    known = {option.name: option for option in declared_options(declared)}
    values = {name: known[name].read(value) for name, value in asked.items()}
    try:
        return declared(**values)
    except OptionError:
        raise
    except ValueError as error:
        raise OptionError(" ".join(str(error).split())) from error
    except Exception as error:
        raise OptionError(
            f"the options of the backend cannot be made: {one_line(error)}"
        ) from error


def _option(field: dataclasses.Field[Any], hint: Any) -> DeclaredOption:
    found = type_of_hint(hint)
    if found is None or field.default is dataclasses.MISSING:
        raise TypeError(
            f"option {field.name!r} must be an int, float, bool, str or enumeration with a default"
        )
    kind, choices = found
    declaration: dict[str, Any] = {"help": "", **field.metadata.get(_METADATA, {})}
    declaration["choices"] = declaration.get("choices") or choices
    return DeclaredOption(name=field.name, kind=kind, default=field.default, **declaration)
