"""A record is exported with every key that tt-xla's benchmarks write, and reads back as itself."""

from __future__ import annotations

import json
from statistics import geometric_mean

import pytest
from damage import record_of_a_run
from hypothesis import example, given
from hypothesis import strategies as st
from tt_forge_files import MEASUREMENT_KEYS, SUITE_KEYS

from ttbench_core import Result, compare
from ttbench_core.errors import ResultsFileError
from ttbench_core.record.foreign_formats import is_tt_forge
from ttbench_core.results.history.run_series import collect_series
from ttbench_core.results.reading import load
from ttbench_core.results.tt_forge.exporting import to_tt_forge
from ttbench_core.results.tt_forge.importing import from_tt_forge
from ttbench_core.testing import example_result

FACTS = st.dictionaries(st.text(max_size=8), st.none() | st.integers() | st.text(max_size=8))
SIZES = st.none() | st.integers(1, 10**6)
KINDS = st.sampled_from(["cpu", "cuda", "silicon"])
TEXTS = st.none() | st.text(max_size=12)
ARGS = st.fixed_dictionaries(
    {"model": st.text(min_size=1, max_size=12), "microbatch": st.integers(1, 10**6)},
    optional={
        "config": TEXTS,
        "training": st.booleans(),
        "dataformat": st.sampled_from(["Fp32", "Fp16_b", "Bfp8_b", "Int8", "odd"]),
        "math_fidelity": st.sampled_from([None, "HiFi3"]),
        "backend_opt_level": st.integers(0, 4),
        **dict.fromkeys(("loop_count", "layers", "seq_len", "image_size", "new_tokens"), SIZES),
        "chips": st.integers(1, 32),
        "backend": st.sampled_from(["torch", "pybuda", "tt_xla"]),
        "galaxy": st.none() | st.booleans(),
        "scenario": st.sampled_from([None, "latency"]),
        "env": TEXTS,
        "weights": TEXTS,
        "engine_options": FACTS,
        "model_options": FACTS,
    },
)
MODELS = st.fixed_dictionaries(
    {},
    optional={
        "name": st.text(min_size=1, max_size=12),
        "config": TEXTS,
        "task": TEXTS,
        "pack": TEXTS,
        "unit": st.sampled_from(["sample", "token"]),
        "parameters": st.integers(0, 10**12),
        "inputs": st.lists(
            st.fixed_dictionaries(
                {"shape": st.lists(st.integers(1, 512), max_size=4), "dtype": st.just("float32")}
            ),
            max_size=2,
        ),
    },
)
DEVICES = st.lists(
    st.fixed_dictionaries(
        {"kind": KINDS, "index": st.integers(0, 7)}, optional={"name": TEXTS, "arch": TEXTS}
    ),
    max_size=4,
)

PASSES = st.lists(
    st.fixed_dictionaries({"process": st.integers(0, 3), "e2e_ns": st.integers(10**4, 10**12)}),
    max_size=6,
)


def mean_time_s(passes):
    """Give the time of a headline: the geometric mean over the processes of that of each."""
    processes = {}
    for one in passes:
        processes.setdefault(one["process"], []).append(one["e2e_ns"])
    return geometric_mean([geometric_mean(one) for one in processes.values()]) / 1e9


