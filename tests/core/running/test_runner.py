"""A run from a name to a Result: every figure, every way to fail, nothing lost."""

from __future__ import annotations

import contextlib
import itertools
import json
import statistics

import pytest

import ttbench_core
from ttbench_core import (
    BenchmarkError,
    RequestError,
    ResultNotStoredError,
    RunInterrupted,
    benchmark_model,
)
from ttbench_core.errors import PackContractError, PackLoadError
from ttbench_core.plugins.catalogue import find_model
from ttbench_core.running import runner, side_by_side
from ttbench_core.running.measuring import RunContext, measure
from ttbench_core.running.progress import SILENT
from ttbench_core.running.request import request_of

pytestmark = pytest.mark.usefixtures("fake_engine")


def run(model, **options):
    return ttbench_core.run(model, backend="fake", progress=False, **options)


def run_as_counted(model, **options):
    """Run with the 1 + 4 + 5 x 5 inputs that the models which fail at one of them count."""
    return run(model, warmup=4, passes=5, **options)


def test_the_result_holds_what_was_asked_and_what_ran():
    result = run("steady", config="small", microbatch=3, seed=7)
    assert result.ok
    assert result.args["microbatch"] == 3
    assert result.args["dataformat"] == "Bfp8_b"
    assert result.requested["dataformat"] is None
    assert result.args["backend_opt_level"] == 4
    assert result.args["seed"] == 7
    assert result.arch == "fake_v1"
    assert result.devices == [
        {"kind": "fake", "index": 0, "name": "Fake card", "arch": "fake_v1", "memory_bytes": None}
    ]
    assert result.effective == {"dtype": "float32", "level": 4}
    assert result.notes == ["this engine is a fake"]
    assert result.in_flight == 2
    assert result.memory["device_peak_bytes"] == 12345


def test_the_models_identity_is_in_the_record():
    result = run("steady", config="small")
    assert result.model == {
        "name": "steady",
        "config": "small",
        "task": None,
        "pack": "ttbench-fake-engine",
        "pack_version": "1.5",
        "builder": "ttbench_fake_engine:steady",
        "options": {},
        "parameters": None,
        "stages": ["device"],
        "unit": "sample",
        "samples_per_input": 4,
        "prompt_tokens": None,
        "inputs": [
            {"shape": [4, 8], "dtype": "float32"},
            {"shape": [4, 1], "dtype": "float32"},
        ],
        "targets": [],
    }
    assert result.versions["fake"] == "9.9"
    assert result.versions["ttbench-fake-engine"] == "1.5"  # of the pack and of the engine
    assert result.versions["ttbench-core"] == ttbench_core.__version__


def test_the_default_configuration_runs_without_one():
    result = run("steady")
    assert result.args["config"] == "large"
    assert result.requested["config"] is None


def test_passes_of_five_inputs_a_chip_are_the_default_and_five_of_them_at_least():
    result = run("steady")
    assert {len(one["pop_ns"]) for one in result.passes} == {5}
    assert len(result.passes) >= 5
    assert result.stopping["rule"] == "relative-ci"
    two_chips = run("steady", chips=0)
    assert two_chips.args["loop_count"] == 10
    assert two_chips.args["chips"] == 2


def test_loop_count_and_passes_are_what_was_asked_for():
    result = run("steady", loop_count=3, passes=2)
    assert [len(one["pop_ns"]) for one in result.passes] == [3, 3]
    assert result.total_samples == 3 * 4


def test_every_figure_can_be_computed_again_from_the_record():
    result = run("steady", passes=5)
    mean_ns = statistics.geometric_mean(one["e2e_ns"] for one in result.passes)
    assert result.total_time == pytest.approx(mean_ns / 1e9)
    assert result.samples_per_sec == pytest.approx(result.total_samples / result.total_time)
    latencies = sorted(
        pop - push
        for one in result.passes
        for push, pop in zip(one["push_ns"], one["pop_ns"], strict=True)
    )
    assert result.latency["p50_ns"] == latencies[12]
    assert result.latency["count"] == 25


