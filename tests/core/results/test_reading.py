"""Files of results are read as they are, and whatever is none is refused in one line."""

from __future__ import annotations

import json
import os
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttbench_core.errors import RequestError
from ttbench_core.results.reading import ResultsFileError, SelectionError, load, select
from ttbench_core.sinks.json import JsonSink
from ttbench_core.sinks.jsonl import JsonLinesSink
from ttbench_core.testing import example_result

IDENTITIES = ("aaaa1111", "aaaa2222", "12345678")

ORIGINAL = {
    "total_time": 2.0,
    "total_samples": 10,
    "samples_per_sec": 5.0,
    "args": {"model": "bert", "config": "tiny"},
    "arch": "wormhole_b0",
    "machine_name": "host",
    "hash": "abc",
    "date": "24-01-31",
}


@pytest.fixture
def three(tmp_path):
    """A list of three runs."""
    return str(listed(tmp_path / "perf.json", *(example_result(run_id=one) for one in IDENTITIES)))


def listed(path, *results):
    path.write_text(json.dumps([result.to_record() for result in results]))
    return path


def refusal(action, *arguments):
    with pytest.raises(RequestError) as refused:
        action(*arguments)
    message = str(refused.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(("sink", "name"), [(JsonSink, "p.json"), (JsonLinesSink, "p.jsonl")])
def test_what_a_sink_wrote_reads_back_in_its_order(tmp_path, sink, name):
    for identity in IDENTITIES:
        sink(tmp_path / name).write(example_result(run_id=identity))
    assert [result.run_id for result in load(tmp_path / name)] == list(IDENTITIES)


def test_one_record_alone_is_a_file_of_one(tmp_path):
    (tmp_path / "one.json").write_text(example_result(run_id="x").to_json())
    assert [result.run_id for result in load(tmp_path / "one.json")] == ["x"]


def test_records_of_the_original_script_are_read(tmp_path):
    (tmp_path / "perf.json").write_text(json.dumps([ORIGINAL, {**ORIGINAL, "error": "hang"}]))
    assert [result.status for result in load(tmp_path / "perf.json")] == ["ok", "failed"]


def test_an_empty_list_and_empty_lines_hold_no_results(tmp_path):
    (tmp_path / "none.json").write_text("[]")
    (tmp_path / "none.jsonl").write_text("\n \n")
    assert load(tmp_path / "none.json") == load(tmp_path / "none.jsonl") == []


def test_letters_that_look_like_line_ends_do_not_break_a_line(tmp_path):
    record = {**ORIGINAL, "machine_name": "a\u2028b\x85c"}
    (tmp_path / "p.jsonl").write_text(json.dumps(record, ensure_ascii=False) + "\r\n", "utf-8")
    assert load(tmp_path / "p.jsonl")[0].machine_name == "a\u2028b\x85c"


def test_null_means_not_recorded(tmp_path):
    record = {**ORIGINAL, "model": None, "passes": None, "versions": None, "run_id": None}
    (tmp_path / "p.json").write_text(json.dumps([record]))
    (result,) = load(tmp_path / "p.json")
    assert (result.model, result.passes, result.versions, result.run_id) == ({}, (), {}, "")


def test_nan_and_infinity_are_read_as_none(tmp_path):
    text = json.dumps([ORIGINAL]).replace("5.0", "NaN").replace("2.0", "1e999")
    (tmp_path / "p.json").write_text(text)
    (result,) = load(tmp_path / "p.json")
    assert result.samples_per_sec is None
    assert result.total_time is None


def test_a_missing_file_is_named(tmp_path):
    assert refusal(load, tmp_path / "gone.json") == f"there is no file {tmp_path / 'gone.json'}"


@pytest.mark.parametrize("name", ["", ".", "/dev/null", "a\0b", "x" * 5000])
def test_a_path_that_is_no_file_is_refused(name):
    with pytest.raises(ResultsFileError):
        load(name)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_named(tmp_path):
    path = listed(tmp_path / "p.json")
    path.chmod(0)
    assert refusal(load, path) == f"cannot read {path}: Permission denied"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "is empty: it holds no list of results"),
        ("[\n{]", "is no JSON: Expecting property name enclosed in double quotes at line 2"),
        ("{", "is no JSON: Expecting property name enclosed in double quotes at column 2"),
        ("17", "is JSON but no list of results"),
        ("[" * 100_000, "is nested too deeply for a result"),
        (f"[{'9' * 5000}]", "is no JSON that can be read"),
        ("[17]", "@0 is no result: it is no JSON object"),
        ("{}", "is no result: it has no total_time"),
    ],
)
def test_a_file_that_is_no_list_of_results_is_named_with_its_fault(tmp_path, text, fault):
    (tmp_path / "p.json").write_text(text)
    message = refusal(load, tmp_path / "p.json")
    assert message.startswith(str(tmp_path / "p.json"))
    assert fault in message


def test_bytes_that_are_not_utf8_are_refused(tmp_path):
    (tmp_path / "p.json").write_bytes(b"\xff\xfe[\x00")
    assert "is no JSON: it is not UTF-8" in refusal(load, tmp_path / "p.json")


