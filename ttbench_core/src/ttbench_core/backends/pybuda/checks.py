"""What a request asks for that its model or files cannot give, checked before compiling."""

from __future__ import annotations

from pathlib import Path

from ttbench_core.backends.protocol import CompileOptions
from ttbench_core.backends.pybuda.cards import can_save_images
from ttbench_core.backends.pybuda.configuration import engine_options
from ttbench_core.backends.pybuda.generating import generation_settings
from ttbench_core.backends.pybuda.options import PybudaOptions
from ttbench_core.errors import OptionError, TargetError, UnsupportedOptionError, one_line
from ttbench_core.model import BenchmarkModel
from ttbench_core.models.inputs import input_kinds

__all__ = ["check_request"]


def check_request(model: BenchmarkModel, options: CompileOptions) -> None:
    """Check the options that concern the model and files, and make missing folders.

    Raises `OptionError` for a model that cannot be run as asked and for files that cannot be
    read, `TargetError` for files that cannot be written.
    """
    asked = engine_options(options)
    for name in ("load_tti", "runtime_params_yaml"):
        _check_readable(name, getattr(asked, name))
    if asked.save_tti is not None:
        _check_writable(Path(asked.save_tti))
    if asked.parallel_tti is not None:
        _make_folder(Path(asked.parallel_tti), "--parallel_tti")
    _refuse_unsavable(asked)
    _refuse_unbatched_inputs(model)
    if model.generation:
        generation_settings(model)
    if asked.parallel_tti and options.wants_trace:
        raise UnsupportedOptionError(
            "--parallel_tti runs cards in processes that record no trace: leave out --trace and"
            " --perf_analysis"
        )


def _refuse_unsavable(asked: PybudaOptions) -> None:
    is_saved = asked.save_tti or (asked.parallel_tti and not asked.load_tti)
    if is_saved and not can_save_images():
        flag = "--save_tti" if asked.save_tti else "--parallel_tti"
        raise UnsupportedOptionError(
            f"{flag}: PyBuda saves an image with the program rsync, which is not on PATH: install"
            " rsync"
        )


def _refuse_unbatched_inputs(model: BenchmarkModel) -> None:
    kinds = input_kinds(model)
    if "unbatched" in kinds or "tensors" not in kinds:
        raise UnsupportedOptionError(
            "PyBuda takes the first dimension of every tensor as the microbatch, and the microbatch"
            " of this model is another: use --backend torch"
        )


def _check_readable(name: str, path: str | None) -> None:
    if path is None or Path(path).is_file():
        return
    fault = "it is a folder, not a file" if Path(path).is_dir() else "there is no such file"
    raise OptionError(f"--{name} {path}: {fault}")


def _check_writable(path: Path) -> None:
    if path.is_dir():
        raise TargetError(f"--save_tti {path}: it is a folder; name a file in it")
    _make_folder(path.parent, "--save_tti")


def _make_folder(folder: Path, flag: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TargetError(f"{flag}: {folder} cannot be made: {one_line(error)}") from error
