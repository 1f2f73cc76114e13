"""ttbench's rate on OpenVINO and ONNX Runtime beside that of their own tools, in turns.

The same exported stage, saved once for each engine's tool: `benchmark_app` of OpenVINO, which
reads its own format, and a bare loop around an `InferenceSession`. Each round runs ttbench and
then the tool, both in processes of their own, for about as long; prints the median ratio.

    python benchmarks/engine_tools.py [rounds] [model] [config] [microbatch]
"""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

SECONDS = "8"
THREADS = "2"
#: Exports a stage with the seed of a run and saves it for both tools.
EXPORT = """
import os, sys
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
sys.modules["openvino_telemetry"] = None
import openvino, torch
from pathlib import Path
from ttbench_core.backends.onnxruntime.compiling import _saved
from ttbench_core.models.exported.exporting import export_stage
from ttbench_core.models.building import build_model
from ttbench_core.models.source import find_source
from ttbench_core.request.options import RunOptions

folder, model, config, microbatch = Path(sys.argv[1]), *sys.argv[2:5]
source = find_source(model)
options = RunOptions(model, config=config, microbatch=int(microbatch), generative=False)
stage = export_stage(build_model(source.builder, options, {}, source.where))
graph = openvino.convert_model(stage.program)
graph.reshape({p: list(t.shape) for p, t in zip(graph.inputs, stage.example)})
openvino.save_model(graph, folder / "stage.xml", compress_to_fp16=False)
_saved(stage, folder)
torch.save(list(stage.example), folder / "inputs.pt")
"""
#: Runs an ONNX model in a bare loop and prints inputs a second.
LOOP = """
import os, sys, time
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import onnxruntime, torch
folder, threads, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
settings = onnxruntime.SessionOptions()
settings.intra_op_num_threads, settings.inter_op_num_threads = threads, 1
session = onnxruntime.InferenceSession(f"{folder}/stage.onnx", settings,
                                       providers=["CPUExecutionProvider"])
inputs = torch.load(f"{folder}/inputs.pt", weights_only=True)
feeds = {i.name: t.numpy() for i, t in zip(session.get_inputs(), inputs)}
for _ in range(3):
    session.run(None, feeds)
start, count = time.perf_counter(), 0
while time.perf_counter() - start < seconds:
    session.run(None, feeds)
    count += 1
print(count / (time.perf_counter() - start))
"""


def output_of(*words: str) -> str:
    """Run a command and give what it prints."""
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def ttbench_rate(backend: str, model: str, config: str, microbatch: str) -> float:
    """Give inputs a second as ttbench measures them."""
    words = ["-m", model, "-c", config, "-mb", microbatch, "--backend", backend, "-df", "Fp32"]
    limits = ["--threads", THREADS, "--max_time", SECONDS, "--no-generative", "--no-roofline"]
    record = json.loads(output_of(sys.executable, "-m", "ttbench_core", *words, *limits, "--json"))
    return float(record["samples_per_sec"]) / int(record["model"]["samples_per_input"])


def tool_rate(backend: str, folder: Path) -> float:
    """Give inputs a second as the engine's own tool measures them."""
    if backend == "onnxruntime":
        return float(output_of(sys.executable, "-c", LOOP, str(folder), THREADS, SECONDS))
    tool = str(Path(sys.executable).with_name("benchmark_app"))
    words = ["-m", str(folder / "stage.xml"), "-hint", "none", "-infer_precision", "f32"]
    text = output_of(
        tool, *words, "-nthreads", THREADS, "-nstreams", "1", "-t", SECONDS, "-api", "sync"
    )
    count = re.search(r"Count:\s+(\d+)", text)
    duration = re.search(r"Duration:\s+([\d.]+) ms", text)
    if count is None or duration is None:
        raise SystemExit(f"benchmark_app printed no count:\n{text}")
    return int(count[1]) / float(duration[1]) * 1e3


def main(rounds: int, model: str, config: str, microbatch: str) -> None:
    """Interleave the engines and their tools."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        output_of(sys.executable, "-c", EXPORT, name, model, config, microbatch)
        for backend in ("openvino", "onnxruntime"):
            pairs = [
                (ttbench_rate(backend, model, config, microbatch), tool_rate(backend, folder))
                for _ in range(rounds)
            ]
            ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
            ratio = statistics.median(mine / other for mine, other in pairs)
            print(
                f"{model} {config} {backend:12} ttbench {ours:8.2f} inputs/s, own tool"
                f" {theirs:8.2f}: ratio {ratio:.3f} (median of {rounds})"
            )


if __name__ == "__main__":
    counted = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    named = sys.argv[2:5]
    main(counted, *named, *("bert", "tiny", "8")[len(named) :])
