"""The options of the tt_xla backend, under the names of Tenstorrent's compiler and plugin."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from ttbench_core.backends.protocol import CompileOptions, engine_option
from ttbench_core.errors import OptionError
from ttbench_core.request.formats import DataFormat, NumberFormat
from ttbench_core.request.options import MathFidelity, RunOptions

__all__ = [
    "WEIGHT_DTYPES",
    "TtXlaOptions",
    "check_with_run",
    "compiler_options",
    "dynamo_options",
    "tt_xla_options",
]

CacheDtype: TypeAlias = Literal["model", "bfp_bf8", "bfp_bf4"]

#: Formats in which only the weights of matrix products are stored, by the compiler's name.
WEIGHT_DTYPES: Final[dict[NumberFormat, str]] = {
    DataFormat.BFP8_B: "bfp_bf8",
    DataFormat.BFP4_B: "bfp_bf4",
}
_FIDELITIES: Final = {
    MathFidelity.LOFI: "lofi",
    MathFidelity.HIFI2: "hifi2",
    MathFidelity.HIFI3: "hifi3",
    MathFidelity.HIFI4: "hifi4",
}
#: Options of `torch.compile(backend="tt")`; the others are the compiler's.
_DYNAMO_PREFIX: Final = "tt_"
#: Options that the compiler spells with hyphens.
_HYPHENATED: Final = frozenset(
    {"experimental_kv_cache_dtype", "experimental_enable_dram_space_saving_optimization"}
)


@dataclass(frozen=True)
class TtXlaOptions:
    """Options of tt-mlir and of the dynamo backend `tt`; a default is not handed over.

    Raises `OptionError` for options that contradict each other.
    """

    optimization_level: int = engine_option(
        0,
        help="Passes of the compiler: 0 none, 1 basic, 2 also keeps tensors in SRAM",
        choices=(0, 1, 2),
    )
    enable_trace: bool = engine_option(
        False, help="Record the commands of an input once and replay them for the next"
    )
    fp32_dest_acc_en: bool | None = engine_option(
        None, help="Accumulate in float32; by default the compiler's choice"
    )
    enable_const_eval: bool = engine_option(
        True, help="Compute once what depends on weights and constants alone"
    )
    enable_const_eval_on_cpu: bool = engine_option(True, help="Compute that on the host in float32")
    enable_const_eval_inputs_to_system_memory: bool = engine_option(
        True, help="Keep what that is computed from in the host's memory"
    )
    experimental_kv_cache_dtype: CacheDtype = engine_option(
        "model", help="Format of the cache of a model that generates; model is that of the model"
    )
    enable_activation_dtype_lowering: bool = engine_option(
        False, help="Send activations between chips in fewer bits"
    )
    enable_create_d2m_subgraphs: bool = engine_option(
        False, help="Fuse elementwise operations; needs optimization_level 1 or 2"
    )
    experimental_enable_permute_matmul_fusion: bool = engine_option(
        True, help="Fuse a transposition with the matrix product that reads it"
    )
    experimental_enable_fusing_conv2d_with_multiply_pattern: bool = engine_option(
        False, help="Fuse a convolution with the multiplication after it"
    )
    experimental_enable_dram_space_saving_optimization: bool = engine_option(
        False, help="Take less memory of the card"
    )
    tt_use_aot_autograd: bool = engine_option(
        True, help="Trace the model by AOTAutograd instead of torch.export"
    )
    tt_legacy_compile: bool = engine_option(
        False, help="Trace the model again for every input, instead of running a cached graph"
    )
    tt_enable_torch_fx_fusion_pass: bool = engine_option(
        True, help="Fuse patterns of operations before lowering"
    )
    tt_enable_composite_ops: bool = engine_option(
        True, help="Hand operations such as gelu to the compiler as one"
    )

    def __post_init__(self) -> None:
        if self.enable_create_d2m_subgraphs and self.optimization_level < 1:
            raise OptionError(
                "-B enable_create_d2m_subgraphs=true does nothing at optimization_level 0: add -B"
                " optimization_level=1"
            )


def tt_xla_options(options: CompileOptions) -> TtXlaOptions:
    """Give the options of this backend in what will be run."""
    return options.engine if isinstance(options.engine, TtXlaOptions) else TtXlaOptions()


def check_with_run(run: RunOptions, engine: TtXlaOptions) -> None:
    """Raise `OptionError` for what contradicts the options that all backends have."""
    if run.backend_opt_level is not None and engine.optimization_level:
        raise OptionError(
            f"-opt {run.backend_opt_level} and -B optimization_level={engine.optimization_level}"
            " name two scales: leave out -opt"
        )
    if engine.experimental_kv_cache_dtype != "model" and run.generative is False:
        raise OptionError(
            "-B experimental_kv_cache_dtype is of a model that generates: leave out --no-generative"
        )


def compiler_options(options: CompileOptions) -> dict[str, str | int | bool]:
    """Give what the compiler is asked for beyond its defaults, by its own names."""
    asked: dict[str, str | int | bool] = {
        name.replace("_", "-") if name in _HYPHENATED else name: value
        for name, value in _changed(tt_xla_options(options)).items()
        if not name.startswith(_DYNAMO_PREFIX)
    }
    if options.data_format in WEIGHT_DTYPES:
        asked["experimental_weight_dtype"] = WEIGHT_DTYPES[options.data_format]
    if options.math_fidelity is not None:
        asked["math_fidelity"] = _FIDELITIES[options.math_fidelity]
    return asked


def dynamo_options(options: CompileOptions) -> dict[str, bool]:
    """Give what `torch.compile(backend="tt")` is asked for beyond its defaults."""
    changed = _changed(tt_xla_options(options))
    return {name: value for name, value in changed.items() if name.startswith(_DYNAMO_PREFIX)}


def _changed(engine: TtXlaOptions) -> dict[str, Any]:
    values = {field.name: getattr(engine, field.name) for field in dataclasses.fields(engine)}
    defaults = {field.name: field.default for field in dataclasses.fields(engine)}
    return {name: value for name, value in values.items() if value != defaults[name]}
