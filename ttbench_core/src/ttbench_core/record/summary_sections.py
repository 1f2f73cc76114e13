"""The sections of a summary after the throughput: latency, work, memory, outputs, verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from ttbench_core.record.formatting import format_duration, format_number, format_quantity

__all__ = ["SECTIONS", "Record", "unit_of"]

#: A record by the names of `Result`'s fields.
Record: TypeAlias = Mapping[str, Any]
Rows: TypeAlias = Iterator[tuple[str, str]]

#: From this share of a pass on, the time that filling the pipeline takes is shown.
_MIN_SHOWN_FILL_SHARE: Final = 0.02
_PERCENTILES: Final = ("p50", "p90", "p95", "p99")
_STOP_REASONS: Final = {
    "time": "at the time limit (--max_time)",
    "passes": "at the most passes",
    "out of reach": "because more passes would not reach the target",
    "target": "at the target",
    "last turn": "after the last turn",
}


def unit_of(record: Record) -> str:
    """Give what a sample is: `sample`, `token`, or what the model calls it."""
    return str(record["model"].get("unit", "sample"))


def _latency(record: Record) -> Rows:
    latency = record["latency"]
    if not latency:
        return
    if "median_ns" in latency:  # a record of version 1
        median, longest = format_duration(latency["median_ns"]), format_duration(latency["max_ns"])
        yield ("latency", f"median {median}, max {longest}")
        return
    shown = _percentiles(latency)
    if latency.get("count") is None:  # a record that was read from a table lacks it
        yield ("latency", shown)
        return
    count = latency["count"]
    inputs = f"{count} input{'' if count == 1 else 's'}, {record['in_flight']} in flight"
    yield ("latency", f"{shown} ({inputs})")


def _percentiles(distribution: Mapping[str, Any]) -> str:
    needed = distribution.get("needed") or {}
    known = {name: distribution.get(f"{name}_ns") for name in _PERCENTILES}
    shown = [
        f"{name} n<{needed[name]}" if value is None else f"{name} {format_duration(value)}"
        for name, value in known.items()
        if value is not None or name in needed
    ]
    return ", ".join([*shown, f"max {format_duration(distribution['max_ns'])}"])


def _generation(record: Record) -> Rows:
    if record["generation"]:
        yield from _generation_rows(record["generation"])


def _generation_rows(generation: Mapping[str, Any]) -> Rows:
    prompt = (
        f"prompts of {_tokens(generation['prompt_tokens'])}, "
        if generation.get("prompt_tokens")
        else ""
    )
    rates = [
        f"{name} {format_number(generation[key])} tokens/s"
        for name, key in (("prefill", "prefill_tokens_per_s"), ("decode", "decode_tokens_per_s"))
        if generation.get(key) is not None
    ]
    yield (
        "generation",
        ", ".join([f"{prompt}{_tokens(generation['new_tokens'], 'new ')}", *rates]),
    )
    for label, key in (("  TTFT", "ttft"), ("  TPOT", "tpot"), ("  ITL", "itl")):
        if generation.get(key):
            count = "" if generation[key].get("count") is None else f" ({generation[key]['count']})"
            yield (label, f"{_percentiles(generation[key])}{count}")


def _steady(record: Record) -> Rows:
    steady, overhead = record["steady"], record["overhead"]
    if steady and ((record["in_flight"] or 1) > 1 or steady["fill_share"] > _MIN_SHOWN_FILL_SHARE):
        rate = f"{format_number(steady['samples_per_sec'])} {unit_of(record)}s/s"
        yield ("steady rate", f"{rate}; filling takes {max(steady['fill_share'], 0):.1%} of a pass")
    if overhead and overhead.get("share") is not None:
        cost = f"{format_duration(overhead['ns_per_input'])} an input ({overhead['share']:.2%})"
        corrected = overhead.get("corrected_samples_per_sec")
        without = (
            f"; without it {format_number(corrected)} {unit_of(record)}s/s" if corrected else ""
        )
        yield ("harness", cost + without)


def _work(record: Record) -> Rows:
    cost, roofline = record["cost"] or {}, record["roofline"] or {}
    parts = []
    if record["model"].get("parameters"):
        parts.append(format_quantity(record["model"]["parameters"], " parameters"))
    if cost.get("flops_per_input") is not None:
        parts.append(f"{format_quantity(cost['flops_per_input'], 'FLOP')} an input")
    if roofline.get("flops_per_s") is not None:
        parts.append(format_quantity(roofline["flops_per_s"], "FLOP/s"))
    if roofline.get("share") is not None:
        peak = format_quantity(roofline["peak_flops_per_s"], "FLOP/s")
        kernel = f"{roofline.get('kernel') or 'a matrix product'} reaches here"
        beside = " beside other programs" if _was_busy(record) else ""
        parts.append(f"{roofline['share']:.0%} of the {peak} that {kernel}{beside}")
    if parts:
        yield ("work", ", ".join(parts))


def _was_busy(record: Record) -> bool:
    findings = (record["verdict"] or {}).get("findings", ())
    return any(finding["rule"] == "host-busy" for finding in findings)


def _machine(record: Record) -> Rows:
    if (memory := record["memory"]).get("host_peak_bytes") is not None:
        yield ("memory", _memory_text(memory))
    if record["energy"]:
        joules = record["energy"].get("joules_per_sample")
        each = f", {joules:.3g} J a {unit_of(record)}" if joules is not None else ""
        yield ("energy", f"{record['energy']['joules']:.4g} J ({record['energy']['source']}){each}")


def _memory_text(memory: Mapping[str, Any]) -> str:
    device = memory.get("device_peak_bytes")
    where = f", device {format_quantity(device, 'B', binary=True)}" if device else ""
    peak, baseline = memory["host_peak_bytes"], memory.get("host_baseline_bytes")
    if baseline is None:
        return f"host {format_quantity(peak, 'B', binary=True)} at the peak{where}"
    above = max(peak - baseline, 0)
    return f"host {format_quantity(above, 'B', binary=True)} above the start{where}"


def _outputs(record: Record) -> Rows:
    if record["verification"]:
        yield ("outputs", _verification_text(record["verification"]))


def _verification_text(verification: Mapping[str, Any]) -> str:
    if verification.get("passed") is None:
        return f"not verified: {verification.get('reason')}"
    if verification.get("fault") and not verification.get("outputs"):
        return f"WRONG: {verification['fault']}"
    pcc, error = verification.get("pcc"), verification.get("relative_l2")
    numbers = f"PCC {'undefined' if pcc is None else f'{pcc:.5f}'}"
    numbers += "" if error is None else f", relative L2 {error:.2g}"
    fault = f"; {verification['fault']}" if verification.get("fault") else ""
    verb = "right" if verification["passed"] else "WRONG"
    wanted = f"PCC of {verification['threshold']:g} wanted"
    return f"{verb}: {numbers} against Fp32 eager on the CPU ({wanted}){fault}"


def _verdict(record: Record) -> Rows:
    if record["verdict"]:
        yield ("verdict", str(record["verdict"]["verdict"]))
        for finding in record["verdict"].get("findings") or ():
            text = f"{finding['rule']}: {finding['message']}; {finding['remedy']}"
            yield (f"  {finding['level']}", text)
    stopping = record["stopping"]
    if stopping and stopping.get("missed") and not record["processes"]:
        have, want = stopping["have"], f"wanted {stopping['want']:.0%}"
        width = "no interval" if have is None else f"half of the interval is {have:.1%}"
        yield ("stopped", f"{_STOP_REASONS[stopping['reason']]}: {width}, {want}")
    elif stopping and stopping["reason"] == "time":
        passes = _counted(len(record["passes"]), "pass")
        yield ("stopped", f"at the time limit (--max_time), after {passes}")
    if record["error"]:
        yield ("error", record["error"])
    for note in record["notes"]:
        yield ("note", note)


def _tokens(count: int, kind: str = "") -> str:
    return f"{count} {kind}token{'' if count == 1 else 's'}"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 'es'}"


SECTIONS: Final[Mapping[str, Callable[[Record], Iterable[tuple[str, str]]]]] = {
    "latency": _latency,
    "generation": _generation,
    "steady rate": _steady,
    "work": _work,
    "memory": _machine,
    "outputs": _outputs,
    "verdict": _verdict,
}
