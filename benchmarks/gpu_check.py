"""Everything that ttbench does on CUDA, once, in a quarter of an hour: for a machine lent briefly.

    python benchmarks/gpu_check.py [FOLDER]                       one NVIDIA GPU
    python benchmarks/gpu_check.py FOLDER --only "level|Fp16"     some cases, by regular expression
    python benchmarks/gpu_check.py FOLDER --device cpu --quick    tries the script itself

Each case is a process with a time limit of its own, so that none keeps another from running. Prints
a line for each and writes FOLDER/gpu_check.json (default: $OUT, else this folder) after each: the
rows, and the whole record of each run.
"""

from __future__ import annotations

import argparse
import functools
import importlib.metadata
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

TTBENCH: Final = [sys.executable, "-m", "ttbench_core"]
#: What a case may take, and all of them together.
CASE_S: Final = 60.0
COMPILED_CASE_S: Final = 180.0
TOTAL_S: Final = 900.0
#: Calls between two events of CUDA.
CALLS: Final = 30
#: A row and a record; what gives them within so many seconds.
Outcome: TypeAlias = tuple[dict[str, Any], Any]
Step: TypeAlias = Callable[[float], Outcome]
_DTYPES: Final = {"Fp32": "float32", "Fp16": "float16", "Fp16_b": "bfloat16"}
_PROVIDERS: Final = {"cuda": "CUDAExecutionProvider", "tensorrt": "TensorrtExecutionProvider"}
_MODELS: Final = {
    "bert": ["-m", "bert", "-c", "base", "-mb", "8"],
    "resnet50": ["-m", "resnet", "-c", "resnet50", "-mb", "16"],
    "gpt2": ["-m", "gpt2", "-mb", "2", "--new_tokens", "16"],
}
_TINY_MODELS: Final = {
    "bert": ["-m", "bert", "-c", "tiny", "-mb", "2"],
    "resnet50": ["-m", "resnet", "-c", "resnet18", "-mb", "1"],
    "gpt2": ["-m", "gpt2", "-mb", "1", "--layers", "1", "--seq_len", "8", "--new_tokens", "4"],
}


@dataclass(frozen=True)
class Case:
    """One process: what is typed, and what its record must have."""

    name: str
    words: Sequence[str]
    #: Says what is wrong with a record; an empty text where nothing is.
    fault: Callable[[dict[str, Any]], str] = lambda _: ""
    limit_s: float = CASE_S