@st.composite
def records(draw):
    """Give a run that was measured: with a rate, and with what a key of comparison is made of."""
    samples, passes = draw(st.integers(1, 10**9)), draw(PASSES)
    time_s = mean_time_s(passes) if passes else samples / draw(st.floats(1e-3, 1e9))
    tokens = draw(SIZES)
    generation = {
        "new_tokens": tokens,
        "ttft": {"mean_ns": draw(st.floats(1.0, 1e12))},
        "decode_tokens_per_s": draw(st.none() | st.floats(1e-3, 1e9)),
    }
    return example_result(
        total_samples=samples,
        total_time=time_s,
        samples_per_sec=samples / time_s,
        confidence=draw(st.none() | st.just({"estimate": samples / time_s})),
        passes=passes,
        args=draw(ARGS),
        requested=draw(st.fixed_dictionaries({}, optional={"threads": SIZES})),
        model=draw(MODELS),
        backend=draw(TEXTS),
        devices=draw(DEVICES),
        effective=draw(FACTS),
        arch=draw(st.sampled_from([None, "x86_64", "wormhole_b0", "blackhole", "grayskull"])),
        machine_name=draw(st.text(max_size=12)),
        hash=draw(TEXTS),
        host=draw(FACTS),
        versions=draw(st.dictionaries(st.text(max_size=8), st.text(max_size=8))),
        environment=draw(st.dictionaries(st.text(max_size=8), st.text(max_size=8))),
        git=draw(st.none() | st.just({"hash": "abc", "date": "26-01-01", "dirty": True})),
        notes=draw(st.lists(st.text(max_size=20), max_size=2)),
        generation=generation if tokens else None,
    )


def file_of(result):
    """Give the object as a file holds it."""
    return json.loads(json.dumps(to_tt_forge(result), allow_nan=False))


def read_back(result):
    return from_tt_forge("perf_report_1.json", file_of(result))


def require_types(value, types, path=""):
    """Require every key, and no value of another JSON type than theirs."""
    for key, wanted in types.items():
        assert key in value, path + key
        if isinstance(wanted, dict):
            require_types(value[key], wanted, f"{path}{key}.")
        else:
            assert type(value[key]) in wanted, (path + key, value[key])


@given(records())
@example(Result.from_record(record_of_a_run()))
def test_every_key_of_theirs_is_written_with_its_type(result):
    exported = file_of(result)
    require_types(exported, SUITE_KEYS)
    for one in exported["measurements"]:
        require_types(one, MEASUREMENT_KEYS)
    assert is_tt_forge(exported)


@given(records())
@example(Result.from_record(record_of_a_run()))
def test_a_record_that_is_read_back_is_the_same_in_a_comparison(result):
    (pair,) = compare([result], [read_back(result)]).pairs
    (own,) = compare([result], [result]).pairs
    assert pair.effect.ratio == pytest.approx(own.effect.ratio, rel=1e-14)
    assert (pair.across, pair.surroundings) == ((), ())
    assert pair.effect.interval == own.effect.interval
    assert pair.effect.verdict == own.effect.verdict


