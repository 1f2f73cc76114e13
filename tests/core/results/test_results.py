"""Results read back: a sequence to filter and to look at."""

from __future__ import annotations

import pytest

import ttbench_core
from ttbench_core.errors import OptionError
from ttbench_core.results.results import Results
from ttbench_core.testing import example_result


def example(name="bert", rate=80.0, **changes):
    return example_result(
        args={"model": name, "microbatch": 8}, model={"name": name}, samples_per_sec=rate, **changes
    )


@pytest.fixture
def three():
    return Results([example("bert", 10.0), example("bert", 20.0), example("resnet", 30.0)])


def test_load_gives_results_of_a_file(tmp_path):
    path = tmp_path / "perf.jsonl"
    path.write_text(example().to_json())
    found = ttbench_core.load(path)
    assert isinstance(found, Results)
    assert [one.to_record() for one in found] == [example().to_record()]


def test_it_is_a_sequence(three):
    assert len(three) == 3
    assert three[0].samples_per_sec == 10.0
    assert [one.samples_per_sec for one in three[1:]] == [20.0, 30.0]
    assert isinstance(three[1:], Results)
    assert len(three + three) == 6


def test_it_is_filtered_by_columns_and_by_tests(three):
    assert len(three.filter(model="bert")) == 2
    assert len(three.filter(model=["bert", "resnet"], samples_per_sec=lambda rate: rate > 15)) == 2
    assert len(three.filter(lambda one: one.samples_per_sec == 30.0)) == 1
    assert len(three.filter(error=None)) == 3
    with pytest.raises(OptionError, match="did you mean 'model'"):
        three.filter(modle="bert")


def test_rows_have_every_column(three):
    assert [row["samples_per_sec"] for row in three.rows()] == [10.0, 20.0, 30.0]
    assert three.rows()[0]["microbatch"] == 8


def test_its_repr_shows_what_it_holds(three):
    assert repr(three) == "<Results: 3 results of bert, resnet>"
    assert repr(Results()) == "<Results: 0 results>"


def test_its_table_for_notebooks_shows_markup_as_text():
    table = Results([example("<script>alert(1)</script>")])._repr_html_()
    assert "<script>" not in table
    assert "&lt;script&gt;alert(1)" in table


def test_a_long_table_says_how_much_more_there_is():
    table = Results([example()] * 250)._repr_html_()
    assert table.count("<tr>") == 101
    assert "and 150 more" in table


def test_load_takes_a_record_by_its_position(tmp_path):
    path = tmp_path / "perf.jsonl"
    path.write_text(example(rate=1.0).to_json() + "\n" + example(rate=2.0).to_json())
    assert [one.samples_per_sec for one in ttbench_core.load(f"{path}@-1")] == [2.0]
