"""Runs that differ in options of the engine or model are told apart in whatever they are stored."""

from __future__ import annotations

import pytest

from ttbench_core.results.comparison import compare
from ttbench_core.results.comparison.key import key_of
from ttbench_core.results.reading import load
from ttbench_core.sinks.storing import store_result
from ttbench_core.sinks.targets import check_target
from ttbench_core.testing import example_result

LIBRARY = {"parquet": "pyarrow", "sqlite": "sqlalchemy"}
RUNS = (
    {"engine_options": {"lanes": 1}},
    {"engine_options": {"lanes": 2}},
    {"engine_options": {"lanes": 2}, "model_options": {"order": "a b", "frames": 4, "new": True}},
    {"engine_options": {}, "model_options": {"frames": 4}},
)


@pytest.fixture(params=["csv", "json", "jsonl", "parquet", "sqlite"])
def stored(request, tmp_path):
    """The runs, and what is read back of them."""
    if request.param in LIBRARY:
        pytest.importorskip(LIBRARY[request.param])
    is_database = request.param == "sqlite"
    place = f"sqlite:///{tmp_path}/t.db" if is_database else tmp_path / f"t.{request.param}"
    runs = [
        example_result(run_id=str(number) * 32, args={"model": "m", **args})
        for number, args in enumerate(RUNS)
    ]
    for run in runs:
        store_result(run, check_target(place))
    return runs, load(place)


def test_options_are_read_back_as_they_are_compared(stored):
    runs, found = stored
    for name in ("engine_options", "model_options"):
        assert [key_of(one).get(name) for one in found] == [key_of(one).get(name) for one in runs]


def test_runs_with_different_options_are_not_pooled(stored):
    _, found = stored
    assert len(compare(found, found).pairs) == len(RUNS)


def test_an_older_table_without_these_columns_still_is_compared(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("run_id,status,model,samples_per_sec\r\na,ok,m,5\r\n")
    store_result(example_result(run_id="b", args=RUNS[0]), check_target(path))
    old, new = load(path)
    assert key_of(old).get("engine_options") is None
    assert key_of(new).get("engine_options") == "lanes=1"


def test_the_text_of_options_never_equals_that_of_others():
    one, other = (
        example_result(args={"model_options": options})
        for options in ({"a": "1 b=2"}, {"a": 1, "b": 2})
    )
    assert key_of(one) != key_of(other)
