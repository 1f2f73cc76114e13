import pytest

import ttbench_core
from ttbench_core.errors import ResultsFileError, TargetError
from ttbench_core.testing import check_sink, example_result
from ttbench_sink_toy import SignedSink

KEY = "K3Y"


def test_it_follows_the_contract_of_a_sink(tmp_path):
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "notes.txt").write_text("mine")
    check_sink(
        SignedSink,
        f"signed:{tmp_path}/runs?key={KEY}",
        foreign=f"signed:{tmp_path}/foreign?key={KEY}",
        secret=KEY,
    )


def test_a_place_without_a_key_is_refused():
    with pytest.raises(TargetError, match="write signed:FOLDER"):
        SignedSink.check("signed:runs")


def test_what_was_changed_or_signed_with_another_key_is_not_read(tmp_path):
    place = f"signed:{tmp_path}/runs?key="
    with SignedSink(f"{place}{KEY}") as sink:
        sink.write(example_result())
    assert ttbench_core.load(f"{place}{KEY}")[0].samples_per_sec == 80
    with pytest.raises(ResultsFileError, match="was signed with another key"):
        ttbench_core.load(f"{place}K4Y")