def test_a_steady_record_and_its_file_are_the_same():
    passes = [{"process": one // 4, "e2e_ns": 10**9 + 10**4 * (one % 4)} for one in range(20)]
    time_s, samples = mean_time_s(passes), 20
    headline = {"total_time": time_s, "total_samples": samples, "samples_per_sec": samples / time_s}
    result = Result.from_record({**record_of_a_run(), **headline, "passes": passes})
    (pair,) = compare([result], [read_back(result)]).pairs
    assert pair.effect.verdict == "same"


@given(records())
def test_a_record_that_is_read_back_has_what_was_measured(result):
    again = read_back(result)
    assert (again.total_samples, again.total_time) == (result.total_samples, result.total_time)
    assert again.samples_per_sec == pytest.approx(result.samples_per_sec, rel=1e-14)
    assert (again.foreign["run_id"], again.started_at) == (result.run_id, result.started_at)
    if result.generation:
        assert again.generation["new_tokens"] == result.generation["new_tokens"]
        first = again.generation["ttft"]["mean_ns"]
        assert first == pytest.approx(result.generation["ttft"]["mean_ns"], rel=1e-14)


@given(records())
def test_reading_and_writing_again_changes_nothing(result):
    again = read_back(result)
    assert file_of(again) == file_of(result)
    kept = Result.from_record(json.loads(again.to_json()))
    assert file_of(kept) == file_of(result)
    assert kept.to_record() == again.to_record()


def test_a_run_that_was_measured_reads_back_with_its_conditions():
    result = Result.from_record(record_of_a_run())
    again = read_back(result)
    same = ("args", "model", "devices", "versions", "host", "environment", "hash", "git", "arch")
    for name in same:
        assert again.to_record()[name] == result.to_record()[name]
    assert again.notes[0].startswith("read back from the format of tt-forge")
    assert again.passes == [
        {"process": one["process"], "e2e_ns": one["e2e_ns"]} for one in result.passes
    ]
    judged = ("confidence", "verdict", "verification")
    assert all(again.to_record()[name] == result.to_record()[name] for name in judged)


def test_what_is_read_back_and_its_record_are_two_results(ttbench, tmp_path):
    result = Result.from_record(record_of_a_run())
    ours, theirs, both = (tmp_path / name for name in ("ours.json", "exp.json", "both.jsonl"))
    ours.write_text(result.to_json())
    theirs.write_text(json.dumps(file_of(result)))
    assert ttbench("show", theirs, ours, "-o", both).code == 0
    kept = load(both)
    assert len({one.run_id for one in kept}) == 2
    assert [one.to_record() for one in kept if one.foreign is None] == [result.to_record()]
    assert "2 runs" in ttbench("report", theirs, ours, "--format", "markdown").out


@pytest.mark.parametrize("order", [1, -1])
def test_what_is_read_back_beside_its_record_is_no_replicate_of_it(order):
    result = Result.from_record(record_of_a_run())
    both = [read_back(result), result][::order]
    (pair,) = compare(both, [result]).pairs
    assert pair.old.run_ids == (result.run_id,)
    assert "1 repeated run left out of OLD" in pair.notes
    assert "OLD and NEW share a run" in pair.notes
    (pair,) = compare([read_back(result)], [result]).pairs
    assert "OLD and NEW share a run" in pair.notes


def test_a_history_counts_a_run_and_what_is_read_back_of_it_once():
    result = Result.from_record(record_of_a_run())
    assert collect_series([result, read_back(result)]).duplicates == 1


def generated(**changes):
    """Give a run of a generator: 4 inputs, 32 users, 8 new tokens, 64 tokens a second."""
    generation = {"new_tokens": 8, "decode_tokens_per_s": 64.0, "ttft": {"mean_ns": 2.5e6}}
    values = {
        "total_samples": 4 * 32 * 8,
        "total_time": 16.0,
        "samples_per_sec": 64.0,
        "args": {"model": "gpt2", "microbatch": 32, "loop_count": 4},
        "model": {"name": "gpt2", "unit": "token", "task": "text generation"},
        "passes": [{"process": 0, "e2e_ns": 16 * 10**9}],
        "generation": generation,
    }
    return example_result(**{**values, **changes})


def values_of(exported):
    return {one["measurement_name"]: one["value"] for one in exported["measurements"]}


def test_a_generator_has_the_tokens_of_one_user_and_the_time_of_decoding_them():
    exported = file_of(generated())
    # of one user 2 tokens a second, the first of 8 without decoding
    assert values_of(exported) == {"total_samples": 7, "total_time": 3.5, "ttft": 2.5}
    assert exported["model_type"] == "text-generation"


def test_a_generator_that_is_read_back_has_its_own_headline_and_rates():
    result = generated()
    again = read_back(result)
    for name in ("total_samples", "total_time", "samples_per_sec", "generation", "model"):
        assert again.to_record()[name] == result.to_record()[name]
    assert again.foreign["measurements"]["total_samples"] == 7
    assert not any("decoding" in note for note in again.notes)
    (pair,) = compare([result], [again]).pairs
    assert pair.effect.ratio == 1


def test_a_generator_read_without_our_part_of_the_file_says_what_its_rate_is_of():
    exported = file_of(generated())
    del exported["config"]["ttbench"]
    again = from_tt_forge("x.json", exported)
    assert again.samples_per_sec == 2
    assert any("one of 32 users, decoding only" in note for note in again.notes)


WRONG = {"verification": {"passed": False}}
NOT_WRITTEN = [
    ({"total_time": None}, "1 that were not measured"),
    (WRONG, "1 whose outputs were wrong"),
    ({"effective": {"emulated": True}}, "1 that were emulated"),
    ({"generation": None}, "1 that count tokens and have no rate of decoding"),
    ({"generation": {"new_tokens": 1, "decode_tokens_per_s": None}}, "1 that count tokens"),
    ({"generation": {"new_tokens": "8", "decode_tokens_per_s": 4.0}}, "1 that count tokens"),
]


@pytest.mark.parametrize(("changes", "reason"), NOT_WRITTEN)
def test_a_run_that_the_format_would_show_as_sound_is_left_out(ttbench, tmp_path, changes, reason):
    path = tmp_path / "x.json"
    path.write_text(generated(**changes).to_json())
    outcome = ttbench("show", path, "--format", "tt-forge")
    assert json.loads(outcome.out) == []
    assert outcome.complaint.startswith(f"ttbench: left out {reason}")


def test_runs_that_are_left_out_are_counted_by_reason(ttbench, tmp_path):
    path = tmp_path / "x.json"
    runs = [generated(), generated(**WRONG), generated(total_time=None), generated(**WRONG)]
    path.write_text(json.dumps([one.to_record() for one in runs]))
    outcome = ttbench("show", path, "--format", "tt-forge")
    assert values_of(json.loads(outcome.out))["total_samples"] == 7
    expected = "ttbench: left out 2 whose outputs were wrong, 1 that were not measured"
    assert outcome.complaint == expected


CONTRADICTIONS = [
    (example_result(), ("measurements", 0, "value"), 80, "total_samples 40, and measurements 80"),
    (example_result(), ("measurements", 1, "value"), 0.25, "total_time 0.5, and measurements 0.25"),
    (example_result(), ("measurements", 1, "value"), -1, "total_time 0.5, and measurements none"),
    (generated(), ("measurements", 1, "value"), 1.75, "total_time 3.5, and measurements 1.75"),
    (generated(), ("measurements", 2, "value"), 1.0, "ttft 2.5, and measurements 1"),
    (
        example_result(),
        ("config", "ttbench", "samples_per_sec"),
        160.0,
        "samples_per_sec 160, and total_samples / total_time 80",
    ),
    (
        example_result(confidence={"estimate": 80.0}),
        ("config", "ttbench", "confidence", "estimate"),
        81.0,
        "samples_per_sec 80, and confidence.estimate 81",
    ),
    (
        example_result(confidence={"estimate": 80.0}),
        ("config", "ttbench", "confidence", "estimate"),
        "80",
        "samples_per_sec 80, and confidence.estimate none",
    ),
    (
        example_result(),
        ("config", "ttbench", "passes", 0, "e2e_ns"),
        10**9,
        "total_time 0.5, and passes 1",
    ),
]


@pytest.mark.parametrize(("result", "path", "value", "fault"), CONTRADICTIONS)
def test_a_file_with_two_values_of_one_thing_is_refused_in_a_line(result, path, value, fault):
    exported = file_of(result)
    place = exported
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    with pytest.raises(ResultsFileError) as refused:
        from_tt_forge("x.json", exported)
    assert str(refused.value) == f"x.json is no result of tt-forge: config.ttbench has {fault}"


def test_a_record_of_version_3_has_the_time_of_the_median_pass():
    passes = [{"process": 0, "e2e_ns": ns} for ns in (400_000_000, 600_000_000)]
    result = example_result(schema_version=3, passes=passes)
    assert read_back(result).total_time == 0.5


def test_a_file_that_an_earlier_version_exported_has_its_model_and_configuration():
    exported = file_of(example_result(args={"model": "bert", "config": "tiny", "microbatch": 8}))
    del exported["config"]["ttbench"]
    again = from_tt_forge("old.json", exported)
    assert (again.args["model"], again.args["config"]) == ("bert", "tiny")
    assert again.args["microbatch"] == 8


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("wormhole_b0", "wormhole"),
        ("Wormhole_b0", "wormhole"),
        ("blackhole", "blackhole"),
        ("x86_64", "x86_64"),
        (None, ""),
    ],
)
def test_architectures_have_their_names(ours, theirs):
    assert file_of(example_result(arch=ours))["device_info"]["arch"] == theirs


