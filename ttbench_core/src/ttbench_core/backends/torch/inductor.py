"""torch.compile at the levels 2 to 4: how it is called, and when it compiles.

Compiled code is what a run's own folder gives: a first, cold compilation fills it, and a second,
warm one takes from it what a later process would find there.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import torch

from ttbench_core.backends.protocol import CompileOptions
from ttbench_core.backends.shared.compile_cache import CacheFolder, compile_cache, forget_compiled
from ttbench_core.backends.torch.levels import AUTOTUNE_LEVEL, COMPILE_LEVEL, FREEZING_LEVEL
from ttbench_core.backends.torch.options import torch_options
from ttbench_core.backends.torch.quiet import quiet_compiler
from ttbench_core.errors import UnsupportedOptionError
from ttbench_core.models.inputs import has_dimensions, map_tensors, named_leaves

if TYPE_CHECKING:
    from torch.utils.hooks import RemovableHandle

__all__ = ["Compilation", "prepared_compilation"]

#: The mode with CUDA graphs writes the outputs of an input into the memory of those before it,
#: which may still be in flight.
_AUTOTUNE_MODE: Final = "max-autotune-no-cudagraphs"


class Compilation:
    """How the parts of a run are compiled.

    Args:
        options: what will be run, at a level that compiles.
        cache: the folder of the run.
    """

    def __init__(self, options: CompileOptions, cache: CacheFolder) -> None:
        self._mode: Final = _AUTOTUNE_MODE if options.opt_level >= AUTOTUNE_LEVEL else None
        self._is_frozen: Final = options.opt_level >= FREEZING_LEVEL
        self._is_dynamic: Final = torch_options(options).dynamic
        self._cache: Final = cache
        self._marks: Final[list[RemovableHandle]] = []

    def function(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Give a function that is compiled when it is first called, for its shapes alone."""
        made: Callable[..., Any] = torch.compile(function, dynamic=False, mode=self._mode)
        return made

    def module(self, module: torch.nn.Module) -> torch.nn.Module:
        """Give a module that is compiled when it is first called.

        It is compiled for its shapes alone, or with a symbol for the microbatch.
        """
        made: torch.nn.Module = torch.compile(module, dynamic=False, mode=self._mode)  # type: ignore[assignment,unused-ignore]
        if self._is_dynamic:
            self._marks.append(made.register_forward_pre_hook(_mark_batch, with_kwargs=True))
        return made

    def compile_now(self, runs: Sequence[Callable[[], object]]) -> dict[str, object]:
        """Compile by running functions, cold and then warm; gives what to record.

        Args:
            runs: each runs one input.

        Raises `UnsupportedOptionError` where the microbatch cannot be a symbol; what torch raises
        passes through.
        """
        with self._cache.used(), _no_silent_eager(), quiet_compiler(), self._refusals():
            cold_s = _seconds(runs)
            forget_compiled()
            warm_s = _seconds(runs)
        # marking takes time, and only the compiler reads the marks
        for mark in self._marks:
            mark.remove()
        return {
            "freezing": self._is_frozen,
            "dynamic": self._is_dynamic,
            "compile_cache": self._cache.kind,
            "compile_cold_s": cold_s,
            "compile_warm_s": warm_s,
        }

    @contextlib.contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            if not self._is_dynamic or not isinstance(error, _errors_of_a_mark()):
                raise
            raise UnsupportedOptionError(
                "the microbatch of this model cannot be a symbol, because the model itself, or the"
                " compiler, fixes its value: leave out -B dynamic=true"
            ) from error


@contextlib.contextmanager
def prepared_compilation(options: CompileOptions) -> Iterator[Compilation | None]:
    """Set what torch.compile needs, until a session is closed; None at a level without it."""
    if options.opt_level < COMPILE_LEVEL:
        yield None
        return
    forget_compiled()
    with compile_cache() as cache, _freezing(wanted=options.opt_level >= FREEZING_LEVEL):
        yield Compilation(options, cache)


def _mark_batch(
    module: torch.nn.Module,  # noqa: ARG001 - of the signature of a hook
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Mark the first dimension of those inputs that have the microbatch as it."""
    batched = [one for _, one in named_leaves((args, kwargs)) if has_dimensions(one)]
    microbatch = batched[0].shape[0] if batched else 1

    def mark(tensor: torch.Tensor) -> torch.Tensor:
        if not tensor.dim() or tensor.shape[0] != microbatch:
            return tensor
        # a view: a mark is an attribute, and the tensor may be the caller's
        view = tensor.view_as(tensor)
        torch._dynamo.mark_dynamic(view, 0)  # noqa: SLF001
        return view

    marked: tuple[tuple[Any, ...], dict[str, Any]] = map_tensors(mark, (args, kwargs))
    return marked


def _errors_of_a_mark() -> tuple[type[Exception], ...]:
    """Give what torch raises where a dimension that is marked turns out to be a constant."""
    # here, because these imports take seconds, and eager runs need none of them
    from torch._dynamo.exc import UserError
    from torch.fx.experimental.symbolic_shapes import ConstraintViolationError

    return UserError, ConstraintViolationError


@contextlib.contextmanager
def _freezing(*, wanted: bool) -> Iterator[None]:
    # the global flag: as an option of torch.compile it changes nothing, because the weights are
    # taken for inputs or constants before the options count
    from torch._inductor import config

    before = config.freezing
    config.freezing = before or wanted
    try:
        yield
    finally:
        config.freezing = before


@contextlib.contextmanager
def _no_silent_eager() -> Iterator[None]:
    config = torch._dynamo.config  # noqa: SLF001
    strict = {"fail_on_recompile_limit_hit": True}
    known = {name: value for name, value in strict.items() if hasattr(config, name)}
    with config.patch(known) if known else contextlib.nullcontext():  # type: ignore[attr-defined,unused-ignore]
        yield


def _seconds(runs: Sequence[Callable[[], object]]) -> float:
    started_s = time.perf_counter()
    for run in runs:
        run()
    return time.perf_counter() - started_s
