"""Every derived figure of a record, from the measured ones in it.

`derive` computes nothing that could not be computed again from a stored record:
the passes, the counters of the host and the calibration are all in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from statistics import median
from typing import Any, Final

from ttbench_core.measure import statistics
from ttbench_core.measure.host_activity import HostActivity
from ttbench_core.measure.intervals import CONFIDENCE
from ttbench_core.measure.passes import Pass
from ttbench_core.measure.statistics import Throughput
from ttbench_core.measure.tokens import token_times_of
from ttbench_core.record.result import Result
from ttbench_core.record.verdict import Evidence, judge

__all__ = ["derive", "passes_by_process"]

_NS_PER_S: Final = 1e9


def derive(raw: Result) -> Result:
    """Fill in headline, intervals, distributions, verdict and shares of a record.

    A run that failed in its passes has no headline and no verdict.
    """
    processes = passes_by_process(raw)
    if not processes:
        return raw
    in_flight = raw.in_flight or 1
    passes = [one for process in processes for one in process]
    described = raw if _runs_whole_passes(raw) else _with_distributions(raw, passes)
    if not _has_headline(raw):
        return described
    headline = statistics.throughput_of(processes, raw.samples_per_input)
    return _with_headline(described, processes, headline, in_flight)


def _runs_whole_passes(result: Result) -> bool:
    """Return whether the engine gives all outputs of a pass at once, without a time of each."""
    return bool(result.effective.get("whole_passes"))


def _with_distributions(raw: Result, passes: Sequence[Pass]) -> Result:
    return replace(
        raw,
        latency=_distribution([ns for one in passes for ns in one.latency_ns]),
        output_interval=_distribution([ns for one in passes for ns in one.interval_ns]),
        generation=_generation(raw, passes),
        littles_law={
            "mean_in_flight": statistics.mean_in_flight(passes[0]),
            "rate_times_latency": statistics.rate_times_latency(passes[0]),
        },
    )


def passes_by_process(result: Result) -> list[list[Pass]]:
    """Give the passes of each process of a run, in the order of the processes."""
    by_process: dict[int, list[Pass]] = {}
    for one in result.passes:
        tokens = tuple(tuple(each) for each in one.get("token_ns") or ())
        times = Pass(tuple(one["push_ns"]), tuple(one["pop_ns"]), tokens)
        by_process.setdefault(int(one.get("process", 0)), []).append(times)
    return [by_process[process] for process in sorted(by_process)]


def _with_headline(
    described: Result, processes: Sequence[Sequence[Pass]], headline: Throughput, in_flight: int
) -> Result:
    passes = [one for process in processes for one in process]
    whole_passes = _runs_whole_passes(described)
    steady = None if whole_passes else statistics.steady_rate_of(passes, in_flight)
    per_input_s = headline.total_time_s / len(passes[0].pop_ns)
    harness_ns = _harness_ns(described)
    evidence = Evidence(
        processes=processes,
        in_flight=1 if whole_passes else in_flight,
        interval=headline.interval,
        fill_share=steady.fill_share if steady else None,
        # later processes repeat the first one's warm-up, settled or not
        settled=(_process_facts(described)[0].get("warmup") or {}).get("settled"),
        host_activity=[
            HostActivity(**facts["host_during"])
            for facts in _process_facts(described)
            if facts.get("host_during")
        ],
        harness_ns_per_input=harness_ns,
        compilations=described.effective.get("compilations_in_passes"),
        threads=_threads(described),
        cores=described.host.get("usable_cores"),
        quota_cores=described.host.get("cpu_quota_cores"),
        governors=described.host.get("governors") or (),
    )
    verdict, findings = judge(evidence)
    samples = described.samples_per_input
    return replace(
        described,
        total_time=headline.total_time_s,
        total_samples=headline.samples,
        samples_per_sec=headline.samples_per_s,
        confidence=_confidence(headline, processes),
        steady=None
        if steady is None
        else {
            "samples_per_sec": samples / steady.interval_ns * _NS_PER_S,
            "fill_share": steady.fill_share,
        },
        overhead=_overhead(harness_ns, per_input_s, samples),
        roofline=_roofline(described, per_input_s),
        energy=_energy(described, len(passes) * headline.samples),
        verdict={"verdict": verdict, "findings": [asdict(finding) for finding in findings]},
    )


def _has_headline(raw: Result) -> bool:
    """Return whether the passes give a headline: not where one of them failed."""
    return raw.status != "failed" or all(facts.get("stopping") for facts in _process_facts(raw))


def _process_facts(result: Result) -> Sequence[Mapping[str, Any]]:
    """Give the facts of each process; a single process has those of the record itself."""
    if result.processes:
        return result.processes
    return [
        {
            "stopping": result.stopping,
            "warmup": result.warmup,
            "host_during": result.host_during,
            "overhead": result.overhead,
        }
    ]


def _generation(raw: Result, passes: Sequence[Pass]) -> dict[str, Any] | None:
    """Give the times of a generator, as vLLM's benchmark of a server defines them.

    TTFT is from a prompt's push to its first token; TPOT, per prompt, the time from the first
    to the last token over the number of tokens less one; ITL every gap between two tokens,
    pooled.
    """
    times = token_times_of(passes)
    if times is None:
        return None
    rows = raw.args["microbatch"]
    prompt = raw.model.get("prompt_tokens")
    ttft, tpot = _distribution(times.ttft_ns), _distribution(times.tpot_ns)
    median_ttft_s = median(times.ttft_ns) / _NS_PER_S
    median_tpot_s = median(times.tpot_ns) / _NS_PER_S if times.tpot_ns else None
    return {
        "prompt_tokens": prompt,
        "new_tokens": times.new_tokens,
        "ttft": ttft,
        "tpot": tpot,
        "itl": _distribution(times.itl_ns),
        "prefill_tokens_per_s": rows * prompt / median_ttft_s if prompt else None,
        "decode_tokens_per_s": rows / median_tpot_s if median_tpot_s else None,
    }


def _distribution(values_ns: Sequence[int]) -> dict[str, Any] | None:
    distribution = statistics.distribution_of(values_ns)
    return asdict(distribution) if distribution else None


def _confidence(headline: Throughput, processes: Sequence[Sequence[Pass]]) -> dict[str, Any] | None:
    interval = headline.interval
    if interval is None:
        return None
    many = len(processes) > 1
    scope = (
        f"95 % interval over {headline.replicates} processes"
        if many
        else f"95 % interval over {headline.replicates} passes of one process;"
        " processes may differ by more"
    )
    return {
        "level": CONFIDENCE,
        "estimate": interval.estimate,
        "low": interval.low,
        "high": interval.high,
        "half_width": interval.half_width,
        "over": "processes" if many else "passes",
        "replicates": headline.replicates,
        "scope": scope,
    }


def _harness_ns(result: Result) -> float | None:
    costs = [(facts.get("overhead") or {}).get("ns_per_input") for facts in _process_facts(result)]
    known = [float(cost) for cost in costs if cost is not None]
    return max(known) if known else None


def _overhead(harness_ns: float | None, per_input_s: float, samples: int) -> dict[str, Any] | None:
    if harness_ns is None:
        return None
    share = harness_ns / _NS_PER_S / per_input_s
    corrected = samples / (per_input_s * (1 - share)) if share < 1 else None
    return {"ns_per_input": harness_ns, "share": share, "corrected_samples_per_sec": corrected}


def _roofline(result: Result, per_input_s: float) -> dict[str, Any] | None:
    flops = (result.cost or {}).get("device_flops_per_input")
    if flops is None:
        return dict(result.roofline) if result.roofline else None
    flops_per_s = flops / per_input_s
    peak = (result.roofline or {}).get("peak_flops_per_s")
    chips = max(len(result.devices), 1)
    return {
        **(result.roofline or {}),
        "flops_per_s": flops_per_s,
        "share": flops_per_s / (peak * chips) if peak else None,
    }


def _energy(result: Result, samples: int) -> dict[str, Any] | None:
    if not result.energy:
        return None
    return {**result.energy, "joules_per_sample": result.energy["joules"] / samples}


def _threads(result: Result) -> int | None:
    """Give the threads that compute; None for another device, where those of the host wait."""
    threads = result.effective.get("threads")
    on_host = bool(result.devices) and result.devices[0].get("kind") == "cpu"
    return threads if on_host and isinstance(threads, int) else None
