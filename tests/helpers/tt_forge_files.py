"""Objects as the benchmarks of tt-forge write them, made after their sources of 2026.

`SUITE_KEYS` has every key that tt-xla's `create_benchmark_result` (`tests/benchmark/utils.py`,
commit 95c1c1ce7063) and its callers write, with the JSON types of its values.
"""

from __future__ import annotations

import copy
from typing import Any

COMMIT = "95c1c1ce7063"
NULL = type(None)
MEASUREMENT_KEYS: dict[str, tuple[type, ...]] = {
    "iteration": (int,),
    "step_name": (str,),
    "step_warm_up_num_iterations": (int,),
    "measurement_name": (str,),
    "value": (int, float),
    "target": (int, float),
    "device_power": (float,),
    "device_temperature": (float,),
}
SUITE_KEYS: dict[str, Any] = {
    "model": (str,),
    "model_type": (str,),
    "run_type": (str,),
    "config": {
        "model_size": (str,),
        "optimization_level": (int,),
        "program_cache_enabled": (bool,),
        "trace_enabled": (bool,),
        "experimental_weight_dtype": (str,),
        "model_info": (str,),
        "display_name": (str,),
        "torch_xla_enabled": (bool,),
        "backend": (str,),
    },
    "num_layers": (int,),
    "batch_size": (int,),
    "precision": (str,),
    "dataset_name": (str,),
    "profile_name": (str,),
    "input_sequence_length": (int,),
    "output_sequence_length": (int,),
    "image_dimension": (str,),
    "perf_analysis": (bool,),
    "measurements": (list,),
    "device_info": {
        "device_name": (str,),
        "arch": (str,),
        "device_count": (int,),
        "mesh_shape": (list, NULL),
        "device_type": (str, NULL),
    },
    "project": (str,),
    "model_rawname": (str,),
}


def measurement(name: str, value: Any, **changes: Any) -> dict[str, Any]:
    """Give one measurement as the suite writes it."""
    return {
        "iteration": 1,
        "step_name": "a step",
        "step_warm_up_num_iterations": 0,
        "measurement_name": name,
        "value": value,
        "target": -1,
        "device_power": -1.0,
        "device_temperature": -1.0,
        **changes,
    }


def vision_object(total_time: Any = 2.5, **changes: Any) -> dict[str, Any]:
    """Give an object of a vision benchmark on one Wormhole card; `changes` replace its keys."""
    name = "pytorch_ResNet_resnet50"
    whole = {
        "model": name,
        "model_type": "Vision, Random Input Data",
        "run_type": f"{name}_8_3_224_224_-1_128",
        "config": {
            "model_size": "small",
            "optimization_level": 2,
            "program_cache_enabled": True,
            "trace_enabled": True,
            "experimental_weight_dtype": "",
            "model_info": name,
            "display_name": "resnet50",
            "torch_xla_enabled": True,
            "backend": "tt",
            "mlir_sha": "0123abcd",
        },
        "num_layers": -1,
        "batch_size": 8,
        "precision": "bfloat16",
        "dataset_name": "Random Data",
        "profile_name": "",
        "input_sequence_length": -1,
        "output_sequence_length": -1,
        "image_dimension": "3x224x224",
        "perf_analysis": False,
        "measurements": [
            measurement("total_samples", 1024),
            measurement("total_time", total_time),
            measurement("evaluation_score", 0.0),
        ],
        "device_info": {
            "device_name": "card-host-1",
            "arch": "wormhole",
            "device_count": 1,
            "mesh_shape": None,
            "device_type": "n150",
        },
        "project": "tt-forge/tt-xla",
        "model_rawname": name,
    }
    return {**copy.deepcopy(whole), **changes}


def language_object(**changes: Any) -> dict[str, Any]:
    """Give an object of a text generation benchmark on two Blackhole chips."""
    whole = vision_object(
        model="Llama 3.2 1B",
        model_type="text-generation",
        run_type="Llama_3.2_1B_32_128_16_1",
        num_layers=16,
        batch_size=32,
        input_sequence_length=128,
        image_dimension="",
        measurements=[
            measurement("total_samples", 127),
            measurement("total_time", 5.0),
            measurement("ttft", 85.25),
            measurement("top1_accuracy_p5", 91.5),
            measurement("device_fw_duration", 0.25),
        ],
        device_info={
            "device_name": "card-host-2",
            "arch": "blackhole",
            "device_count": 2,
            "mesh_shape": [1, 2],
            "device_type": None,
        },
    )
    whole["config"]["experimental_weight_dtype"] = "bfp_bf8"
    return {**whole, **changes}


def runner_object(**changes: Any) -> dict[str, Any]:
    """Give an object as tt-xla's test runner writes it: other keys of devices and measurements."""
    names = ("total_samples", "total_time", "avg_time", "perf_time_1", "perf_time_2")
    whole = {
        "model": "bert_base",
        "model_type": "nlp_text_cls",
        "run_type": "bert_base_1_128_128_12",
        "config": {"model_info": "bert_base", "model_group": "generality", "run_mode": "inference"},
        "measurements": [
            {
                "step_name": "e2e_perf",
                "measurement_name": name,
                "step_warm_up_num_iterations": -1,
                "iteration": -1,
                "value": value,
                "target": -1.0,
            }
            for name, value in zip(names, (2, 0.5, 0.25, 0.2, 0.3), strict=True)
        ],
        "device_info": {"device_name": "card-host-3", "device_arch": "wormhole"},
        "num_layers": 12,
        "batch_size": 1,
        "precision": "bfloat16",
        "input_sequence_length": 128,
        "training": False,
        "project": "tt-xla",
        "model_rawname": "bert_base",
    }
    return {**whole, **changes}


def onnx_object(**changes: Any) -> dict[str, Any]:
    """Give an object as tt-forge-onnx writes it."""
    whole = {
        "model": "MNIST Linear",
        "model_type": "Classification, Random Input Data",
        "run_type": "MNIST Linear_32_784_256",
        "config": {"model_size": "small"},
        "num_layers": 2,
        "batch_size": 32,
        "precision": "f32",
        "dataset_name": "MNIST, Random Data",
        "profile_name": "",
        "input_sequence_length": -1,
        "output_sequence_length": -1,
        "image_dimension": "784",
        "perf_analysis": False,
        "training": False,
        "measurements": [measurement("total_samples", 1024), measurement("total_time", 0.02)],
        "device_info": {"device_name": "", "galaxy": False, "arch": "", "chips": 1},
        "device_ip": None,
    }
    return {**whole, **changes}


WRITERS = (vision_object, language_object, runner_object, onnx_object)
