"""Files of tt-forge's benchmarks are read beside ours: what they say, and nothing else."""

from __future__ import annotations

import json

import pytest
from tt_forge_files import (
    WRITERS,
    language_object,
    measurement,
    onnx_object,
    runner_object,
    vision_object,
)

from ttbench_core import compare
from ttbench_core.errors import ResultsFileError, TargetError
from ttbench_core.results.reading import load
from ttbench_core.sinks.targets import check_target, find_reader
from ttbench_core.testing import example_result


@pytest.fixture
def written(tmp_path):
    """Write an object, or a list, to a file and return its path."""

    def write(value, name="perf_report_1.json"):
        path = tmp_path / name
        path.write_text(json.dumps(value, indent=2))
        return str(path)

    return write


@pytest.fixture
def read(written):
    def one(value):
        (result,) = load(written(value))
        return result

    return one


def test_a_vision_benchmark_is_read_with_its_settings_and_its_machine(read):
    result = read(vision_object())
    assert (result.total_samples, result.total_time) == (1024, 2.5)
    assert result.samples_per_sec == 1024 / 2.5
    expected = {
        "model": "pytorch_ResNet_resnet50",
        "dataformat": "Fp16_b",
        "microbatch": 8,
        "loop_count": 128,
        "image_size": 224,
        "chips": 1,
        "backend": "tt",
        "engine_options": {"optimization_level": 2, "enable_trace": True},
    }
    assert {name: result.args[name] for name in expected} == expected
    assert result.arch == "wormhole_b0"
    assert result.machine_name == "card-host-1"
    assert result.devices == [{"index": 0, "name": "n150", "arch": "wormhole_b0"}]


@pytest.mark.parametrize("end", [50, 1, 28])
def test_the_end_of_a_run_type_that_is_no_count_of_inputs_is_none(read, end):
    # the pipelines of images and videos have the steps of inference there
    theirs = vision_object(run_type=f"pytorch_ResNet_resnet50_8_3_224_224_-1_{end}")
    assert read(theirs).args["loop_count"] is None


def test_an_end_of_a_run_type_without_samples_is_unknown(read):
    theirs = vision_object(measurements=[measurement("total_time", 2.5)])
    assert read(theirs).args["loop_count"] is None


def test_what_a_file_does_not_say_is_unknown(read):
    result = read(vision_object())
    unknown = ("config", "training", "layers", "seq_len", "new_tokens", "math_fidelity")
    assert {result.args[name] for name in unknown} == {None}
    assert (result.hash, result.date, result.git, result.started_at) == (None, None, None, "")
    assert (result.confidence, result.verdict, result.verification) == (None, None, None)
    assert (result.generation, result.warmup, result.energy) == (None, None, None)
    assert (list(result.passes), dict(result.versions), dict(result.host)) == ([], {}, {})


def test_a_text_generation_benchmark_has_its_first_token_and_counts_tokens(read):
    result = read(language_object())
    assert result.generation == {"ttft": {"mean_ns": 85.25e6}}
    assert result.model["unit"] == "token"
    assert (result.args["layers"], result.args["seq_len"]) == (16, 128)
    assert result.args["engine_options"]["experimental_weight_dtype"] == "bfp_bf8"
    assert len(result.devices) == 2


USERS = "its rate is of one of 32 users, decoding only; rates of ttbench are of all users"
DECODING = "its rate is of decoding only; rates of ttbench are of all users, with prefill"


def test_a_rate_of_decoding_for_one_user_has_a_note(read):
    assert any(USERS in note for note in read(language_object()).notes)
    of_all = language_object(run_type="Llama_3.2_1B_32_128_16_1_vllm")
    for other in (of_all, language_object(batch_size=1)):
        assert DECODING in read(other).notes
    assert not any("users" in note for note in read(vision_object()).notes)