def test_the_phases_are_timed_apart_in_the_order_they_ran():
    result = run("steady", trace="none")
    phases = ["build", "compile", "first_call", "warmup", "passes", "verify"]
    assert list(result.phases_ns) == phases
    assert all(isinstance(ns, int) and ns >= 0 for ns in result.phases_ns.values())
    assert len(result.warmup["latency_ns"]) == result.warmup["inputs"] >= 4


def test_a_run_whose_clock_goes_back_is_a_failed_record():
    ticks = itertools.chain(range(0, 40_000, 1000), itertools.count(30_000, -1000))
    with pytest.raises(BenchmarkError, match="went back") as failed:
        measure(
            request_of("plain", {"backend": "fake", "loop_count": 4, "passes": 30, "warmup": 0}),
            RunContext(clock=lambda: next(ticks)),
        )
    assert failed.value.result.status == "failed"
    assert len(failed.value.result.passes) > 0
    assert failed.value.result.to_record()["error"].startswith("passes: ClockError")


def test_with_a_clock_of_ones_own_the_headline_is_exact():
    ticks = iter(range(0, 10**9, 1000))
    result = measure(
        request_of("plain", {"backend": "fake", "loop_count": 4, "passes": 3}),
        RunContext(clock=lambda: next(ticks)),
    )
    # 4 pushes and 4 pops read the clock once each; the first push reads 0
    assert [one["e2e_ns"] for one in result.passes] == [7000] * 3
    assert result.samples_per_sec == pytest.approx(8 / 7e-6)


def test_a_plain_function_can_be_run_from_a_notebook():
    def mine(training):
        return find_model("plain").builder(training)

    result = run(mine)
    assert result.model["pack"] is None
    assert "mine" in result.args["model"]


def test_a_decorated_builder_can_be_run_with_its_configurations():
    @benchmark_model(configs=["a", "b"])
    def mine(training, config):
        return find_model("plain").builder(training)

    assert run(mine, config="b").args["config"] == "b"
    with pytest.raises(RequestError, match="no configuration 'c': one of a, b"):
        run(mine, config="c")


def test_training_names_the_loss_among_the_stages():
    assert run("steady", training=True).model["stages"] == ["device", "loss"]


def test_results_are_appended_where_output_says(tmp_path):
    for config in ("small", "large"):
        run("steady", config=config, output=tmp_path / "perf.json")
    records = json.loads((tmp_path / "perf.json").read_text())
    assert [record["args"]["config"] for record in records] == ["small", "large"]


def test_a_trace_lies_where_the_record_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run("steady", trace="light")
    (file,) = result.trace["files"]
    assert (tmp_path / file).read_text() == "light trace"
    assert result.trace["level"] == "light"


@pytest.mark.parametrize(
    ("model", "phase", "message"),
    [
        ("builder_raises", "build", "FileNotFoundError: weights.bin is not there"),
        ("builder_exits", "build", "SystemExit: 0"),
        ("compile_fails", "compile", "RuntimeError: no kernel for this op"),
        ("device_fails", "passes", "RuntimeError: device fell off the bus"),
        ("loses_output", "passes", "LostOutputError: output 2 of 5 never came"),
    ],
)
def test_a_failed_run_is_a_record_with_its_reason_and_never_zeros(tmp_path, model, phase, message):
    with pytest.raises(BenchmarkError, match=f"{model} failed in {phase}: {message}") as failed:
        run_as_counted(model, output=tmp_path / "perf.json")
    (record,) = json.loads((tmp_path / "perf.json").read_text())
    assert record["status"] == "failed"
    assert record["error"] == f"{phase}: {message}"
    assert record["failure"] == {
        "phase": phase,
        "kind": message.partition(":")[0],
        "message": message,
    }
    assert failed.value.result.to_record() == record
    for number in ("samples_per_sec", "total_time", "total_samples"):
        assert record[number] is None


def test_a_peak_that_is_none_is_a_reason_in_the_record(monkeypatch):
    import ttbench_fake_engine as fakes

    monkeypatch.setattr(fakes.FakeBackend, "peak", lambda *_: ("fast", 1), raising=False)
    found = run("plain", passes=1).to_record()["roofline"]["reason"]
    assert found.startswith("the peak could not be measured (AttributeError: 'tuple'")


