"""Environment variables: what the library reads, and what it sets."""

from __future__ import annotations

import getpass
import hashlib
import os
import sys
from pathlib import Path
from typing import Any

import torch

from pybuda import standin
from pybuda.standin.values import CompileDepth, DataFormat, PerfTraceLevel, TTIDumpFormat

# variable -> attribute; the value is a number, and 0 is False
SWITCHES = {
    "PYBUDA_ENABLE_INPUT_QUEUES_ON_HOST": "input_queues_on_host",
    "PYBUDA_ENABLE_OUTPUT_QUEUES_ON_HOST": "output_queues_on_host",
    "PYBUDA_DEFAULT_DRAM_PARAMETERS": "default_dram_parameters",
    "PYBUDA_CONVERT_PARAMS_TO_TVM": "convert_framework_params_to_tvm",
    "PYBUDA_ENABLE_SINGLE_BUFFER_FALLBACK": "enable_single_buffer_fallback",
    "PYBUDA_ENABLE_DEVICE_TILIZE": "enable_device_tilize",
    "PYBUDA_ENABLE_FORKED_DRAM_INPUTS": "enable_forked_dram_inputs",
}
# the same, the other way round
BARRIERS = {
    "PYBUDA_PRESTRIDE_DISABLE": "enable_conv_prestride",
    "PYBUDA_DISABLE_STABLE_SOFTMAX": "enable_stable_softmax",
    "PYBUDA_DISABLE_ENUMERATE_U_KT": "enable_enumerate_u_kt",
}


def has(name: str) -> bool:
    """Say whether a variable is there, whatever its value."""
    return name in os.environ


def is_one(name: str) -> bool:
    """Say whether a variable is 1."""
    return os.environ.get(name, "0") == "1"


def set_homes() -> None:
    """Set what the import of PyBuda sets where the user did not."""
    home = Path(__file__).parents[2]
    os.environ.setdefault("PYBUDA_HOME", str(home))
    os.environ.setdefault("BUDA_HOME", f"{home}/budabackend/")
    os.environ.setdefault("TVM_HOME", f"{home}/tvm")
    os.environ.setdefault("BUDA_OUT", ".")
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"


def rename_backend() -> None:
    """Name torch's private backend as the import of PyBuda does, if a test asks for it.

    A process cannot take that back, so only tests of processes of their own ask for it.
    """
    if standin.settings().renames:
        torch.utils.rename_privateuse1_backend("tt")


def apply_to(config: Any) -> None:
    """Apply what a new CompilerConfig reads from the environment."""
    given = os.environ
    for table, negated in ((SWITCHES, False), (BARRIERS, True)):
        for name in table.keys() & given.keys():
            setattr(config, table[name], bool(int(given[name])) is not negated)
    if has("PYBUDA_OVERRIDE_NUM_CHIPS"):
        config.chip_ids = list(range(int(given["PYBUDA_OVERRIDE_NUM_CHIPS"])))
    if has("PYBUDA_DISABLE_OP_FUSING"):
        config.enable_auto_fusing = False
    if has("PYBUDA_PERFORMANCE_TRACE"):
        config.performance_trace = PerfTraceLevel.from_json(given["PYBUDA_PERFORMANCE_TRACE"])
    if has("PYBUDA_COMPILE_DEPTH"):
        config.compile_depth = CompileDepth.from_json(given["PYBUDA_COMPILE_DEPTH"])
    if has("PYBUDA_DEFAULT_DF"):
        config.default_df_override = DataFormat.from_json(given["PYBUDA_DEFAULT_DF"])
    if has("PYBUDA_TTI_BACKEND_FORMAT"):
        config.tti_dump_format = TTIDumpFormat.BACKEND
    elif has("PYBUDA_TTI_BACKEND_TILIZED_FORMAT"):
        config.tti_dump_format = TTIDumpFormat.BACKEND_TILIZED
    if has("PYBUDA_AMP_LIGHT"):
        config.enable_amp_light(level=int(given["PYBUDA_AMP_LIGHT"]))
    if has("PYBUDA_SCHEDULER_POLICY"):
        config.scheduler_policy = given["PYBUDA_SCHEDULER_POLICY"]
    if given.get("PYBUDA_OVERRIDE_DEVICE_YAML"):
        config.backend_device_descriptor_path = given["PYBUDA_OVERRIDE_DEVICE_YAML"]


def resolve_output_build_directory() -> str:
    """Name the folder of this configuration; unlike the real one, it is not made here."""
    base = os.environ.get("PYBUDA_BUILD_DIR")
    if not base:
        base = str(Path(os.environ.get("TMPDIR", "/tmp")) / getpass.getuser())  # noqa: S108
    read = {key: value for key, value in os.environ.items() if _matters(key)}
    test = os.environ.get("PYTEST_CURRENT_TEST", " ".join(sys.argv))
    return str(Path(base) / _hash(_hash(str(read)) + test))


def _matters(name: str) -> bool:
    return name.startswith(("PYBUDA_", "TT_BACKEND_")) and name != "PYBUDA_STANDIN"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