def test_a_comparison_says_what_the_rate_of_generated_text_is_of(ttbench, written):
    theirs = written(language_object())
    out = ttbench("compare", theirs, written(language_object(), "new.json")).out
    lines = [line for line in out.splitlines() if "decoding only" in line]
    assert [line.split(":")[0].split()[-1] for line in lines] == ["OLD", "NEW"]
    (pair,) = compare(load(theirs), load(theirs)).pairs
    assert any(note.startswith("OLD: ") and USERS in note for note in pair.notes)


def test_a_report_in_markdown_says_what_the_rate_of_generated_text_is_of(ttbench, written):
    other = language_object(batch_size=1, run_type="Llama <b>")
    path = written([vision_object(), language_object(), language_object(ttft=1), other])
    lines = ttbench("report", path, "--format", "markdown").out.splitlines()
    assert any(one.startswith("* runs 3, 2: ") and USERS in one for one in lines)
    assert any(one.startswith("* run 4: ") and DECODING in one for one in lines)


def test_a_note_of_a_foreign_result_is_escaped_in_markdown(ttbench, written):
    record = example_result(foreign={"notes": ["<b>|x", 3]}, run_id="a").to_record()
    odd = example_result(foreign={"notes": "x"}, run_id="b").to_record()
    out = ttbench("report", written([record, odd]), "--format", "markdown").out
    assert "<b>" not in out
    assert "* run 1: 3" in out


def test_another_rate_in_the_file_has_a_note(read):
    theirs = vision_object()
    theirs["measurements"].append(measurement("samples_per_sec", 409.6001))
    assert len(read(theirs).notes) == 1
    theirs["measurements"][-1]["value"] = 12.5
    result = read(theirs)
    assert result.samples_per_sec == 409.6
    assert "12.5" in result.notes[-1]
    assert "409.6" in result.notes[-1]


def test_all_measurements_and_the_whole_object_are_kept(read):
    theirs = language_object()
    foreign = read(theirs).foreign
    assert foreign["measurements"] == {
        "total_samples": 127,
        "total_time": 5.0,
        "ttft": 85.25,
        "top1_accuracy_p5": 91.5,
        "device_fw_duration": 0.25,
    }
    assert (foreign["format"], foreign["project"]) == ("tt-forge", "tt-forge/tt-xla")
    assert foreign["record"] == theirs


def test_measurements_of_one_name_are_a_list(read):
    several = [measurement("forward_pass_time_ms", one, iteration=one) for one in (1, 2, 3)]
    theirs = vision_object()
    theirs["measurements"] += several
    assert read(theirs).foreign["measurements"]["forward_pass_time_ms"] == [1, 2, 3]


def test_the_test_runner_of_tt_xla_has_other_keys_for_the_same(read):
    result = read(runner_object())
    assert result.samples_per_sec == 4.0
    assert (result.arch, result.machine_name) == ("wormhole_b0", "card-host-3")
    assert result.args["training"] is False
    # its run_type has no inputs of a pass
    assert result.args["loop_count"] is None
    assert result.foreign["measurements"]["perf_time_2"] == 0.3


def test_the_benchmarks_of_onnx_models_have_other_names_for_the_same(read):
    result = read(onnx_object())
    assert result.args["dataformat"] == "Fp32"
    assert (result.args["image_size"], result.args["loop_count"]) == (None, None)
    assert (result.args["chips"], result.arch, list(result.devices)) == (1, None, [])


@pytest.mark.parametrize("nothing", [0, 0.0, -1, -1.0, None])
def test_a_time_that_was_not_measured_gives_no_rate(read, nothing):
    result = read(vision_object(total_time=nothing))
    assert result.ok
    assert (result.total_time, result.samples_per_sec) == (None, None)


def test_a_precision_without_a_data_format_keeps_its_name(read):
    assert read(vision_object(precision="mxfp4")).args["dataformat"] == "mxfp4"
    assert read(vision_object(precision="")).args["dataformat"] is None


def test_an_image_that_is_no_square_has_no_size(read):
    assert read(vision_object(image_dimension="3x224x448")).args["image_size"] is None