def levels() -> list[int]:
    """Give the levels that the torch backend declares."""
    command = [*TTBENCH, "info", "--backend", "torch", "--json"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [int(one["level"]) for one in json.loads(shown)["levels"]]


def cases(device: str, *, quick: bool) -> Iterator[Case]:
    """Give what is run, the most important first."""
    models = _TINY_MODELS if quick else _MODELS
    base = ["-d", device, "--passes", "2" if quick else "5"]
    short = [*base, "--warmup", "2"]
    # passes of a quarter of a second on a GPU; generation has longer inputs
    long = short if quick else [*base, "--warmup", "20", "--loop_count", "40"]
    cuda = device.startswith("cuda")
    for name, words in models.items():
        times = short if "--new_tokens" in words else long
        yield Case(f"{name} inference", [*words, *times], device_fault if cuda else no_fault)
    for name, words in models.items():
        of_training = words[: words.index("--new_tokens")] if "--new_tokens" in words else words
        yield Case(f"{name} training", [*of_training, "-t", *short])
    bert, resnet = [*models["bert"], *long], [*models["resnet50"], *long]
    staged = ["-m", "bert_stages", *bert[2:]]
    yield Case("stages on the host", staged, stages_fault)
    yield Case("latency scenario", [*resnet, "--scenario", "latency"], latency_fault)
    for data_format, dtype in (("Fp16_b", "bfloat16"), ("Fp16", "float16")):
        if cuda or data_format != "Fp16":  # minutes on a processor
            yield Case(f"-df {data_format}", [*bert, "-df", data_format], has("dtype", dtype))
    precisions = (("LoFi", "medium"), ("HiFi2", "high"), ("HiFi4", "highest"))
    for fidelity, precision in precisions:
        check = has("matmul_precision", precision)
        yield Case(f"Fp32 -mf {fidelity}", [*bert, "-df", "Fp32", "-mf", fidelity], check)
    yield Case("trace", [*resnet, "--trace", "light"], trace_fault)
    yield Case("two processes", [*resnet, "--processes", "2"], processes_fault)
    for level in levels():
        limit_s = CASE_S if level < 2 else COMPILED_CASE_S
        yield Case(f"level {level}", [*resnet, "-opt", str(level)], limit_s=limit_s)
    if cuda:
        yield from quantised_cases(bert)
        yield from engine_cases(bert)
        cached = [*models["gpt2"], *short, "-B", "cache=static"]
        yield Case("static cache", cached, has("cache", "static"))
        yield Case("static cache, level 2", [*cached, "-opt", "2"], limit_s=COMPILED_CASE_S)


def quantised_cases(words: Sequence[str]) -> Iterator[Case]:
    """Give the formats of torchao, where it is installed."""
    if importlib.util.find_spec("torchao") is not None:
        for data_format in ("Int8", "Int8_dyn", "Int4_w", "Fp8"):
            yield Case(f"-df {data_format}", [*words, "-df", data_format], quantised_fault)


def engine_cases(words: Sequence[str]) -> Iterator[Case]:
    """Give the runs of engines for exported models that are installed here for CUDA."""
    if importlib.util.find_spec("torch_tensorrt") is not None:
        for data_format, dtype in _DTYPES.items():
            named = ["--backend", "tensorrt", "-df", data_format]
            check = has("dtype", dtype)
            yield Case(f"tensorrt {data_format}", [*words, *named], check, COMPILED_CASE_S)
    for provider in _providers():
        named = ["--backend", "onnxruntime", "-B", f"provider={provider}"]
        check = provider_fault(provider)
        yield Case(f"onnxruntime {provider}", [*words, *named], check, COMPILED_CASE_S)


def _providers() -> list[str]:
    try:
        importlib.metadata.version("onnxruntime-gpu")
    except importlib.metadata.PackageNotFoundError:
        return []
    return list(_PROVIDERS)


def no_fault(_: dict[str, Any]) -> str:
    """Find nothing wrong."""
    return ""


def device_fault(record: dict[str, Any]) -> str:
    """Require what only a GPU has: its memory, its peak, and energy by NVML."""
    missing = {
        "device memory": not (record["memory"] or {}).get("device_peak_bytes"),
        "peak": not (record["roofline"] or {}).get("peak_flops_per_s"),
        "energy by NVML": "NVML" not in (record["energy"] or {}).get("source", ""),
    }
    return ", ".join(f"no {name}" for name, is_missing in missing.items() if is_missing)


def stages_fault(record: dict[str, Any]) -> str:
    """Require stages around the device stage, and several inputs in flight."""
    stages = record["model"]["stages"]
    is_overlapped = record["in_flight"] > 1 and {"cpu_pre", "cpu_post"} <= set(stages)
    return "" if is_overlapped else f"stages {stages}, {record['in_flight']} in flight"


def latency_fault(record: dict[str, Any]) -> str:
    """Require one input in flight."""
    return "" if record["in_flight"] == 1 else f"{record['in_flight']} in flight"


def trace_fault(record: dict[str, Any]) -> str:
    """Require the files of a trace."""
    return "" if (record["trace"] or {}).get("files") else "no trace"


def processes_fault(record: dict[str, Any]) -> str:
    """Require two processes."""
    count = len(record["processes"] or [])
    return "" if count == 2 else f"{count} processes"


def quantised_fault(record: dict[str, Any]) -> str:
    """Require weights that were quantised."""
    return "" if record["effective"].get("quantised_weights") else "no quantised weights"


def provider_fault(name: str) -> Callable[[dict[str, Any]], str]:
    """Require that a provider of ONNX Runtime has most operators."""

    def fault(record: dict[str, Any]) -> str:
        counts = record["effective"].get("provider_operators", {})
        has_most = max(counts, key=counts.__getitem__, default=None) == _PROVIDERS[name]
        return "" if has_most else f"operators by provider: {counts}"

    return fault


def has(key: str, value: str) -> Callable[[dict[str, Any]], str]:
    """Require how the engine ran."""

    def fault(record: dict[str, Any]) -> str:
        found = record["effective"].get(key)
        return "" if found == value else f"{key} is {found}, not {value}"

    return fault


def run_case(case: Case, folder: str, limit_s: float) -> Outcome:
    """Run one; gives its row and its record."""
    command = [*TTBENCH, *case.words, "--json"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=limit_s, cwd=folder, check=False
        )
    except subprocess.TimeoutExpired:
        return {"result": "failed", "what": f"took more than {limit_s:.0f} s"}, None
    try:
        record = json.loads(done.stdout)
    except json.JSONDecodeError:
        return {"result": "failed", "what": (done.stderr.strip().splitlines() or ["?"])[-1]}, None
    return judged(case, record, done.returncode), record


def judged(case: Case, record: dict[str, Any], code: int) -> dict[str, Any]:
    """Give the row of a record."""
    verification = record["verification"] or {}
    faults = [record["error"]] if code and record.get("error") else []
    if verification.get("passed") is False:
        faults.append("outputs are wrong")
    if record["status"] == "ok":
        faults.append(case.fault(record))
    elif not faults:
        faults.append(record["status"])
    found = "; ".join(filter(None, faults))
    energy, roofline = record["energy"] or {}, record["roofline"] or {}
    return {
        "result": "failed" if found else "ok",
        "what": found,
        "samples_per_s": record["samples_per_sec"],
        "pcc": verification.get("pcc"),
        "peak_share": roofline.get("share"),
        "joules": energy.get("joules"),
        "device_peak_bytes": (record["memory"] or {}).get("device_peak_bytes"),
    }


def rates(device: str, words: Sequence[str]) -> dict[str, float | None]:
    """Give the milliseconds of an input by three clocks, with copies to the device and back.

    Args:
        device: of torch.
        words: the model, as `-m`, `-c` and `-mb`.
    """
    import torch
    from torch.utils.benchmark import Timer

    import ttbench_core
    from ttbench_core import RunOptions
    from ttbench_core.backends.helpers import flat_outputs
    from ttbench_core.models.building import build_model
    from ttbench_core.plugins.catalogue import find_model

    given = dict(zip(words[::2], words[1::2], strict=True))
    options = RunOptions(given["-m"], config=given["-c"], microbatch=int(given["-mb"]))
    found = find_model(options.model)
    model = build_model(found.builder, options, {}, found.plugin.where)
    module, inputs = model.stages.device.eval(), list(model.inputs)

    def same() -> tuple[list[Any], list[Any]]:
        return [module], inputs

    ours = ttbench_core.run(
        same,
        device=device,
        backend_opt_level=0,
        scenario="latency",
        passes=10,
        warmup=5,
        roofline=False,
        verify=False,
        progress=False,
    )
    moved = module.to(device)

    def once() -> Any:
        return [one.cpu() for one in flat_outputs(moved(*[one.to(device) for one in inputs]))]

    with torch.inference_mode():
        for _ in range(5):
            once()
        timer = Timer("once()", globals={"once": once}, num_threads=torch.get_num_threads())
        torchs_s = timer.blocked_autorange(min_run_time=1.0).median
        events_ms = _events_ms(once) if device.startswith("cuda") else None
    ours_ms = 1e3 * options.microbatch / ours.samples_per_sec
    return {"ttbench_ms": ours_ms, "torch_timer_ms": 1e3 * torchs_s, "cuda_events_ms": events_ms}


def _events_ms(once: Callable[[], Any]) -> float:
    import torch

    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    for _ in range(CALLS):
        once()
    end.record()
    torch.cuda.synchronize()
    return float(begin.elapsed_time(end)) / CALLS


def run_rates(device: str, words: Sequence[str], limit_s: float) -> dict[str, Any]:
    """Measure rates in a process of its own."""
    command = [sys.executable, __file__, "--device", device, "--rates", json.dumps(list(words))]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit_s, check=False)
        found = json.loads(done.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired:
        return {"result": "failed", "what": f"took more than {limit_s:.0f} s"}
    except (json.JSONDecodeError, IndexError):
        return {"result": "failed", "what": (done.stderr.strip().splitlines() or ["?"])[-1]}
    others = [found[name] for name in ("torch_timer_ms", "cuda_events_ms") if found[name]]
    ratios = ", ".join(f"{found['ttbench_ms'] / one:.3f}" for one in others)
    return {
        "result": "ok",
        "what": f"{found['ttbench_ms']:.3f} ms; of the others' {ratios}",
        **found,
    }


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"no regular expression: {error}") from None


