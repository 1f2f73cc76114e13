"""How a Result looks to a person: rows of label and text."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from ttbench_core.record.formatting import duration, figure, quantity

if TYPE_CHECKING:
    from ttbench_core.record.result import Result

__all__ = ["how", "in_short", "rows"]

#: No measurement bears more digits than this, and without an interval none bears as many.
_MOST_DIGITS: Final = 6
_WIDE_DIGITS: Final = 3
#: Up to here an interval is as good as even on both sides of the headline.
_NARROW: Final = 0.05
#: From this share of a pass on, what filling costs is told.
_WORTH_A_ROW: Final = 0.02
_PERCENTILES: Final = ("p50", "p90", "p95", "p99")


def rows(result: Result) -> list[tuple[str, str]]:
    """Give what a person wants to know first, as (label, text) pairs.

    A record from elsewhere need not have everything that this version writes: what cannot be
    told of it says so.
    """
    told = [("model", result.label), ("ran", how(result))]
    for name, section in _SECTIONS.items():
        try:
            told.extend(section(result))
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            fault = f"its record lacks {error}" if isinstance(error, KeyError) else str(error)
            told.append((name, f"cannot be told: {fault}"))
    return told


def in_short(result: Result) -> str:
    """Give one line: model, status, rate, how it ran."""
    parts = [f"{result.label}: {result.status}"]
    if result.samples_per_sec is not None:
        with contextlib.suppress(KeyError, TypeError, ValueError):  # see `rows`
            parts.append(f"{_rate(result)} {_unit(result)}s/s {_scope(result)}".rstrip())
        parts.extend([str(result.verdict["verdict"])] if result.verdict else [])
        parts.extend([] if result.outputs_are_right else ["outputs are WRONG"])
    elif result.error:
        parts.append(result.error)
    return ", ".join([*parts, how(result)])


def how(result: Result) -> str:
    """Say what ran on what: training or inference, format, engine, device, threads."""
    what = "training" if result.args.get("training") else "inference"
    device = result.devices[0] if result.devices else {}
    place = str(device.get("kind", result.args.get("device") or "no device"))
    if len(result.devices) > 1:
        place = f"{len(result.devices)} x {place}"
    form = str(result.args.get("dataformat") or "default format")
    if result.effective.get("emulated"):
        form += " (emulated)"
    threads = result.effective.get("threads")
    count = f", {threads} thread{'' if threads == 1 else 's'}" if threads else ""
    return f"{what}, {form}, {result.backend or 'no backend'} on {place}{count}"


def _image(result: Result) -> Iterator[tuple[str, str]]:
    if result.image:
        size = quantity(result.image["size_bytes"], "B", binary=True)
        yield ("saved to", f"{result.image['file']} ({size}); nothing was measured")


def _throughput(result: Result) -> Iterator[tuple[str, str]]:
    if result.samples_per_sec is not None and result.total_time is not None:
        yield ("throughput", f"{_rate(result)} {_unit(result)}s/s {_scope(result)}".rstrip())
        yield ("pass time", f"{duration(result.total_time * 1e9)}{_spread(result)}")


def _generation(result: Result) -> Iterator[tuple[str, str]]:
    if result.generation:
        yield from _generated(result.generation)


def _machine(result: Result) -> Iterator[tuple[str, str]]:
    if (memory := result.memory).get("host_peak_bytes") is not None:
        yield ("memory", _memory(memory))
    if result.energy:
        joules = result.energy.get("joules_per_sample")
        each = f", {joules:.3g} J a {_unit(result)}" if joules is not None else ""
        yield ("energy", f"{result.energy['joules']:.4g} J ({result.energy['source']}){each}")


def _generated(of: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    prompt = f"prompts of {_tokens(of['prompt_tokens'])}, " if of.get("prompt_tokens") else ""
    rates = [
        f"{name} {figure(of[key])} tokens/s"
        for name, key in (("prefill", "prefill_tokens_per_s"), ("decode", "decode_tokens_per_s"))
        if of.get(key) is not None
    ]
    yield ("generation", ", ".join([f"{prompt}{_tokens(of['new_tokens'], 'new ')}", *rates]))
    for label, key in (("  TTFT", "ttft"), ("  TPOT", "tpot"), ("  ITL", "itl")):
        if of.get(key):
            count = "" if of[key].get("count") is None else f" ({of[key]['count']})"
            yield (label, f"{_percentiles(of[key])}{count}")


def _beside(result: Result) -> Iterator[tuple[str, str]]:
    steady, overhead = result.steady, result.overhead
    if steady and ((result.in_flight or 1) > 1 or steady["fill_share"] > _WORTH_A_ROW):
        flow = f"{figure(steady['samples_per_sec'])} {_unit(result)}s/s"
        yield ("steady rate", f"{flow}; filling takes {max(steady['fill_share'], 0):.1%} of a pass")
    if overhead and overhead.get("share") is not None:
        cost = f"{duration(overhead['ns_per_input'])} an input ({overhead['share']:.2%})"
        bare = overhead.get("corrected_samples_per_sec")
        less = f"; without it {figure(bare)} {_unit(result)}s/s" if bare else ""
        yield ("harness", cost + less)


def _work(result: Result) -> Iterator[tuple[str, str]]:
    cost, roofline = result.cost or {}, result.roofline or {}
    parts = []
    if result.model.get("parameters"):
        parts.append(quantity(result.model["parameters"], " parameters"))
    if cost.get("flops_per_input") is not None:
        parts.append(f"{quantity(cost['flops_per_input'], 'FLOP')} an input")
    if roofline.get("flops_per_s") is not None:
        parts.append(quantity(roofline["flops_per_s"], "FLOP/s"))
    if roofline.get("share") is not None:
        peak = quantity(roofline["peak_flops_per_s"], "FLOP/s")
        kernel = f"{roofline.get('kernel') or 'a matrix product'} reaches here"
        beside = " beside other programs" if _was_busy(result) else ""
        parts.append(f"{roofline['share']:.0%} of the {peak} that {kernel}{beside}")
    if parts:
        yield ("work", ", ".join(parts))


def _outputs(result: Result) -> Iterator[tuple[str, str]]:
    if result.verification:
        yield ("outputs", _verified(result.verification))


def _said(result: Result) -> Iterator[tuple[str, str]]:
    if result.verdict:
        yield ("verdict", str(result.verdict["verdict"]))
        for finding in result.verdict.get("findings") or ():
            said = f"{finding['rule']}: {finding['message']}; {finding['remedy']}"
            yield (f"  {finding['level']}", said)
    stopping = result.stopping
    if stopping and stopping.get("missed") and not result.processes:
        have = "no interval" if stopping["have"] is None else f"±{stopping['have']:.1%}"
        yield (
            "stopped",
            f"{_REASONS[stopping['reason']]}: have {have}, want ±{stopping['want']:.0%}",
        )
    elif stopping and stopping["reason"] == "time":
        passes = _count(len(result.passes), "pass")
        yield ("stopped", f"at the time limit (--max_time), after {passes}")
    if result.error:
        yield ("error", result.error)
    for note in result.notes:
        yield ("note", note)


_REASONS: Final = {
    "time": "at the time limit (--max_time)",
    "passes": "at the most passes",
    "out of reach": "because more passes would not reach the target",
    "target": "at the target",
    "last turn": "after the last turn",
}


def _rate(result: Result) -> str:
    rate = result.samples_per_sec or 0.0
    confidence = result.confidence
    if not confidence:
        return figure(rate)
    width = confidence["half_width"]
    # the first digit that the interval leaves uncertain is the last one shown
    digits = _MOST_DIGITS if width <= 0 else max(2, math.ceil(-math.log10(width)) + 1)
    shown = figure(rate, min(digits, _MOST_DIGITS))
    if width <= _NARROW and confidence["low"] <= rate <= confidence["high"]:
        return f"{shown} ±{width:.1%}"
    # a wide interval is no ±: it lies around the geometric mean, and farther up than down
    ends = " to ".join(figure(confidence[end], _WIDE_DIGITS) for end in ("low", "high"))
    return f"{shown} [{ends}]"


def _scope(result: Result) -> str:
    of = result.confidence
    if of:
        return f"({of.get('scope') or '95 % interval over {replicates} {over}'.format(**of)})"
    count = len(result.passes)
    processes = len({one.get("process", 0) for one in result.passes})
    if processes > 1:
        return f"(median of {processes} processes; too few for an interval)"
    return f"(median of {count} passes; no interval)" if count > 1 else "(1 pass; no interval)"


def _spread(result: Result) -> str:
    times = [int(one["e2e_ns"]) for one in result.passes]
    inputs, samples = result.args.get("loop_count"), result.args.get("microbatch")
    work = f" for {inputs} input{'' if inputs == 1 else 's'} of {samples}"
    if len(times) < 2:
        return work
    return f"{work}; {len(times)} passes from {duration(min(times))} to {duration(max(times))}"


def _latency(result: Result) -> Iterator[tuple[str, str]]:
    of = result.latency
    if not of:
        return
    if "median_ns" in of:  # a record of version 1
        yield ("latency", f"median {duration(of['median_ns'])}, max {duration(of['max_ns'])}")
        return
    shown = _percentiles(of)
    if of.get("count") is None:  # of a table, which has not all
        yield ("latency", shown)
        return
    inputs = f"{of['count']} input{'' if of['count'] == 1 else 's'}, {result.in_flight} in flight"
    yield ("latency", f"{shown} ({inputs})")


def _percentiles(of: Mapping[str, Any]) -> str:
    needed = of.get("needed") or {}
    known = {name: of.get(f"{name}_ns") for name in _PERCENTILES}
    shown = [
        f"{name} n<{needed[name]}" if value is None else f"{name} {duration(value)}"
        for name, value in known.items()
        if value is not None or name in needed
    ]
    return ", ".join([*shown, f"max {duration(of['max_ns'])}"])


def _memory(memory: Mapping[str, Any]) -> str:
    device = memory.get("device_peak_bytes")
    where = f", device {quantity(device, 'B', binary=True)}" if device else ""
    peak, baseline = memory["host_peak_bytes"], memory.get("host_baseline_bytes")
    if baseline is None:
        return f"host {quantity(peak, 'B', binary=True)} at the peak{where}"
    above = max(peak - baseline, 0)
    return f"host {quantity(above, 'B', binary=True)} above the start{where}"


def _verified(verification: Mapping[str, Any]) -> str:
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


def _was_busy(result: Result) -> bool:
    findings = (result.verdict or {}).get("findings", ())
    return any(finding["rule"] == "host-busy" for finding in findings)


def _tokens(count: int, kind: str = "") -> str:
    return f"{count} {kind}token{'' if count == 1 else 's'}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 'es'}"


def _unit(result: Result) -> str:
    return str(result.model.get("unit", "sample"))


_SECTIONS: Final[Mapping[str, Callable[[Result], Iterable[tuple[str, str]]]]] = {
    "saved to": _image,
    "throughput": _throughput,
    "latency": _latency,
    "generation": _generation,
    "steady rate": _beside,
    "work": _work,
    "memory": _machine,
    "outputs": _outputs,
    "verdict": _said,
}
