"""What can be appended to can be read, and the reverse, whatever a file holds."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttbench_core.errors import ResultsFileError, TargetError
from ttbench_core.results.reading import load
from ttbench_core.sinks.csv import CsvSink
from ttbench_core.sinks.json import JsonSink
from ttbench_core.sinks.jsonl import JsonLinesSink
from ttbench_core.sinks.targets import check_target
from ttbench_core.testing import example_result

SINKS = {"json": JsonSink, "jsonl": JsonLinesSink, "csv": CsvSink}
BOM = b"\xef\xbb\xbf"
RECORD = example_result(run_id="old").to_json().encode()
ROW = b"run_id,samples_per_sec\r\nold,5.0\r\n"
#: Contents that are read, by suffix, with the number of results.
READABLE = {
    "json": [
        (b"[]", 0),
        (b"[\n" + RECORD + b"\n]\n", 1),
        (BOM + b"[\n" + RECORD + b"\n]\n", 1),
        (BOM + b"[]", 0),
        (b"[\r\n" + RECORD + b",\r\n" + RECORD + b"\r\n]\r\n", 2),
        (RECORD, 1),
        (BOM + b"\n" + RECORD + b"\n\n", 1),
        (json.dumps(json.loads(RECORD), indent=2).encode(), 1),
    ],
    "jsonl": [
        (b"", 0),
        (b"\n\n", 0),
        (RECORD, 1),
        (BOM + RECORD, 1),
        (RECORD + b"\r\n\r\n" + RECORD + b"\r\n", 2),
    ],
    "csv": [
        (b"", 0),
        (BOM, 0),
        (ROW, 1),
        (BOM + ROW, 1),
        (ROW.replace(b"\r\n", b"\n"), 1),
        (ROW.replace(b"\r\n", b"\r"), 1),
        (ROW.rstrip(), 1),
        (b"run_id,samples_per_sec", 0),
        (b"run_id,samples_per_sec\n\n\nold,5.0\n\n", 1),
        (b"run_id,samples_per_sec,run_id\nold,5.0,old\n", 1),
        (b"run_id,samples_per_sec,note\nold,5.0," + b"x" * 200_000 + b"\n", 1),
    ],
}
#: Contents that are refused.
BROKEN = {
    "json": [
        *(b"", b" \n", BOM, b"\0", b"[\0]", b"17", b'"text"', b"{}", b"[17]", b"[{}]"),
        *(b'[{"samples_per_sec": 1}]', b'{"name": "mine"}', b"\xff\xfe[\0]\0"),
        *(b"[" + RECORD, b"[" + RECORD[:-5], RECORD[:-5], b"[" + RECORD + b",]"),
        *(RECORD + b"\n" + RECORD, b"[" + RECORD + b"]\0\0\0", b"[" * 100_000),
        *(
            b'["\xff"]',
            b"[" + RECORD + b"]\xc3",
            b"[" + RECORD + b"]\n\xe2\x80",
            RECORD + b"\xf0\x9f",
        ),
    ],
    "jsonl": [
        *(BOM, b"\0\0\0", b"[]\n", b"17\n", b"{}\n", b'{"name": "mine"}\n'),
        *(RECORD + b"\n" + RECORD[:40], RECORD[:40] + b"\n" + RECORD, RECORD + b"\n\0\0\0\0"),
        *(b"[17]\n" + RECORD, BOM + BOM + RECORD, RECORD + b"\n" + BOM + RECORD),
        *(b"\xff\xfe{\0}\0", b'{"samples_per_sec": 1}\n' + RECORD, b"[\n" + RECORD + b"\n]\n"),
    ],
    "csv": [
        *(b"\n", b"\0", b"name,price\nx,1\n", b"run_id\n1\n", b"\n" + ROW, b"\xff\xfer\0"),
        *(ROW + b"new", ROW + b"new,6.0,7\n", ROW + b'"new', ROW + b"new,fast\n"),
        *(ROW + b'new,"5.0"x\n', ROW + b"\0\0\0\0", ROW + b"\xff,5.0\n", RECORD, b"[]"),
        b"run_id;samples_per_sec\nold;5.0\n",
    ],
}
new = example_result(run_id="new")


def cases(contents):
    return [(suffix, content) for suffix, all_of in contents.items() for content in all_of]


@pytest.mark.parametrize(("suffix", "case"), cases(READABLE))
def test_what_can_be_read_can_be_appended_to(tmp_path, suffix, case):
    content, count = case
    path = tmp_path / f"perf.{suffix}"
    path.write_bytes(content)
    before = [one.to_record() for one in load(path)]
    assert len(before) == count
    for number in range(2):
        with check_target(path).open(path) as sink:
            sink.write(new)
        assert len(load(path)) == count + number + 1
    assert path.read_bytes().startswith(BOM) == content.startswith(BOM) or not count
    assert [one.to_record() for one in load(path)][:count] == before
    assert load(path)[-1].run_id == "new"


@pytest.mark.parametrize(("suffix", "content"), cases(BROKEN))
def test_what_cannot_be_read_is_refused_before_anything_runs_and_stays(tmp_path, suffix, content):
    path = tmp_path / f"perf.{suffix}"
    path.write_bytes(content)
    with pytest.raises(ResultsFileError):
        load(path)
    with pytest.raises(TargetError, match="cannot append results: .*perf") as refused:
        check_target(path)
    assert str(refused.value).endswith("; repair the file or name another one")
    with pytest.raises(TargetError, match="cannot append results: .*perf"):
        SINKS[suffix](path).write(new)
    assert path.read_bytes() == content


def number_of_results(path):
    try:
        return len(load(path))
    except ResultsFileError:
        return None


def number_after_append(path):
    try:
        with check_target(path).open(path) as sink:
            sink.write(new)
    except TargetError:
        return None
    return len(load(path))


@given(
    suffix=st.sampled_from(sorted(SINKS)),
    cut=st.integers(0, 4000),
    at=st.integers(0, 4000),
    junk=st.sampled_from(
        [b"", BOM, b"\0", b"\n", b"\r\n", b"\r", b'"', b",", b" ", b"[", b"]", b"{}", b"\xff", b"1"]
    ),
)
def test_a_file_is_both_read_and_appended_to_or_neither(tmp_path_factory, suffix, cut, at, junk):
    path = tmp_path_factory.mktemp("damaged") / f"perf.{suffix}"
    for run_id in "ab":
        SINKS[suffix](path).write(example_result(run_id=run_id))
    whole = path.read_bytes()
    cut, at = (len(whole) - cut, at) if at % 2 else (len(whole), at % (len(whole) + 1))
    damaged = whole[:at] + junk + whole[at : max(cut, 0)]
    path.write_bytes(damaged)
    count = number_of_results(path)
    assert number_after_append(path) == (None if count is None else count + 1)
    if count is None:
        assert path.read_bytes() == damaged


def test_a_file_of_the_sink_of_a_pack_is_read_before_anything_runs(tmp_path, fake_pack):
    source = """
from ttbench_core.errors import ResultsFileError

class Toml:
    def __init__(self, path):
        pass

    @staticmethod
    def records(path):
        raise ResultsFileError(f"{path} is no TOML")
        yield
"""
    fake_pack("toml-pack", "[ttbench.sinks]\ntoml = toml_sink:Toml\n", toml_sink=source)
    assert check_target(tmp_path / "new.toml")
    (tmp_path / "old.toml").touch()
    with pytest.raises(TargetError, match="cannot append results: .*old.toml is no TOML"):
        check_target(tmp_path / "old.toml")
