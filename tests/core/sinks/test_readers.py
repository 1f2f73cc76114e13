"""A finder of readers gives what `find_reader` gives, for every kind of target."""

from __future__ import annotations

import pytest

from ttbench_core.errors import ResultsFileError
from ttbench_core.sinks.readers import ReaderFinder
from ttbench_core.sinks.targets import find_reader


@pytest.mark.parametrize(
    "name",
    ["a.json", "b.JSON", "c.jsonl", "d.csv", "e.odd", "f", "added", "mlflow:x.csv", "none.json"],
)
def test_a_finder_gives_what_find_reader_gives(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    names = ("a.json", "b.JSON", "c.jsonl", "d.csv", "e.odd", "f", "added.json")
    for one in names:
        (tmp_path / one).touch()
    find = ReaderFinder()
    for one in (*names, tmp_path / "a.json"):
        find(one)  # it knows every suffix
    assert find(name) == find_reader(name)
    assert find(name).open is find_reader(name).open


def test_a_finder_refuses_an_unknown_scheme(tmp_path):
    with pytest.raises(ResultsFileError, match="no sink is registered for slack:"):
        ReaderFinder()("slack:x")
