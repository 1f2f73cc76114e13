"""Execution providers of ONNX Runtime: which one a request needs, and whether it runs.

ONNX Runtime takes another provider, with a line on stderr, where one cannot be had. A run must not
measure that: it is refused.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from ttbench_core.backends.onnxruntime.options import Provider
from ttbench_core.errors import OptionError, UnsupportedOptionError, one_line

__all__ = [
    "KINDS",
    "chosen_provider",
    "operators_by_provider",
    "provider_arguments",
    "provider_facts",
    "provider_notes",
    "require_provider",
    "started",
]

_CPU: Final = "CPUExecutionProvider"
_CUDA: Final = "CUDAExecutionProvider"
_NAMES: Final[Mapping[Provider, str]] = {
    "cpu": _CPU,
    "cuda": _CUDA,
    "tensorrt": "TensorrtExecutionProvider",
}
#: The kind of device of each.
KINDS: Final[Mapping[Provider, str]] = {"cpu": "cpu", "cuda": "cuda", "tensorrt": "cuda"}
#: With it a session can tell which provider has which operator.
RECORD_ASSIGNMENT: Final = "session.record_ep_graph_assignment_info"
_TF32_VARIABLE: Final = "NVIDIA_TF32_OVERRIDE"


def chosen_provider(device: str | None, asked: Provider | None) -> Provider:
    """Give the provider of a request.

    Args:
        device: of `-d`; None where there is none.
        asked: by `-B provider`; None leaves it to the device.

    Raises `OptionError` where they contradict each other.
    """
    kind = device.partition(":")[0] if device else None
    if asked is None:
        return "cuda" if kind == "cuda" else "cpu"
    if kind is not None and kind != KINDS[asked]:
        raise OptionError(f"-B provider={asked} runs on {KINDS[asked]}, not on -d {device}")
    return asked


def require_provider(provider: Provider) -> None:
    """Raise `UnsupportedOptionError` where the installed wheel is built without it."""
    import onnxruntime

    present = onnxruntime.get_available_providers()
    if _NAMES[provider] not in present:
        raise UnsupportedOptionError(
            f"onnxruntime {onnxruntime.__version__} here has no {_NAMES[provider]} (it has"
            f" {', '.join(present)}): pip uninstall onnxruntime, then pip install"
            " 'ttbench-core[onnxruntime-gpu]'; the two cannot be beside each other"
        )


def provider_arguments(provider: Provider, index: int) -> list[Any]:
    """Give what a session is made with: a provider, then what may have operators that it lacks.

    Args:
        provider: that computes.
        index: of the device.
    """
    # Fp32 means float32: by itself CUDA would round what it multiplies to TF32
    cuda = (_CUDA, {"device_id": str(index), "use_tf32": "0"})
    tensorrt = (_NAMES["tensorrt"], {"device_id": str(index)})
    every: Mapping[Provider, list[Any]] = {
        "cpu": [_CPU],
        "cuda": [cuda, _CPU],
        "tensorrt": [tensorrt, cuda, _CPU],
    }
    return every[provider]


def started(provider: Provider, file: str, settings: Any, index: int) -> Any:
    """Make the session of a model in a file.

    Args:
        provider: that computes.
        file: an ONNX model.
        settings: `SessionOptions`; what records the assignment of operators is added.
        index: of the device.

    Raises `UnsupportedOptionError` where a provider beside the processor cannot start, and where
    one computes nothing; what ONNX Runtime raises on the processor passes through.
    """
    import onnxruntime

    settings.add_session_config_entry(RECORD_ASSIGNMENT, "1")
    name = _NAMES[provider]
    arguments = provider_arguments(provider, index)
    try:
        session = onnxruntime.InferenceSession(
            file, settings, providers=arguments, enable_fallback=0
        )
    except Exception as error:
        if provider == "cpu":
            raise
        raise UnsupportedOptionError(
            f"{name} cannot start here ({one_line(error)}); use -d cpu"
        ) from error
    session.disable_fallback()  # of a call that fails
    used, operators = list(session.get_providers()), operators_by_provider(session)
    if not used or used[0] != name or (operators and not operators.get(name)):
        instead = ", ".join(operators or used)
        raise UnsupportedOptionError(
            f"ONNX Runtime fell back from {name} to {instead}: its libraries are missing here"
            " or lack the model's operators; use -d cpu, or see the table of versions of CUDA,"
            " cuDNN and TensorRT in the documentation of ONNX Runtime"
        )
    return session


def operators_by_provider(session: Any) -> dict[str, int]:
    """Count the operators that each provider was given; empty where the version cannot tell."""
    if not hasattr(session, "get_provider_graph_assignment_info"):
        return {}
    counts: Counter[str] = Counter()
    for part in session.get_provider_graph_assignment_info():
        counts[part.ep_name] += len(part.get_nodes())
    return dict(sorted(counts.items()))


def provider_facts(session: Any, provider: Provider) -> dict[str, object]:
    """Give what a record keeps: providers in their order, operators of each, products in TF32."""
    facts: dict[str, object] = {"providers": list(session.get_providers())}
    if operators := operators_by_provider(session):
        facts["provider_operators"] = operators
    if provider != "cpu":
        facts["tf32"] = _may_use_tf32(provider)
    return facts


def provider_notes(session: Any, provider: Provider) -> tuple[str, ...]:
    """Give what a reader of the numbers must know."""
    name, notes = _NAMES[provider], []
    others = {key: one for key, one in operators_by_provider(session).items() if key != name}
    if others:
        parts = ", ".join(f"{count} on {key}" for key, count in others.items())
        notes.append(f"not all operators run on {name}: {parts}")
    if _may_use_tf32(provider):
        notes.append(
            "TensorRT may round what it multiplies in float32 to TF32; -e NVIDIA_TF32_OVERRIDE=0"
            " forbids it"
        )
    return tuple(notes)


def _may_use_tf32(provider: Provider) -> bool:
    return provider == "tensorrt" and os.environ.get(_TF32_VARIABLE) != "0"