def test_an_image_has_its_channels_and_its_run_type_every_dimension():
    args = {"model": "resnet", "config": "50", "microbatch": 8, "image_size": 32, "loop_count": 5}
    inputs = [{"shape": [8, 1, 32, 32], "dtype": "float32"}]
    exported = file_of(example_result(args=args, model={"inputs": inputs}))
    assert exported["image_dimension"] == "1x32x32"
    assert exported["run_type"] == "resnet_50_8_1_32_32_-1_5"
    del exported["config"]["ttbench"]
    again = from_tt_forge("x.json", exported)
    assert (again.args["image_size"], again.args["loop_count"]) == (32, 5)


def test_a_text_has_its_tokens_and_no_image():
    args = {"model": "bert", "microbatch": 4, "seq_len": 128, "layers": 2, "loop_count": 7}
    exported = file_of(example_result(args=args))
    assert (exported["image_dimension"], exported["input_sequence_length"]) == ("", 128)
    assert exported["run_type"] == "bert_4_128_2_7"


def test_options_of_the_compiler_are_those_that_the_engine_had():
    options = {"optimization_level": 2, "enable_trace": True, "other": 1}
    effective = {"engine_options": options, "mesh_shape": [1, 2], "boards": ["n300"]}
    exported = file_of(example_result(effective=effective, versions={"torch_xla": "2.9.0"}))
    config, device = exported["config"], exported["device_info"]
    assert (config["optimization_level"], config["trace_enabled"]) == (2, True)
    assert config["torch_xla_enabled"] is True
    assert (device["mesh_shape"], device["device_type"]) == ([1, 2], "n300")


