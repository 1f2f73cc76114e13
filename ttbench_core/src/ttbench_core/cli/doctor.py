"""`ttbench doctor`: what is installed here and can be used, and what would help."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ttbench_core.cli.arguments import Parser, UsageError
from ttbench_core.cli.terminal import (
    print_exact,
    print_line,
    print_pairs,
    print_table,
    status_line,
)
from ttbench_core.doctor.backends import USABLE, BackendReport, DeviceReport
from ttbench_core.doctor.diagnosis import Diagnosis, diagnose
from ttbench_core.doctor.installed import Extra, SinkEntry, Software
from ttbench_core.doctor.interpreters import InterpreterReport
from ttbench_core.doctor.packs import PackReport
from ttbench_core.record.formatting import format_quantity

__all__ = ["run_doctor"]

_DESCRIPTION: Final = """\
Show what is installed and usable here: Python and libraries, backends and their
devices, model packs, sinks, the interpreters of ttbench.toml, and what about this machine
makes numbers unstable.

Each backend and each pack is asked in a process of its own: one that crashes, hangs or
cannot be imported is a row with its reason.
"""
_EXAMPLES: Final = """\
examples:
  ttbench doctor                  for people
  ttbench doctor --json           the same for programs, as one JSON object
  ttbench doctor --debug          with what engines and packs print, and their tracebacks

