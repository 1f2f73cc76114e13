"""Weights in integers, by OpenVINO's own library NNCF, and what became of them."""

from __future__ import annotations

import contextlib
import io
import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

import importlib_metadata
import numpy as np
import openvino

from ttbench_core.backends.openvino.formats import Quantisation, require_nncf
from ttbench_core.errors import UnsupportedOptionError, one_line
from ttbench_core.request.formats import NumberFormat

__all__ = [
    "GROUP_PROPERTY",
    "compress_weights",
    "quantised_facts",
    "quantised_notes",
    "require_activations",
]

GROUP_PROPERTY: Final = "DYNAMIC_QUANTIZATION_GROUP_SIZE"
#: Layers whose weights may be integers, and those with weights that OpenVINO expands beforehand.
_LINEAR: Final = "FullyConnected"
_CONVOLUTIONS: Final = ("Convolution", "GroupConvolution", "ConvolutionBackpropData")
_INTEGERS: Final = ("i8", "u8", "i4", "u4")
#: Rows and columns of the product that shows what activations are computed in.
_PROBE_ROWS: Final = 64


def compress_weights(graph: Any, data_format: NumberFormat, how: Quantisation) -> Any:
    """Give a graph whose linear layers and embeddings have integers for weights.

    Args:
        graph: of OpenVINO; it changes.
        data_format: for messages.
        how: it is compressed.

    Raises `UnsupportedOptionError` where NNCF is not installed or refuses.
    """
    require_nncf(data_format)
    try:
        with _quiet_nncf() as nncf:
            # weights of convolutions would be rounded, expanded and multiplied in float32
            left_out = nncf.IgnoredScope(types=list(_CONVOLUTIONS), validate=False)
            mode = getattr(nncf.CompressWeightsMode, how.mode)
            return nncf.compress_weights(graph, mode=mode, ignored_scope=left_out)
    except Exception as error:
        raise UnsupportedOptionError(
            f"-df {data_format} cannot run here: NNCF {_nncf_version()} refuses the model"
            f" ({one_line(error)}); use another format"
        ) from error


def require_activations(data_format: NumberFormat, how: Quantisation) -> None:
    """Raise `UnsupportedOptionError` where this processor does not round activations as asked.

    OpenVINO leaves activations in float32 without a word where a processor lacks the instructions,
    and reports the size of the groups nevertheless. So a small product is computed both ways.
    """
    if how.activation_group and np.array_equal(_product(how.activation_group), _product(0)):
        raise UnsupportedOptionError(
            f"-df {data_format} cannot run here: OpenVINO leaves activations in float32 on this"
            " processor; use -df Int8"
        )


def quantised_facts(compiled: Any) -> dict[str, object]:
    """Give what a record keeps of a compiled model whose weights are integers."""
    types = _linear_types(compiled)
    return {
        "quantised_weights": sum(types[name] for name in _INTEGERS),
        "weight_types": dict(sorted(types.items())),
        "activation_group": int(compiled.get_property(GROUP_PROPERTY)),
        "nncf": _nncf_version(),
    }


def quantised_notes(compiled: Any, data_format: NumberFormat, how: Quantisation) -> Iterator[str]:
    """Give what a reader of the numbers must know of such a model."""
    types, layers = _linear_types(compiled), _layers(compiled)
    if not any(types[name] for name in how.weight_types):
        yield f"{data_format} changes nothing here: the device stage has no weights to quantise"
    convolutions = sum(name in _CONVOLUTIONS for name, _ in layers)
    left = convolutions + sum(count for name, count in types.items() if name not in _INTEGERS)
    if left:
        yield f"OpenVINO quantises linear layers; layers that stay in float32: {left}"


def _linear_types(compiled: Any) -> Counter[str]:
    """Count the types of the weights of linear layers, as the compiled model has them."""
    return Counter(type_name for name, type_name in _layers(compiled) if name == _LINEAR)


def _layers(compiled: Any) -> list[tuple[str, str]]:
    """Give the kind of each layer that runs, and the type of its weights or values."""
    found = [one.get_rt_info() for one in compiled.get_runtime_model().get_ops()]
    return [(one["layerType"].astype(str), one["runtimePrecision"].astype(str)) for one in found]


def _product(activation_group: int) -> Any:
    """Multiply fixed activations by weights in 8-bit integers."""
    ops, numbers = openvino.opset13, np.random.default_rng(0)
    integers = numbers.integers(-127, 128, (_PROBE_ROWS, _PROBE_ROWS), dtype=np.int8)
    scales = ops.constant(np.full((_PROBE_ROWS, 1), 0.01, np.float32))
    weights = ops.multiply(ops.convert(ops.constant(integers), "f32"), scales)
    inputs = ops.parameter([_PROBE_ROWS, _PROBE_ROWS], np.float32)
    graph = openvino.Model([ops.matmul(inputs, weights, False, True)], [inputs])
    settings: Mapping[str, Any] = {
        "INFERENCE_PRECISION_HINT": "f32",
        GROUP_PROPERTY: activation_group,
    }
    compiled = openvino.Core().compile_model(graph, "CPU", settings)
    values = numbers.random((_PROBE_ROWS, _PROBE_ROWS), dtype=np.float32)
    return compiled(values)[0].copy()


@contextlib.contextmanager
def _quiet_nncf() -> Iterator[Any]:
    """Import NNCF and keep it from printing: progress on stdout, and a logger of its own."""
    logger_class = logging.getLoggerClass()
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            import nncf
        finally:
            logging.setLoggerClass(logger_class)  # it sets its own for every other library
        nncf.set_log_level(logging.ERROR)
        yield nncf


def _nncf_version() -> str:
    return importlib_metadata.version("nncf")