@pytest.mark.parametrize(
    ("boards", "name"),
    [(["n150 L", "p150a"], "chip"), (["p150a", "p150a"], "p150a"), ([], "chip"), (None, "chip")],
)
def test_a_board_is_named_where_all_are_of_one_kind(boards, name):
    devices = [{"kind": "tt", "index": 0, "name": "chip"}]
    exported = file_of(example_result(effective={"boards": boards}, devices=devices))
    assert exported["device_info"]["device_type"] == name


def test_a_row_of_chips_is_a_mesh_of_two_dimensions():
    exported = file_of(example_result(effective={"mesh_shape": [4]}))
    assert exported["device_info"]["mesh_shape"] == [1, 4]


def test_a_format_of_weights_alone_is_not_the_precision():
    effective = {
        "compile_options": {"experimental_weight_dtype": "bfp_bf8"},
        "dtype": "bfloat16",
    }
    args = {"model": "bert", "microbatch": 1, "dataformat": "Bfp8_b"}
    exported = file_of(example_result(args=args, effective=effective))
    assert exported["precision"] == "bfloat16"
    assert exported["config"]["experimental_weight_dtype"] == "bfp_bf8"


def test_what_an_engine_does_not_have_is_none_in_the_format():
    # the levels of other engines are on another scale
    args = {"model": "bert", "microbatch": 1, "backend_opt_level": 4}
    exported = file_of(example_result(args=args))
    assert exported["config"]["optimization_level"] == -1
    assert exported["config"]["torch_xla_enabled"] is False
    assert exported["device_info"]["mesh_shape"] is None
    assert exported["num_layers"] == -1
