"""Results as runs of MLflow, in a real store of its own."""

from __future__ import annotations

import sys

import pytest

from ttbench_core.errors import ResultsFileError, TargetError
from ttbench_core.record.run_errors import ResultNotStoredError
from ttbench_core.results.reading import load
from ttbench_core.sinks.mlflow import MlflowSink
from ttbench_core.sinks.storing import store_result
from ttbench_core.sinks.targets import check_target
from ttbench_core.testing import check_sink, example_result

mlflow = pytest.importorskip("mlflow")
pytestmark = pytest.mark.filterwarnings("ignore")  # of the library's own


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def save(target="mlflow:nightly", **changes):
    store_result(example_result(**changes), check_target(target))


def runs():
    from mlflow.tracking import MlflowClient

    client = MlflowClient()
    experiment = client.get_experiment_by_name("nightly")
    return client.search_runs([experiment.experiment_id], order_by=["attributes.start_time ASC"])


def test_a_result_is_a_run_with_parameters_metrics_and_its_record(store):
    save(run_id="a", started_at="2026-01-01T00:00:00+00:00")
    (run,) = runs()
    assert run.data.params["model"] == "example"
    assert run.data.metrics["samples_per_sec"] == 80.0
    assert run.data.metrics["microbatch"] == 8.0
    assert (run.info.status, run.info.run_name) == ("FINISHED", "example small")
    assert run.data.tags["ttbench.run_id"] == "a"


def test_the_sink_follows_its_contract(store):
    check_sink(MlflowSink, "mlflow:checked")


def test_results_come_back_whole_and_oldest_first(store):
    save(run_id="b", started_at="2026-01-02T00:00:00+00:00")
    save(run_id="a", started_at="2026-01-01T00:00:00+00:00", status="failed", error="build: no")
    found = load("mlflow:nightly")
    assert [one.run_id for one in found] == ["a", "b"]
    assert found[0].error == "build: no"
    assert [one.info.status for one in runs()] == ["FAILED", "FINISHED"]


def test_a_long_text_is_truncated_as_a_parameter_and_whole_in_the_record(store):
    save(machine_name="x" * 10_000)
    assert len(load("mlflow:nightly")[0].machine_name) == 10_000


def test_a_run_that_could_not_be_logged_is_deleted(store, monkeypatch):
    from mlflow.tracking import MlflowClient

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    save(run_id="a")
    monkeypatch.setattr(MlflowClient, "log_text", full)
    with pytest.raises(ResultNotStoredError, match="No space left"):
        save(run_id="b")
    monkeypatch.undo()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{store}/mlflow.db")
    assert [one.run_id for one in load("mlflow:nightly")] == ["a"]
    assert [one.run_id for one in load(store / "post_error_nightly.json")] == ["b"]


def test_what_cannot_be_read_says_so(store):
    with pytest.raises(ResultsFileError, match="mlflow has no experiment 'weekly'"):
        load("mlflow:weekly")


def test_a_url_without_an_experiment_is_refused():
    with pytest.raises(TargetError, match="it names no experiment"):
        check_target("mlflow:")


def test_a_missing_library_is_reported_before_anything_runs(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(TargetError, match=r"pip install 'ttbench-core\[mlflow\]'"):
        check_target("mlflow:nightly")