def main() -> int:
    """Run all; gives 1 where one failed or was left out."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("folder", nargs="?", type=Path, default=Path(os.environ.get("OUT", ".")))
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--quick", action="store_true", help="small models and few passes")
    parser.add_argument("--total_s", type=float, default=TOTAL_S, help="limit for all cases")
    parser.add_argument(
        "--only", default="", type=_pattern, help="cases whose name has this regular expression"
    )
    parser.add_argument("--slower", type=float, default=1.0, help="times the limit of each case")
    parser.add_argument("--rates", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.rates is not None:
        print(json.dumps(rates(given.device, json.loads(given.rates))))
        return 0
    deadline_s = time.monotonic() + given.total_s
    report = _Report(given.folder / "gpu_check.json")
    with tempfile.TemporaryDirectory(prefix="ttbench-gpu-check-") as folder:
        for name, run in steps(given, folder):
            if given.only.search(name):
                report.add(name, deadline_s, run)
    return report.close()


def steps(given: argparse.Namespace, folder: str) -> Iterator[tuple[str, Step]]:
    """Give everything that is run with its name, rates after the runs of each model."""
    models = _TINY_MODELS if given.quick else _MODELS
    for number, case in enumerate(cases(given.device, quick=given.quick)):
        if number == 2 * len(models):
            for name in ("bert", "resnet50"):
                yield f"rate of {name}", functools.partial(rates_step, given, models[name])
        yield case.name, functools.partial(case_step, given, case, folder)


def case_step(given: argparse.Namespace, case: Case, folder: str, left_s: float) -> Outcome:
    """Run a case within its limit; gives its row and its record."""
    return run_case(case, folder, min(given.slower * case.limit_s, left_s))


def rates_step(given: argparse.Namespace, words: Sequence[str], left_s: float) -> Outcome:
    """Measure rates within the limit; gives a row."""
    return run_rates(given.device, words, min(given.slower * CASE_S, left_s)), None


class _Report:
    """The rows so far, in a file and as lines."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._rows: list[dict[str, Any]] = []
        self._records: dict[str, Any] = {}

    def add(self, name: str, deadline_s: float, run: Step) -> None:
        """Run a case if there is time, and keep what it gave."""
        started_s = time.monotonic()
        if deadline_s - started_s < 1:
            row, record = {"result": "left out", "what": "no time was left"}, None
        else:
            row, record = run(deadline_s - started_s)
        row = {"case": name, "seconds": round(time.monotonic() - started_s, 1), **row}
        self._rows.append(row)
        self._records[name] = record
        rate = row.get("samples_per_s")
        shown = "" if rate is None else f"{rate:10.1f} samples/s"
        print(f"{name:22} {row['result']:8} {row['seconds']:6.1f} s {shown} {row['what']}".rstrip())
        sys.stdout.flush()
        content = {"rows": self._rows, "records": self._records}
        self._file.write_text(json.dumps(content, indent=1), encoding="utf-8")

    def close(self) -> int:
        """Print how many failed."""
        bad = [row["case"] for row in self._rows if row["result"] != "ok"]
        print(f"{len(self._rows) - len(bad)} of {len(self._rows)} fine, in {self._file}")
        return int(bool(bad) or not self._rows)


if __name__ == "__main__":
    raise SystemExit(main())