exit codes: 0 at least one backend is usable, and no backend and no pack is broken; 1
otherwise; 2 the request was wrong
"""
_DEFAULT_LIMIT_S: Final = 60.0
_LONGEST_LIMIT_S: Final = 86_400.0
_NO_PACK: Final = "none is installed; pip install ttbench-models-nlp, for example"
_REINSTALL: Final = "pip install --force-reinstall ttbench-core"
_BROKEN_REMEDY: Final = "ttbench doctor --debug shows what they print, and their tracebacks"
_NS_PER_S: Final = 1e9


def run_doctor(words: Sequence[str]) -> int:
    """Run `ttbench doctor`: print what is installed and usable here.

    Gives the exit code: 0 where at least one backend is usable, and no backend and no pack is
    broken, else 1. Raises `RequestError` for a wrong request.
    """
    options = _parser().parse_args(words)
    if not 0 < options.timeout <= _LONGEST_LIMIT_S:
        raise UsageError(f"--timeout must be above 0 and at most {_LONGEST_LIMIT_S:g} seconds")
    with status_line(shown=sys.stderr.isatty() and not options.debug) as show:
        diagnosis = diagnose(
            options.timeout,
            show_output=options.debug,
            others=not options.here,
            on_probe=lambda whom: show(f"asking {whom}"),
        )
    if options.json:
        print_exact(json.dumps(diagnosis.to_record(), indent=2, allow_nan=False))
    else:
        _show(diagnosis)
    return 0 if diagnosis.is_ready else 1


def _parser() -> Parser:
    parser = Parser(
        prog="ttbench doctor",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--timeout",
        type=float,
        default=_DEFAULT_LIMIT_S,
        metavar="SECONDS",
        help="Time that each backend and each pack may take to answer"
        f" (default {_DEFAULT_LIMIT_S:g})",
    )
    parser.add_argument(
        "--here", action="store_true", help="Ask no other interpreter of ttbench.toml"
    )
    parser.add_argument("--json", action="store_true", help="Print what was found as JSON")
    parser.add_argument(
        "--debug",
        action="store_true",
        help="Show what backends and packs print (on stderr), and tracebacks of errors",
    )
    return parser


def _show(diagnosis: Diagnosis) -> None:
    python = diagnosis.python
    print_pairs(
        [
            ("python", f"{python.implementation} {python.version} ({python.executable})"),
            ("platform", diagnosis.platform),
            *map(_software_row, diagnosis.software),
        ]
    )
    print_line()
    header = ["backend", "state", "from", "versions and devices, or what is wrong"]
    print_table(header, [row for one in diagnosis.backends for row in _backend_rows(one)])
    print_line()
    if diagnosis.packs:
        header = ["pack", "version", "models", "state"]
        print_table(header, [row for one in diagnosis.packs for row in _pack_rows(one)])
        print_line()
    if diagnosis.interpreters:
        header = ["interpreter", "state", "usable backends", "packs", "versions, or what is wrong"]
        print_table(header, [_interpreter_row(one) for one in diagnosis.interpreters])
        print_line()
    print_pairs(_installation_rows(diagnosis))
    print_line()
    print_pairs(_conclusion_rows(diagnosis))


def _software_row(one: Software) -> tuple[str, str]:
    return one.name, one.version or f"not installed; {one.remedy}"


def _backend_rows(one: BackendReport) -> Iterator[list[str]]:
    first, *more = [*_problems(one), *_versions(one), *map(_device, one.devices)] or ["-"]
    yield [one.name, one.state.replace("_", " "), f"{one.pack} {one.pack_version}", first]
    yield from (["", "", "", text] for text in more)


def _problems(one: BackendReport) -> Iterator[str]:
    by_name_only = one.state == USABLE and not one.automatic
    when = f"only with --backend {one.name}: " if by_name_only else ""
    if one.reason or when:
        yield f"{when}{one.reason}"
    if one.remedy:
        yield one.remedy


def _versions(one: BackendReport) -> Iterator[str]:
    if one.versions:
        yield ", ".join(f"{name} {version}" for name, version in one.versions.items())


def _device(device: DeviceReport) -> str:
    facts = [device.arch]
    if device.memory_bytes is not None:
        facts.append(format_quantity(device.memory_bytes, "B", binary=True))
    return f"{device.spec} {device.name} ({', '.join(facts)})"


def _pack_rows(one: PackReport) -> Iterator[list[str]]:
    problems = [f"{model.name}: {model.reason}" for model in one.broken_models]
    problems += [one.fault] if one.fault is not None else []
    first, *more = [f"broken: {problem}" for problem in problems] or ["fine"]
    yield [one.name, one.version, str(one.models), first]
    yield from (["", "", "", text] for text in more)


def _interpreter_row(one: InterpreterReport) -> list[str]:
    versions = ", ".join(f"{name} {version}" for name, version in one.versions.items())
    what = "; ".join(text for text in (one.reason, versions, one.python) if text)
    named = [", ".join(names) or "-" for names in (one.usable_backends, one.packs)]
    return [one.name, one.state, *named, what]


def _installation_rows(diagnosis: Diagnosis) -> Iterator[tuple[str, str]]:
    if not diagnosis.packs:
        yield "packs", _NO_PACK
    yield "sinks", ", ".join(map(_sink, diagnosis.sinks)) or f"none; {_REINSTALL}"
    for extra in diagnosis.extras:
        yield f"extra {extra.name}", _extra(extra)


def _conclusion_rows(diagnosis: Diagnosis) -> Iterator[tuple[str, str]]:
    yield from _host(diagnosis.host)
    for advice in diagnosis.advice:
        yield "unstable", f"{advice.about}: {advice.message}; {advice.remedy}"
    if diagnosis.broken_backends or diagnosis.broken_packs:
        yield "broken", _BROKEN_REMEDY
    yield "ready", _conclusion(diagnosis)


def _sink(sink: SinkEntry) -> str:
    return sink.suffix if sink.fault is None else f"{sink.suffix} ({sink.pack}: {sink.fault})"


def _extra(extra: Extra) -> str:
    if not extra.missing:
        versions = ", ".join(f"{name} {at}" for name, at in extra.distributions.items())
        return f"installed: {versions}"
    purpose = f" ({extra.purpose})" if extra.purpose else ""
    return f"not installed: {', '.join(extra.missing)}{purpose}; {extra.remedy}"


def _host(host: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    cores = f"{host['usable_cores']} of {host['logical_cores'] or '?'} cores usable"
    yield "cpu", f"{host['cpu']}, {cores}"
    yield "memory", format_quantity(host["memory_bytes"], "B", binary=True)
    yield "cpu quota", _quota(host)
    yield "governor", ", ".join(host["governors"]) or "not reported by this system"
    yield "load", f"{host['load_1min']:g} in the last minute"


def _quota(host: Mapping[str, Any]) -> str:
    quota, throttled_ns = host["cpu_quota_cores"], host["cpu_throttled_ns"]
    limit = "none" if quota is None else f"{quota:g} cores"
    return f"{limit}; throttled {throttled_ns / _NS_PER_S:.3g} s so far" if throttled_ns else limit


def _conclusion(diagnosis: Diagnosis) -> str:
    usable = diagnosis.usable_backends
    if diagnosis.is_ready:
        packs = "no pack is broken" if diagnosis.packs else "model packs are still to be installed"
        return f"yes: {', '.join(usable)} can run; no backend is broken, and {packs}"
    return f"no: {'; '.join(_missing_for_ready(diagnosis))}"


def _missing_for_ready(diagnosis: Diagnosis) -> Iterator[str]:
    if not diagnosis.backends:
        yield f"no backend is registered ({_REINSTALL})"
    elif not diagnosis.usable_backends:
        yield "no backend can run here; the remedy is listed with each"
    if diagnosis.broken_backends:
        names = ", ".join(diagnosis.broken_backends)
        yield f"{names}: broken backends (fix, update or uninstall what they come from)"
    if diagnosis.broken_packs:
        packs = ", ".join(diagnosis.broken_packs)
        yield f"{packs} cannot be loaded completely (fix, update or uninstall)"