def test_a_session_that_reports_nonsense_is_closed(monkeypatch):
    import ttbench_fake_engine as fakes

    closed = []
    make = fakes.FakeBackend.compile

    def compile_wrongly(self, model, options):
        session = make(self, model, options)
        session.effective = 5
        return session

    monkeypatch.setattr(fakes.FakeBackend, "compile", compile_wrongly)
    monkeypatch.setattr(fakes.FakeSession, "close", lambda self: closed.append(self.depth))
    with pytest.raises(BenchmarkError, match="compile"):
        run("plain")
    assert len(closed) == 1


def test_passes_before_a_failure_are_kept_and_the_cut_one_marked():
    with pytest.raises(BenchmarkError) as failed:
        run_as_counted("device_fails")
    result = failed.value.result
    assert len(result.passes) == 1
    assert len(result.partial_pass["pop_ns"]) == 2
    assert result.status == "failed"


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        ("builder_refuses", RequestError, "this model runs on Sundays only"),
        ("wrong_return", PackContractError, "ttbench-fake-engine: .*:wrong_return: returned a str"),
        ("uneven", PackContractError, "input 1 has 3 samples where input 0 has 4"),
    ],
)
def test_a_wrong_request_or_a_broken_contract_writes_no_record(tmp_path, model, error, message):
    with pytest.raises(error, match=message):
        run(model, output=tmp_path / "perf.json")
    assert not (tmp_path / "perf.json").exists()


def test_a_pack_that_cannot_be_imported_says_so(fake_pack):
    fake_pack("broken", "[ttbench.models]\nbroken = broken_mod:m\n", broken_mod="import nowhere")
    with pytest.raises(PackLoadError, match="cannot load broken:broken .broken_mod:m.: Module"):
        run("broken")


@pytest.mark.usefixtures("broken_after_the_check")
def test_a_result_that_cannot_be_stored_comes_with_the_error(tmp_path):
    (tmp_path / "perf.json").write_text("mine")
    with pytest.raises(ResultNotStoredError) as kept:
        run("steady", output=tmp_path / "perf.json")
    assert kept.value.result.ok
    assert kept.value.rescued == tmp_path / "post_error_perf.json"


class Interrupting:
    """Builds a model whose n-th call is interrupted."""

    def __init__(self, call):
        self.call = call
        self.calls = 0

    def __call__(self, training):
        (_,), inputs = find_model("plain").builder(training)

        def stage(*tensors):
            self.calls += 1
            if self.calls == self.call:
                raise KeyboardInterrupt
            return tensors

        return [stage], inputs


@pytest.mark.parametrize(("call", "passes", "cut"), [(9, 0, 3), (12, 1, 1), (11, 1, None)])
def test_what_was_measured_before_ctrl_c_is_written_and_marked(tmp_path, call, passes, cut):
    with pytest.raises(RunInterrupted, match="what was measured is kept") as stopped:
        run_as_counted(Interrupting(call), output=tmp_path / "perf.json")
    (record,) = json.loads((tmp_path / "perf.json").read_text())
    assert record["status"] == "interrupted"
    assert len(record["passes"]) == passes
    assert (record["samples_per_sec"] is None) == (passes == 0)
    measured = record["partial_pass"]
    assert (len(measured["pop_ns"]) if measured else None) == cut
    assert stopped.value.result.to_record() == record


@pytest.mark.usefixtures("broken_after_the_check")
def test_ctrl_c_stays_an_interruption_where_the_record_cannot_be_stored(tmp_path):
    (tmp_path / "perf.json").write_text("mine")
    with pytest.raises(RunInterrupted) as stopped:
        run_as_counted(Interrupting(12), output=tmp_path / "perf.json")
    assert stopped.value.storage_error.rescued == tmp_path / "post_error_perf.json"