def test_the_first_start_of_a_step_is_the_start_of_the_run(read):
    theirs = vision_object()
    theirs["measurements"][0]["step_start_ts"] = "2026-08-21T10:00:05+02:00"
    theirs["measurements"][1]["step_start_ts"] = "2026-08-21T08:00:01Z"
    theirs["measurements"][2]["step_start_ts"] = ""
    assert read(theirs).started_at == "2026-08-21T08:00:01+00:00"


def test_one_object_has_one_run_id_and_another_has_another(read):
    first, again, other = (read(vision_object(time)) for time in (2.5, 2.5, 2.0))
    assert first.run_id == again.run_id != other.run_id
    assert len(first.run_id) == 32


def test_the_name_of_a_file_does_not_matter(written):
    for name in ("x.json", "perf_report_9.json", "no_suffix"):
        assert load(written(vision_object(), name))[0].foreign is not None


def test_a_list_may_hold_theirs_and_ours(written):
    path = written([vision_object(), example_result().to_record(), runner_object()])
    assert [one.foreign is None for one in load(path)] == [False, True, False]
    assert load(f"{path}@-1")[0].model["name"] == "bert_base"


def test_lines_of_json_may_be_theirs(tmp_path):
    path = tmp_path / "perf_reports.jsonl"
    path.write_text("\n".join(json.dumps(writer()) for writer in WRITERS))
    assert len([one for one in load(path) if one.foreign]) == len(WRITERS)
    with pytest.raises(TargetError, match=r"line 1 is a result of tt-forge"):
        check_target(path)


@pytest.mark.parametrize("writer", WRITERS)
def test_a_file_of_theirs_is_not_appended_to(written, writer):
    path = written(writer())
    with pytest.raises(TargetError, match="is a result of tt-forge, not of ttbench"):
        check_target(path)


@pytest.mark.parametrize("writer", WRITERS)
def test_their_results_are_kept_in_a_file_of_ours(ttbench, written, writer):
    path = written(writer())
    ours = path.replace("perf_report_1", "kept")
    assert ttbench("show", path, "-o", ours).code == 0
    assert load(ours)[0].to_record() == load(path)[0].to_record()
    check_target(ours)


@pytest.mark.parametrize("writer", WRITERS)
def test_what_was_read_is_exported_as_it_was(ttbench, written, writer):
    out = ttbench("show", written(writer()), "--format", "tt-forge").out
    assert json.loads(out) == writer()


def test_two_files_of_theirs_are_compared_without_a_verdict(written):
    old = load(written(vision_object(2.5), "old.json"))
    new = load(written(vision_object(2.0), "new.json"))
    (pair,) = compare(old, new).pairs
    assert pair.effect.ratio == pytest.approx(1.25)
    assert (pair.effect.interval, pair.effect.verdict) == (None, "inconclusive")
    assert "no interval" in pair.effect.covers
    assert "NEW was read from the format of tt-forge: one value, no passes" in pair.notes


def test_several_files_a_side_are_replicates(written):
    times = {"old": (2.5, 2.51, 2.49), "new": (2.0, 2.01, 1.99)}
    old, new = (
        load(written([vision_object(time) for time in times[side]], f"{side}.json"))
        for side in times
    )
    assert compare(old, new).pairs[0].effect.verdict == "faster"


def test_theirs_and_ours_are_compared_across_what_differs(ttbench, written):
    ours = written([example_result().to_record()], "ours.json")
    theirs = written(vision_object())
    refused = ttbench("compare", ours, theirs)
    assert refused.code == 2
    assert "--across model" in refused.complaint
    refused = ttbench("compare", ours, theirs, "--across", "model")
    words = refused.complaint.split()
    names = [words[at + 1] for at, word in enumerate(words) if word == "--across"]
    compared = ttbench("compare", ours, theirs, "--across", ",".join(["model", *names]))
    assert compared.code == 0
    assert "one alone shows no spread, so no interval" in compared.out


