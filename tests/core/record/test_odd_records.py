"""Records come from files that anyone may have written: showing one never raises."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttbench_core import Result
from ttbench_core.record.deriving import derive
from ttbench_core.record.record_checks import result_of
from ttbench_core.testing import example_result

PASSES = [
    {"process": 0, "e2e_ns": 4 * ms, "push_ns": [0, ms], "pop_ns": [ms, 4 * ms]}
    for ms in (100_000_000, 104_000_000, 99_000_000, 101_000_000)
]
DISTRIBUTION = {"count": 8, "min_ns": 1, "mean_ns": 2, "max_ns": 3, "p50_ns": 2, "needed": {}}
WHOLE = derive(
    example_result(
        passes=PASSES,
        in_flight=2,
        devices=[{"kind": "cpu"}, {"kind": "cpu"}],
        effective={"threads": 2, "emulated": True},
        model={"unit": "token", "parameters": 10, "samples_per_input": 4},
        overhead={"ns_per_input": 200.0},
        stopping={"rule": "relative-ci", "reason": "time", "have": 0.03, "want": 0.02}
        | {"missed": True},
        cost={"flops_per_input": 10, "device_flops_per_input": 10},
        roofline={"peak_flops_per_s": 1e12, "kernel": "torch.mm"},
        energy={"joules": 3.0, "source": "counter"},
        memory={"host_baseline_bytes": 1, "host_peak_bytes": 5, "device_peak_bytes": 7},
        verification={"passed": True, "pcc": 0.99, "relative_l2": 0.1, "threshold": 0.9}
        | {"fault": "none", "outputs": [{}]},
        image={"file": "x.tti", "size_bytes": 5},
        notes=["a note"],
        error="build: no",
    )
).to_record() | {
    "generation": {
        "prompt_tokens": 3,
        "new_tokens": 4,
        "prefill_tokens_per_s": 1.0,
        "decode_tokens_per_s": 2.0,
        "ttft": DISTRIBUTION,
        "tpot": None,
        "itl": DISTRIBUTION,
    }
}


def paths_of(value, path=()):
    """Give the place of every value in a record."""
    entries = value.items() if isinstance(value, dict) else ()
    entries = enumerate(value) if isinstance(value, list) else entries
    for key, one in entries:
        yield (*path, key)
        yield from paths_of(one, (*path, key))


PATHS = sorted(paths_of(WHOLE), key=str)
#: A whole number that no float holds, and one that Python does not print.
HUGE = [10**400, -(10**5000)]
ODD = st.one_of(
    st.sampled_from([None, True, "", "x", [], {}, [None], {"a": 1}, ["x", 1], [[]], *HUGE]),
    st.integers(-5, 5),
    st.floats(),
    st.text(max_size=5),
)
MISSING = object()


def changed(record, changes):
    """Replace values of a record, or take them away; places that are gone by then are left."""
    odd = copy.deepcopy(record)
    for path, value in changes:
        holder = odd
        try:
            for key in path[:-1]:
                holder = holder[key]
            if value is MISSING:
                del holder[path[-1]]
            elif isinstance(holder, (dict, list)):
                holder[path[-1]] = value
        except (IndexError, KeyError, TypeError):
            continue
    return odd


changes = st.lists(
    st.tuples(st.sampled_from(PATHS), st.one_of(st.just(MISSING), ODD)), min_size=1, max_size=4
)


def is_shown(result):
    rows = result.summary()
    texts = [one for row in rows for one in row]
    return all(isinstance(one, str) for one in [*texts, str(result), result._repr_html_()])


def read(record):
    """Read a record as `load` does, which asks for the keys of the original script alone."""
    return Result.from_record({**dict.fromkeys(WHOLE), **record})


@given(changes)
def test_any_record_is_shown(changes):
    assert is_shown(read(changed(WHOLE, changes)))


def test_every_value_of_a_record_may_be_missing_or_of_another_type():
    for path in PATHS:
        for value in (MISSING, None, "x", 5, -1.0, float("nan"), [], {}, [5], *HUGE):
            assert is_shown(read(changed(WHOLE, [(path, value)]))), (path, value)


def test_a_whole_record_is_shown_without_a_fault():
    assert not [text for _, text in read(WHOLE).summary() if "not available" in text]


def test_a_record_of_version_3_shows_the_rate_that_its_interval_is_of():
    confidence = {"estimate": 691.0, "low": 675.0, "high": 708.0, "half_width": 0.0246}
    confidence |= {"over": "passes", "replicates": 100}
    old = example_result(samples_per_sec=666.0, confidence=confidence, schema_version=3)
    assert dict(old.summary())["throughput"].startswith("691 [675 to 708] samples/s")


def test_the_rate_of_a_record_of_version_3_is_read_as_that_of_its_interval():
    confidence = {"estimate": 500.0, "low": 450.0, "high": 600.0}
    old = example_result(samples_per_sec=666.0, confidence=confidence, schema_version=3)
    result = result_of("here", old.to_record())
    assert result.samples_per_sec == 500.0
    assert result.total_time == pytest.approx(result.total_samples / 500.0)
    now = example_result(samples_per_sec=666.0, confidence=confidence)
    assert result_of("here", now.to_record()).samples_per_sec == 666.0


def test_a_lopsided_interval_is_shown_by_its_ends_and_a_narrow_one_by_its_share():
    def shown(low, high):
        confidence = {"estimate": 100.0, "low": low, "high": high, "over": "passes"}
        result = example_result(confidence=confidence | {"replicates": 9})
        return dict(result.summary())["throughput"].split(" samples")[0]

    assert shown(98.04, 102.0) == "100 ±2.0%"
    assert shown(96.6, 103.6) == "100 [96.6 to 104]"
    assert shown(64.9, 154.03) == "100 [64.9 to 154]"


@given(st.lists(st.integers(1, 10**12), min_size=3, max_size=12), st.integers(1, 3))
def test_the_printed_headline_lies_in_the_printed_interval(times_ns, processes):
    passes = [
        {"process": at % processes, "e2e_ns": ns, "push_ns": [0], "pop_ns": [ns]}
        for at, ns in enumerate(times_ns)
    ]
    record = derive(example_result(passes=passes))
    text = dict(record.summary())["throughput"].split(" samples")[0].replace(",", "")
    rate, _, ends = text.partition(" ")
    if ends.startswith("["):
        low, high = ends.strip("[]").split(" to ")
        assert float(low) <= float(rate) <= float(high)
    if record.confidence:
        confidence = record.confidence
        assert confidence["low"] <= record.samples_per_sec <= confidence["high"]
        assert confidence["estimate"] == record.samples_per_sec