@pytest.mark.usefixtures("broken_after_the_check")
def test_a_failed_run_that_cannot_be_stored_stays_a_failed_run(tmp_path):
    (tmp_path / "perf.json").write_text("mine")
    with pytest.raises(BenchmarkError, match="no kernel") as failed:
        run("compile_fails", output=tmp_path / "perf.json")
    assert failed.value.storage_error.rescued == tmp_path / "post_error_perf.json"


def test_the_first_call_is_timed_without_the_garbage_before_it(monkeypatch):
    import gc
    import time

    monkeypatch.setattr(gc, "collect", lambda: time.sleep(0.05))
    assert run("steady", passes=1).phases_ns["first_call"] < 50_000_000


def test_memory_is_known_for_an_interrupted_run_as_well():
    with pytest.raises(RunInterrupted) as stopped:
        run_as_counted(Interrupting(12))
    assert stopped.value.result.memory["device_peak_bytes"] == 12345


def test_ctrl_c_while_the_record_is_made_keeps_the_run(tmp_path, monkeypatch):
    from ttbench_core.running import recording

    real, interrupted = recording.checkout_of, []

    def once(files):
        if not interrupted:
            interrupted.append(1)
            raise KeyboardInterrupt
        return real(files)

    monkeypatch.setattr(recording, "checkout_of", once)
    with pytest.raises(RunInterrupted, match="what was measured is kept"):
        run_as_counted("steady", output=tmp_path / "perf.json")
    (record,) = json.loads((tmp_path / "perf.json").read_text())
    assert len(record["passes"]) == 5


@pytest.fixture
def ctrl_c_as_progress_ends(monkeypatch):
    """Let Ctrl-C come when everything is measured, while the progress bar is removed."""

    @contextlib.contextmanager
    def shown(*_):
        yield SILENT
        raise KeyboardInterrupt

    for module in (runner, side_by_side):
        monkeypatch.setattr(module, "show_progress", shown)


@pytest.mark.usefixtures("ctrl_c_as_progress_ends")
def test_ctrl_c_after_the_measurement_keeps_the_result(tmp_path):
    with pytest.raises(RunInterrupted, match="what was measured is kept") as ended:
        run_as_counted("steady", output=tmp_path / "perf.json")
    (record,) = json.loads((tmp_path / "perf.json").read_text())
    assert record == ended.value.result.to_record()
    assert record["status"] == "ok"


@pytest.mark.usefixtures("ctrl_c_as_progress_ends")
def test_ctrl_c_after_a_run_side_by_side_keeps_both_results(tmp_path):
    with pytest.raises(RunInterrupted) as ended:
        ttbench_core.run_ab(
            "steady",
            {"config": "small"},
            processes=1,
            passes=2,
            backend="fake",
            output=tmp_path / "ab.json",
            progress=False,
        )
    a, b = json.loads((tmp_path / "ab.json").read_text())
    assert (a["run_id"], b["run_id"]) == (
        ended.value.result.run_id,
        ended.value.others[0].run_id,
    )
    assert a["paired_with"] == b["run_id"]


@pytest.mark.parametrize("model", ["steady", "compile_fails"])
def test_ctrl_c_before_a_result_is_stored_keeps_it(tmp_path, monkeypatch, model):
    interrupted = []

    def once(store):
        def instead(*args):
            if not interrupted:
                interrupted.append(args)
                raise KeyboardInterrupt
            return store(*args)

        return instead

    for name in ("store_result", "store_results"):
        monkeypatch.setattr(runner, name, once(getattr(runner, name)))
    with pytest.raises(RunInterrupted):
        run(model, output=tmp_path / "perf.json")
    assert len(json.loads((tmp_path / "perf.json").read_text())) == 1


def test_ctrl_c_before_anything_was_measured_writes_nothing(tmp_path):
    with pytest.raises(RunInterrupted, match="nothing was measured yet"):
        run_as_counted(Interrupting(1), output=tmp_path / "perf.json")
    assert not (tmp_path / "perf.json").exists()


def test_many_runs_in_one_process_do_not_disturb_each_other():
    rates = [run("steady", config="small").samples_per_sec for _ in range(20)]
    assert all(rate > 0 for rate in rates)