def test_a_pickle_is_refused_and_nothing_in_it_runs(tmp_path):
    class Trap:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "sprung"),))

    (tmp_path / "p.json").write_bytes(pickle.dumps([Trap()]))
    assert "is no JSON" in refusal(load, tmp_path / "p.json")
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("broken", ["{", "[]", "{}", "null", '{"samples_per_sec": 1}'])
def test_a_broken_line_is_named_by_its_number(tmp_path, broken):
    (tmp_path / "p.jsonl").write_text(f"{json.dumps(ORIGINAL)}\n\n{broken}\n")
    assert f"{tmp_path / 'p.jsonl'}, line 3 is no" in refusal(load, tmp_path / "p.jsonl")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"args": [1]}, "args is no object"),
        ({"args": None}, "it has no args"),
        ({"status": 3}, "status is no text"),
        ({"machine_name": ["m"]}, "machine_name is no text"),
        ({"samples_per_sec": "fast"}, "samples_per_sec is no number that was measured"),
        ({"samples_per_sec": -1}, "samples_per_sec is no number that was measured"),
        ({"samples_per_sec": 1e-300}, "samples_per_sec is no number that was measured"),
        ({"total_time": 10**400}, "total_time is no number that was measured"),
        ({"passes": {"e2e_ns": 1}}, "passes is no list"),
        ({"devices": ["cpu"]}, "entry 0 of devices is no object"),
        (
            {"passes": [{"e2e_ns": 5}, {"e2e_ns": 0}]},
            "entry 1 of passes has no e2e_ns of 1 or more",
        ),
        ({"passes": [{"push_ns": []}]}, "entry 0 of passes has no e2e_ns of 1 or more"),
        ({"passes": [{"e2e_ns": 5, "process": "a"}]}, "entry 0 of passes has a process that"),
    ],
)
def test_a_record_with_values_of_the_wrong_type_is_named_with_its_fault(tmp_path, change, fault):
    (tmp_path / "p.json").write_text(json.dumps([ORIGINAL, {**ORIGINAL, **change}]))
    assert refusal(load, tmp_path / "p.json").startswith(
        f"{tmp_path / 'p.json'}@1 is no result: {fault}"
    )


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@given(record=st.dictionaries(st.sampled_from([*example_result().to_record()]), json_values))
def test_any_record_is_read_or_refused(record, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(json.dumps([{**ORIGINAL, **record}]))
    try:
        assert len(load(path)) == 1
    except ResultsFileError as error:
        assert "is no result" in str(error)  # noqa: PT017 - either is right


@pytest.mark.parametrize(
    ("wanted", "found"), [("0", 0), ("2", 2), ("-1", 2), ("-3", 0), ("aaaa2", 1), ("1234", 2)]
)
def test_a_record_is_selected_by_position_or_by_the_start_of_its_run_id(three, wanted, found):
    assert [result.run_id for result in select(f"{three}@{wanted}")] == [IDENTITIES[found]]


def test_the_case_of_a_run_id_does_not_matter(three):
    assert select(f"{three}@AAAA1")[0].run_id == IDENTITIES[0]


def test_without_a_selector_the_whole_file_is_selected(three):
    assert len(select(three)) == 3


@pytest.mark.parametrize("wanted", ["3", "-4", "bbbb", "999999999999"])
def test_a_missing_record_is_refused_with_the_available_positions(three, wanted):
    message = refusal(select, f"{three}@{wanted}")
    assert message == (
        f"{three} has no record @{wanted}: it holds @0 to @2, from the end @-1 to @-3"
    )


def test_an_empty_file_has_no_record_to_select(tmp_path):
    listed(tmp_path / "p.json")
    assert "it is empty" in refusal(select, f"{tmp_path / 'p.json'}@0")


def test_an_ambiguous_run_id_is_refused(three):
    assert refusal(select, f"{three}@aaaa") == (
        f"{three}@aaaa is the start of 2 run identities: write more of the one"
    )


@pytest.mark.parametrize("wanted", ["", "abc", "first", "1.5", "--1"])
def test_an_invalid_selector_is_refused_with_the_valid_forms(three, wanted):
    with pytest.raises(SelectionError, match="after @ stands a position"):
        select(f"{three}@{wanted}")


def test_a_file_whose_name_has_an_at_sign_is_read(tmp_path):
    path = listed(tmp_path / "perf.json@0", example_result(run_id="itself"))
    listed(tmp_path / "perf.json", example_result(run_id="other"))
    assert select(str(path))[0].run_id == "itself"
    assert select(f"{path}@-1")[0].run_id == "itself"


def test_a_missing_file_with_a_selector_is_named_without_it(tmp_path):
    assert refusal(select, f"{tmp_path}/gone.json@1") == f"there is no file {tmp_path}/gone.json"


def test_a_missing_file_with_an_at_sign_is_named_whole(tmp_path):
    assert refusal(select, f"{tmp_path}/me@home.json").endswith("/me@home.json")
