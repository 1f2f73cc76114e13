"""`ttbench info MODEL`: what a model is, without running it; `--backend NAME`: an engine."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from ttbench_core.cli.arguments import Parser, UsageError
from ttbench_core.cli.backend_info import backend_facts, backend_rows
from ttbench_core.cli.terminal import print_exact, print_pairs
from ttbench_core.doctor.export_probe import ExportReport, check_export_file, probe_export
from ttbench_core.errors import UnsupportedOptionError
from ttbench_core.models.describing import Description, describe
from ttbench_core.record.formatting import format_quantity
from ttbench_core.request.named_values import parse_named_values
from ttbench_core.request.options import RunOptions

__all__ = ["show_model"]

_EXAMPLES: Final = """\
The model is built by its shapes alone, so no weights are made or loaded. One that looks at its
values is built with random ones and run once to count its FLOPs, which takes a while; a note
says so. --exported builds it with random weights, in a process of its own, and exports it.

examples:
  ttbench info bert                    the configuration that runs without -c
  ttbench info llama -c smollm2-135m --seq_len 512 --new_tokens 64
  ttbench info resnet -c resnet50 -mb 32 --json
  ttbench info bert -c tiny --save_exported bert.pt2
  ttbench info loader:third_party.tt_forge_models.bert.question_answering.pytorch.loader
  ttbench info --backend torch         an engine: options, formats, levels, devices
"""


def show_model(words: Sequence[str]) -> int:
    """Run `ttbench info`: print the description of a model or a backend.

    Raises what `describe` raises, and for a backend what loading it raises.
    """
    options = _parser().parse_intermixed_args(words)
    if options.backend is not None:
        return _show_backend(options)
    if len(options.model) != 1:
        raise UsageError("info takes one MODEL: ttbench info bert; ttbench --list shows them")
    others = ("model", "json", "backend", "model_option", "exported", "save_exported", "force")
    asked = {name: value for name, value in vars(options).items() if name not in others}
    asked["model_options"] = parse_named_values("-M", options.model_option)
    if options.save_exported is not None:
        check_export_file(options.save_exported, may_replace=options.force)
    found = describe(options.model[0], **asked)
    report = _export(options, asked)
    if options.json:
        exported = {} if report is None else {"exported": asdict(report)}
        print_exact(json.dumps({**asdict(found), **exported}))
    else:
        print_pairs((*_rows(found), *_export_rows(report, options.save_exported)))
    return 0


def _export(options: argparse.Namespace, asked: dict[str, Any]) -> ExportReport | None:
    """Export where it was asked for; raises where a file was, and there is nothing to keep."""
    if not options.exported and options.save_exported is None:
        return None
    report = probe_export(RunOptions(options.model[0], **asked), options.save_exported)
    if options.save_exported is not None and not report.exports:
        raise UnsupportedOptionError(
            f"{options.model[0]} cannot be exported ({report.reason}): leave out --save_exported"
        )
    return report


def _export_rows(report: ExportReport | None, file: Path | None) -> Iterator[tuple[str, str]]:
    if report is None:
        return
    if report.exports:
        count = f"{report.operators} operator{'' if report.operators == 1 else 's'}"
        seconds = report.export_s or 0.0
        yield ("exports", f"yes: {count} in {seconds:.1f} s, sha256 {report.sha256}")
    else:
        yield ("exports", f"no: {report.reason}")
    if file is not None:
        yield ("exported to", str(file))


def _show_backend(options: argparse.Namespace) -> int:
    if options.model:
        raise UsageError("info shows a MODEL or a --backend, one at a time")
    facts = backend_facts(options.backend)
    if options.json:
        print_exact(json.dumps(facts))
    else:
        print_pairs(backend_rows(facts))
    return 0


def _parser() -> Parser:
    parser = Parser(
        prog="ttbench info",
        usage="ttbench info MODEL [options] | ttbench info --backend NAME",
        description="Show what a model is: parameters, FLOPs, inputs, stages, what it can do;"
        " or an engine: its options, formats, levels and devices",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("model", nargs="*", metavar="MODEL", help="Name of an installed model")
    parser.add_argument("-c", "--config", help="Its configuration")
    for flag, metavar, text in (
        ("--layers", "LAYERS", "Number of layers, where the model has them"),
        ("--seq_len", "TOKENS", "Tokens of a text or prompt, where the model has one"),
        ("--image_size", "PIXELS", "Rows and columns of an image, where the model has one"),
        ("--new_tokens", "TOKENS", "Tokens that it generates for a prompt"),
    ):
        parser.add_argument(flag, type=int, metavar=metavar, help=text)
    parser.add_argument("-mb", "--microbatch", type=int, help="Samples in one input")
    parser.add_argument(
        "--generative",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="As a model that generates, or with one forward pass per input",
    )
    parser.add_argument(
        "-M",
        "--model_option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="An option of the model itself",
    )
    parser.add_argument(
        "--exported", action="store_true", help="Try torch.export on its device stage"
    )
    parser.add_argument(
        "--save_exported",
        type=Path,
        metavar="FILE.pt2",
        help="Keep the exported device stage in a file, for torch.export.load",
    )
    parser.add_argument("--force", action="store_true", help="Replace that file")
    parser.add_argument("--backend", metavar="NAME", help="Show this engine instead of a model")
    parser.add_argument("--json", action="store_true", help="Print JSON")
    return parser


def _rows(found: Description) -> Iterator[tuple[str, str]]:
    yield ("model", f"{found.model} {found.config or ''}".strip())
    if found.task:
        yield ("task", found.task)
    if found.pack:
        yield ("pack", f"{found.pack} {found.version}")
    yield from _origin_rows(found)
    if found.parameters is not None:
        yield ("parameters", f"{found.parameters:,}")
    if found.flops_per_input is not None:
        yield ("work", f"{format_quantity(found.flops_per_input, 'FLOP')} an input")
    for number, value in enumerate(found.inputs):
        yield (f"input {value.get('name', number)}", f"{value['shape']} {value['dtype']}")
    if found.stages:
        yield ("stages", ", ".join(found.stages))
    yield ("training", "yes (-t)" if found.trains else "no")
    if found.new_tokens is None:
        yield ("generation", "no")
    else:
        of = f", of a prompt of {found.prompt_tokens}" if found.prompt_tokens else ""
        count = f"{found.new_tokens} new token{'' if found.new_tokens == 1 else 's'}"
        yield ("generation", f"{count}{of}")
    yield ("options", ", ".join(found.options) or "none of a model")
    for option in found.model_options:
        values = ",".join(option["choices"]) or option["type"]
        default = "" if option["default"] is None else f", by default {option['default']}"
        yield (f"-M {option['name']}=", f"{{{values}}}{default}")
    yield from (("note", note) for note in found.notes)


def _origin_rows(found: Description) -> Iterator[tuple[str, str]]:
    """Yield what a loader says of itself."""
    if not found.origin:
        return
    names = (f"{one}*" if one == found.default_config else one for one in found.configs)
    if found.configs:
        yield ("variants", f"{', '.join(names)} (* runs without -c)")
    yield from (row for row in found.origin.items() if row != ("task", found.task))
