"""Two variants take turns in processes of their own; the ratio is of what they share out."""

from __future__ import annotations

import json
import sys

import pytest

import ttbench_core
from ttbench_core import BenchmarkError, RequestError, ResultNotStoredError
from ttbench_core.results.comparison.paired import compare_pairs
from ttbench_core.running.processes import turns as turns_module
from ttbench_core.testing import example_result

pytestmark = pytest.mark.usefixtures("fake_engine")


def run_ab(model, variant, **options):
    asked = {"backend": "fake", "progress": False, "processes": 1, "passes": 4, **options}
    return ttbench_core.run_ab(model, variant, **asked)


def processes(*processes, samples=40, rule="fixed"):
    """A result whose passes took so many ms each."""
    return example_result(
        total_samples=samples,
        stopping={"rule": rule},
        args={"model": "example", "config": None, "loop_count": 1, "microbatch": samples},
        passes=[
            {"process": number, "e2e_ns": ms * 10**6, "push_ns": [0], "pop_ns": [ms * 10**6]}
            for number, times_ms in enumerate(processes)
            for ms in times_ms
        ],
    )


def turns(*processes_, samples=40):
    """The same of passes that took turns."""
    return processes(*processes_, samples=samples, rule="turns")


def test_a_drift_that_both_share_cancels_out():
    found = compare_pairs(turns([100, 200] * 4), turns([50, 100] * 4))
    assert found.ratio == pytest.approx(2.0)
    assert found.interval.half_width == pytest.approx(0.0, abs=1e-9)
    assert found.verdict == "faster"
    assert "4 rounds (A B B A) of one pair of processes; another pair may" in found.scope


def test_over_several_pairs_the_pairs_are_the_replicates():
    a = turns([100] * 4, [100] * 4, [100] * 4)
    b = turns([100] * 4, [110] * 4, [90] * 4)
    found = compare_pairs(a, b)
    assert found.scope == "95 % interval over 3 pairs of processes"
    assert found.interval.half_width > 0.2
    assert found.verdict == "inconclusive"


def test_whole_processes_are_compared_by_the_geometric_means_of_their_passes():
    a = processes([50, 100, 200], [100] * 3, [100] * 3)
    b = processes([50, 50], [50] * 5, [50])
    found = compare_pairs(a, b)
    assert found.ratio == pytest.approx(2.0)
    assert found.scope == "95 % interval over 3 pairs of processes"
    single = compare_pairs(processes([100] * 4), processes([50] * 3))
    assert single.scope.startswith("of one pair of processes; another pair may differ")
    assert (single.interval, single.verdict) == (None, "inconclusive")


def test_two_pairs_give_a_ratio_and_no_interval():
    found = compare_pairs(turns([100], [100]), turns([200], [200]))
    assert found.ratio == pytest.approx(0.5)
    assert (found.interval, found.verdict) == (None, "inconclusive")
    assert "too few for an interval" in found.scope


def test_variants_of_other_microbatches_are_compared_by_samples():
    found = compare_pairs(turns([100] * 6), turns([100] * 6, samples=80))
    assert found.ratio == pytest.approx(2.0)


def test_both_variants_are_measured_as_they_were_asked(left_behind):
    found = run_ab("steady", {"config": "small", "microbatch": 8}, config="large")
    assert (found.a.args["config"], found.b.args["config"]) == ("large", "small")
    assert found.b.args["microbatch"] == 8
    assert len(found.a.passes) == len(found.b.passes) == 4
    assert found.a.stopping == {
        "rule": "turns",
        "reason": "last turn",
        "have": None,
        "want": None,
        "missed": False,
    }
    assert not left_behind()


def test_engines_are_never_in_each_others_turns(fake_pack):
    source = (
        "from ttbench_fake_engine import FakeBackend\n"
        "class Other(FakeBackend):\n    name = 'other'\n"
    )
    fake_pack("other", "[ttbench.backends]\nother = other_mod:Other\n", other_mod=source)
    found = run_ab("steady", {"backend": "other"})
    assert (found.a.backend, found.b.backend) == ("fake", "other")
    assert {found.a.stopping["rule"], found.b.stopping["rule"]} == {"fixed"}


def test_interpreters_are_never_in_each_others_turns(fake_engine):
    # the engine is on the path of that interpreter by its environment alone
    there = {"python": sys.executable, "env": f"PYTHONPATH={fake_engine}"}
    found = run_ab("steady", there)
    assert (found.a.backend, found.b.backend) == ("fake", "fake")
    assert {found.a.stopping["rule"], found.b.stopping["rule"]} == {"fixed"}
    both = run_ab("steady", {"microbatch": 8}, **there)
    assert both.a.stopping["rule"] == "turns"


def test_a_slower_variant_is_slower():
    found = run_ab("steady", {"model": "sleepy"}, processes=3, passes=4, loop_count=2)
    assert found.verdict == "slower"
    assert found.ratio < 0.5


def test_passes_until_the_ratio_is_sure_are_the_default():
    found = run_ab("steady", {"config": "small"}, passes=None)
    assert 6 <= len(found.a.passes) == len(found.b.passes) <= 30


def test_both_records_are_kept_and_name_each_other(tmp_path):
    found = run_ab("steady", {"config": "small"}, processes=2, output=tmp_path / "ab.json")
    a, b = json.loads((tmp_path / "ab.json").read_text())
    assert (a["paired_with"], b["paired_with"]) == (b["run_id"], a["run_id"])
    assert a["run_id"] == found.a.run_id
    assert a["args"]["processes"] == 2
    assert len(a["processes"]) == 2


