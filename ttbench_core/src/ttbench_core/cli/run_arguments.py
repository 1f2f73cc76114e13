"""The flags of a run, spelled as in the seed: model, engine, measurement, checks."""

from __future__ import annotations

import argparse

from ttbench_core.cli.engine_arguments import choices_of
from ttbench_core.request.formats import DEFAULT_PCC, DataFormat
from ttbench_core.request.options import MathFidelity, Scenario, Trace

__all__ = ["add_run_arguments"]


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags that every engine has, in groups."""
    _add_model(parser.add_argument_group("what to run"))
    _add_engine(parser.add_argument_group("how to run it"))
    _add_measuring(parser.add_argument_group("how it is measured"))
    _add_checking(parser.add_argument_group("what is checked and stored"))


def _add_model(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "-m",
        "--model",
        help="Model to benchmark (e.g. bert), or PACK:MODEL where two packs have it, or"
        " loader:MODULE",
    )
    group.add_argument(
        "-c", "--config", help="Model configuration to benchmark (e.g. tiny, base, large)"
    )
    group.add_argument("-t", "--training", action="store_true", help="Benchmark training")
    group.add_argument(
        "-mb",
        "--microbatch",
        type=int,
        help="Samples in one input. By default, what the configuration declares.",
    )
    group.add_argument(
        "--layers",
        type=int,
        help="Number of layers to run on models where this is applicable"
        " (e.g. nlp encoders/decoders)",
    )
    group.add_argument(
        "--seq_len",
        type=int,
        metavar="TOKENS",
        help="Tokens of a text or prompt, where a model has one",
    )
    group.add_argument(
        "--image_size",
        type=int,
        metavar="PIXELS",
        help="Rows and columns of an image, where a model has one",
    )
    group.add_argument(
        "--generative",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="Generate tokens and count them, or run one forward pass per input. By default, what"
        " the model is for.",
    )
    group.add_argument(
        "--new_tokens",
        type=int,
        metavar="TOKENS",
        help="Tokens that a model generates for a prompt",
    )
    group.add_argument(
        "-M",
        "--model_option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="An option of the model itself; can be given more than once. ttbench info MODEL lists"
        " them.",
    )
    group.add_argument(
        "--weights",
        metavar="{pretrained,FOLDER}",
        help="Trained weights, from the hub or from a folder. By default, random ones.",
    )
    group.add_argument(
        "--seed", type=int, default=0, help="Seed of random weights and inputs (default 0)"
    )


def _add_engine(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "-df",
        "--dataformat",
        metavar=choices_of(DataFormat),
        help="Set data format (default Fp32, with PyBuda Bfp8_b), or one that the backend declares",
    )
    group.add_argument(
        "-mf",
        "--math_fidelity",
        metavar=choices_of(MathFidelity),
        help="Set math fidelity (with PyBuda by default LoFi)",
    )
    group.add_argument(
        "-opt",
        "--backend_opt_level",
        type=int,
        metavar="{0,1,2,3,4}",
        help="Set backend optimization level (default 1, with PyBuda 4). torch has 0"
        " eager, 1 eager with memory formats for inference, 2 torch.compile, 3 with frozen weights,"
        " 4 with max-autotune as well.",
    )
    group.add_argument(
        "-d",
        "--device",
        help="Device to run on: cpu, cuda, cuda:1, silicon. By default, the best there is.",
    )
    group.add_argument("--backend", help="Engine to run with. By default, the best that is usable.")
    group.add_argument(
        "--chips",
        type=int,
        default=1,
        help="Number of chips to run benchmark on. 0 to run on all available.",
    )
    group.add_argument(
        "--threads",
        type=int,
        help="Threads that the engine computes with on the host. By default, its own choice.",
    )
    group.add_argument(
        "-e",
        "--env",
        help='Environment variables to run with, in a process of its own: -e "NAME=VALUE OTHER",'
        " where a name alone, in capitals, means 1",
    )
    group.add_argument(
        "--python",
        metavar="{NAME,PATH}",
        help="Measure with another Python interpreter, which has ttbench-core and the engine: a"
        " path, or a name of ttbench.toml. By default this one, or the one that ttbench.toml"
        " names for --backend.",
    )
    group.add_argument(
        "--timeout",
        type=float,
        metavar="SECONDS",
        help="With an engine that can hang, such as that of a card, time that compiling or an"
        " output may take before the run counts as hung (default 1800; with PyBuda 120 for an"
        " output)",
    )


def _add_measuring(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--loop_count",
        type=int,
        help="Set the number of times to loop through the model in one pass."
        " By default, it will be 5x the number of chips.",
    )
    group.add_argument(
        "--passes",
        type=int,
        help="Number of passes; their mean is reported. By default, until their 95%% interval"
        " is within 2%%: 5 to 100.",
    )
    group.add_argument(
        "--max_time",
        type=float,
        metavar="SECONDS",
        help="Time that the passes of a process may take (default 60, 20 with --vs, and none with"
        " --passes);"
        " the first one is always completed",
    )
    group.add_argument(
        "--warmup",
        type=int,
        metavar="INPUTS",
        help="Inputs before the passes. By default, until two windows of them agree.",
    )
    group.add_argument(
        "--processes",
        type=int,
        help="Repeat the whole measurement in this many fresh processes, and give the interval"
        " over them (default 1; with --vs 5 pairs)",
    )
    group.add_argument(
        "--in-process",
        action="store_true",
        help="Measure in the process of the command itself, for debuggers; not with --vs,"
        " --processes or -e. By default a run has a process of its own, so that its record is"
        " kept whatever happens there.",
    )
    group.add_argument(
        "--scenario",
        default=Scenario.THROUGHPUT.value,
        metavar=choices_of(Scenario),
        help="Keep as many inputs in flight as the engine can use (default), or one at a time",
    )
    group.add_argument(
        "--vs",
        metavar="FLAGS",
        help="Measure a second variant, with these flags added, in turns with the first, and"
        ' give the ratio: --vs "-df Fp16_b". Quote the flags: they are one argument.',
    )
    group.add_argument(
        "--trace",
        default=Trace.NONE.value,
        metavar=choices_of(Trace),
        help="Performance trace to be generated after the timed passes, in ttbench-traces/.",
    )


def _add_checking(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--verify",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="Compare the outputs with Fp32 eager on the CPU. By default, where they can differ.",
    )
    group.add_argument(
        "--pcc",
        type=float,
        help="Verify, with this correlation below which outputs count as wrong. By default, what"
        f" the model declares for the format, else {DEFAULT_PCC}.",
    )
    group.add_argument(
        "--roofline",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="Measure this machine's peak and report the share of it that was reached (default)",
    )
    group.add_argument(
        "--strict", action="store_true", help="Exit with 1 where the verdict is unstable"
    )
    group.add_argument(
        "-o",
        "--output",
        action="append",
        metavar="TARGET",
        help="Where to append the result, optionally; can be given more than once. A file: a JSON"
        " list, or by its suffix .jsonl, .csv or .parquet. A database: sqlite:///perf.db or"
        " postgresql://USER@HOST/NAME. An experiment: mlflow:NAME.",
    )
    group.add_argument(
        "--disable_output",
        type=int,
        nargs="?",
        const=1,
        default=0,
        choices=(0, 1),
        help="With 1, store no result, even with -o",
    )
