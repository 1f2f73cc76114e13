"""A record is exported with every key that tt-xla's benchmarks write, and reads back as itself."""

from __future__ import annotations

import json

import pytest
from damage import record_of_a_run
from hypothesis import example, given
from hypothesis import strategies as st
from tt_forge_files import MEASUREMENT_KEYS, SUITE_KEYS

from ttbench_core import Result, compare
from ttbench_core.record.foreign_formats import is_tt_forge
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
    st.fixed_dictionaries({"process": st.integers(0, 3), "e2e_ns": st.integers(1, 10**12)}),
    max_size=6,
)


@st.composite
def records(draw):
    """Give a run that was measured: with a rate, and with what a key of comparison is made of."""
    samples, rate = draw(st.integers(1, 10**9)), draw(st.floats(1e-3, 1e9))
    tokens = draw(SIZES)
    generation = {"new_tokens": tokens, "ttft": {"mean_ns": draw(st.floats(1.0, 1e12))}}
    return example_result(
        total_samples=samples,
        total_time=samples / rate,
        samples_per_sec=rate,
        passes=draw(PASSES),
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
    result = Result.from_record({**record_of_a_run(), "passes": passes})
    (pair,) = compare([result], [read_back(result)]).pairs
    assert pair.effect.verdict == "same"


@given(records())
def test_a_record_that_is_read_back_has_what_was_measured(result):
    again = read_back(result)
    assert (again.total_samples, again.total_time) == (result.total_samples, result.total_time)
    assert again.samples_per_sec == pytest.approx(result.samples_per_sec, rel=1e-14)
    assert (again.run_id, again.started_at) == (result.run_id, result.started_at)
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