def test_a_variant_that_fails_is_a_failed_record(tmp_path, left_behind):
    with pytest.raises(BenchmarkError, match="compile_fails failed in compile: RuntimeError"):
        run_ab("steady", {"model": "compile_fails"}, output=tmp_path / "ab.json")
    (record,) = json.loads((tmp_path / "ab.json").read_text())
    assert record["status"] == "failed"
    assert not left_behind()


@pytest.mark.parametrize(
    ("variant", "message"),
    [
        ({"colour": "red"}, "colour"),
        ({"config": "huge"}, "no configuration 'huge'"),
        ({"dataformat": "Fp17"}, "has no data format Fp17"),
    ],
)
def test_a_variant_that_cannot_be_is_refused(variant, message):
    with pytest.raises(RequestError, match=message):
        run_ab("steady", variant)


def test_it_shows_itself():
    found = compare_pairs(turns([100] * 6), turns([50] * 6))
    assert "B is faster" in repr(found)
    assert ">faster</td>" in found._repr_html_()


def test_the_command_line_shows_both_and_the_ratio(ttbench, tmp_path):
    outcome = ttbench(
        *("-m", "steady", "-c", "small", "--backend", "fake", "--vs", "-c large -mb 8"),
        *("--processes", 1, "--passes", 6, "-o", tmp_path / "ab.json"),
    )
    assert outcome.code == 0, outcome.err
    assert "A: steady small" in outcome.out
    assert "B: steady large -c large -mb 8" in outcome.out
    assert "throughput of B by A's" in outcome.out
    assert len(json.loads((tmp_path / "ab.json").read_text())) == 2


def test_the_command_line_gives_json(ttbench):
    words = ("-m", "steady", "--backend", "fake", "--processes", 1, "--passes", 6, "--json")
    record = json.loads(ttbench(*words, "--vs", "-mb 8").out)
    assert record["a"]["args"]["microbatch"] == 4
    assert record["b"]["args"]["microbatch"] == 8
    assert record["low"] <= record["ratio"] <= record["high"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("", "--vs needs the flags that differ"),
        ("'", "cannot be read: No closing quotation"),
        ("-o other.json", "--vs takes flags of the run itself, not --output"),
        ("--processes 3", "not --processes"),
        ("--vs -t", "cannot hold another --vs"),
        ("--colour red", "unrecognized arguments: --colour"),
    ],
)
def test_flags_that_make_no_variant_are_refused(ttbench, flags, message):
    outcome = ttbench("-m", "steady", "--backend", "fake", "--vs", flags)
    assert outcome.code == 2
    assert message in outcome.complaint


def test_a_failing_variant_leaves_what_the_other_has_measured(tmp_path, monkeypatch):
    real, pairs = turns_module._take_turns, []

    def failing(children, pair, options):
        pairs.append(1)
        if len(pairs) == 2:
            children[1]._process.kill()
        real(children, pair, options)

    monkeypatch.setattr(turns_module, "_take_turns", failing)
    with pytest.raises(BenchmarkError, match="was ended by SIGKILL") as ended:
        run_ab("steady", {"config": "small"}, processes=2, output=tmp_path / "ab.json")
    b, a = json.loads((tmp_path / "ab.json").read_text())
    assert (b["status"], a["status"]) == ("failed", "ok")
    assert len(b["passes"]) == len(a["passes"]) == 4
    assert ended.value.others[0].run_id == a["run_id"]


@pytest.mark.usefixtures("broken_after_the_check")
def test_results_that_cannot_be_stored_come_with_the_ratio(tmp_path):
    (tmp_path / "ab.json").write_text("mine")
    with pytest.raises(ResultNotStoredError) as lost:
        run_ab("steady", {"config": "small"}, output=tmp_path / "ab.json")
    assert compare_pairs(lost.value.result, *lost.value.others).ratio > 0
    beside = json.loads((tmp_path / "post_error_ab.json").read_text())
    assert [one["args"]["config"] for one in beside] == ["large", "small"]


def test_time_ends_turns_of_a_fixed_number_too():
    found = run_ab("sleepy", {"loop_count": 2}, loop_count=3, passes=500, max_time=0.3)
    assert 1 < len(found.a.passes) < 20


@pytest.mark.parametrize("name", ["passes", "processes", "max_time", "warmup", "seed"])
def test_what_belongs_to_both_variants_is_refused_for_one(name):
    with pytest.raises(RequestError, match=f"{name} is of both variants"):
        run_ab("steady", {name: 3})


def test_the_machine_is_watched_for_both_over_the_same_time():
    found = run_ab("sleepy", {"loop_count": 4}, loop_count=5, passes=4)
    walls = [result.host_during["wall_s"] for result in (found.a, found.b)]
    assert walls[0] == pytest.approx(walls[1], rel=0.5)


def test_who_follows_the_other_has_no_disadvantage():
    # A B, B A, ...: the pass after a change is a fifth slower, and both are the same
    a = turns([120, 100] * 7 + [120])
    b = turns([100, 120] * 7 + [100])
    found = compare_pairs(a, b)
    assert found.ratio == pytest.approx(1.0)
    assert found.verdict == "same"


@pytest.mark.parametrize("variant", [None, {}, "-df Fp16_b", ["x"]])
def test_what_is_no_dictionary_is_no_variant(variant):
    with pytest.raises(RequestError, match="takes what differs as a dictionary"):
        run_ab("steady", variant)


def test_a_process_that_cannot_be_started_is_a_failed_record(tmp_path, monkeypatch):
    def refusing(*arguments, **keywords):
        raise OSError("no more processes")

    monkeypatch.setattr("subprocess.Popen", refusing)
    with pytest.raises(BenchmarkError, match="failed in process: OSError: no more processes"):
        run_ab("steady", {"config": "small"}, output=tmp_path / "ab.json")
    (record,) = json.loads((tmp_path / "ab.json").read_text())
    assert record["status"] == "failed"