def test_the_sink_of_a_thousand_files_is_looked_up_once(ttbench, tmp_path, monkeypatch):
    for number in range(1000):
        path = tmp_path / f"perf_report_{number}.json"
        path.write_text(json.dumps(vision_object(1.0 + number)))
    found = []
    monkeypatch.setattr(
        "ttbench_core.sinks.readers.find_reader", lambda one: found.append(one) or find_reader(one)
    )
    out = ttbench("show", *sorted(tmp_path.iterdir()), "--format", "csv", "--columns", "model").out
    assert len(out.splitlines()) == 1001
    assert len(found) == 1


def test_reports_and_histories_take_them(ttbench, written):
    path = written([writer() for writer in WRITERS])
    assert "Llama 3.2 1B" in ttbench("report", path, "--format", "markdown").out
    assert ttbench("history", path).code == 0
    assert ttbench("show", path, "--plot").code == 0


def test_a_page_says_where_a_result_is_from(ttbench, written, tmp_path):
    pytest.importorskip("altair", reason="needs ttbench-core[report]")
    page = tmp_path / "x.html"
    assert ttbench("report", written(vision_object()), "-o", page).code == 0
    assert "read from a file of tt-forge/tt-xla" in page.read_text()


FAULTS = [
    ({"measurements": {}}, "measurements is no list"),
    ({"measurements": [3]}, r"measurements[0] is no object"),
    ({"measurements": [{"value": 1}]}, "measurements[0].measurement_name is missing"),
    ({"measurements": [measurement("total_time", "2")]}, "measurements[0].value is no number"),
    ({"measurements": [measurement("total_time", -3)]}, "measurements[0].value is -3"),
    ({"measurements": [measurement("total_samples", 1.5)]}, "and no whole number"),
    ({"measurements": [measurement("x", 1, device_power="hot")]}, "device_power is no number"),
    ({"measurements": [measurement("x", 1, step_start_ts="soon")]}, "is no time as ISO 8601"),
    (
        {"measurements": [measurement("x", 1, step_start_ts="0001-01-01T00:00:00+09:00")]},
        "measurements[0].step_start_ts is no time",
    ),
    ({"measurements": [measurement("total_time", 1)] * 2}, "is total_time once more"),
    ({"measurements": [measurement("x", 1)] * 10_001}, "measurements has 10,001 entries"),
    ({"batch_size": "8"}, "batch_size is no number"),
    ({"batch_size": True}, "batch_size is no number"),
    ({"precision": 16}, "precision is no text"),
    ({"config": []}, "config is no object"),
    ({"config": {"trace_enabled": 1}}, "config.trace_enabled is neither true nor false"),
    ({"config": {"ttbench": {"args": 3}}}, "config.ttbench is no result: args is no object"),
    ({"device_info": {"device_count": 10**9}}, "device_info.device_count is 1,000,000,000"),
    ({"device_info": {"arch": []}}, "device_info.arch is no text"),
    ({"model": {"name": "x"}}, "model is no text"),
    ({"model": "x" * 100_001}, "model is a text of 100,001 characters"),
    ({"num_layers": 10**200}, "num_layers is a number beyond all that is measured"),
    # beyond the range of a float
    ({"num_layers": -(10**400)}, "num_layers is a number beyond all that is measured"),
    (
        {"measurements": [measurement("x", 10**400)]},
        "measurements.0.value is a number beyond all that is measured",
    ),
]


@pytest.mark.parametrize(("change", "fault"), FAULTS, ids=[fault for _, fault in FAULTS])
def test_a_fault_is_one_line_with_file_and_key(written, change, fault):
    path = written(vision_object(**change))
    with pytest.raises(ResultsFileError) as refused:
        load(path)
    message = str(refused.value)
    assert fault in message
    assert message.startswith(path)
    assert "\n" not in message


def test_a_deep_object_is_refused(written):
    deep: list = []
    for _ in range(300):
        deep = [deep]
    with pytest.raises(ResultsFileError, match="is nested more than 20 times"):
        load(written(vision_object(config={"x": deep})))


def test_names_of_keys_move_no_cursor(written):
    with pytest.raises(ResultsFileError) as refused:
        load(written(vision_object(config={"\x1b[2J\n": "x" * 100_001})))
    assert str(refused.value).isprintable()
