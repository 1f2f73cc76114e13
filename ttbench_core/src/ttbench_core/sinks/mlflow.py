"""Results as runs of an MLflow experiment: `mlflow:EXPERIMENT`."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Final

from ttbench_core.errors import NoResultsYetError, ResultsFileError, TargetError, one_line
from ttbench_core.record.result import Result
from ttbench_core.record.tables.cells import Cell
from ttbench_core.record.tables.columns import row_of
from ttbench_core.sinks.json_reading import parse_json
from ttbench_core.sinks.optional_libraries import import_library
from ttbench_core.sinks.protocol import Sink

__all__ = ["MlflowSink"]

_ARTIFACT: Final = "record.json"
_STATUS: Final = {
    "ok": "FINISHED",
    "compiled": "FINISHED",
    "failed": "FAILED",
    "interrupted": "KILLED",
}
_RUN_ID_TAG: Final = "ttbench.run_id"
#: Columns that an MLflow run has its own fields for, or that are not settings.
_NOT_A_PARAMETER: Final = frozenset({"run_id", "started_at", "status", "error"})
_MAX_PARAMETER_CHARACTERS: Final = 500
_PAGE_RUNS: Final = 200


class MlflowSink(Sink):
    """Stores each result as a run: its settings as parameters, its numbers as metrics.

    The whole record is the artifact `record.json`. MLflow's own variable
    MLFLOW_TRACKING_URI sets the server.

    Args:
        url: `mlflow:EXPERIMENT`; the experiment is created if there is none.
    """

    takes_url: ClassVar[bool] = True

    def __init__(self, url: str) -> None:
        self._experiment: Final = _experiment_name(url)

    @staticmethod
    def check(url: str) -> None:
        """Check that MLflow is installed; see `SinkFactory`."""
        _experiment_name(url)
        import_library("mlflow", extra="mlflow")

    def write(self, result: Result) -> None:
        """Log one run; see `Sink`. A run that could not be logged completely is deleted."""
        record = result.to_record()
        with _mlflow_errors():
            client = _client()
            run = client.create_run(
                _experiment_id(client, self._experiment, create=True),
                start_time=_milliseconds(result.started_at),
                run_name=result.label,
                tags={_RUN_ID_TAG: result.run_id, "ttbench.status": result.status},
            )
            run_id = run.info.run_id
            try:
                _log(client, run_id, row_of(record))
                client.log_text(run_id, json.dumps(record, allow_nan=False), _ARTIFACT)
                client.set_terminated(run_id, _STATUS.get(result.status, "FAILED"))
            except BaseException:
                with contextlib.suppress(Exception):
                    client.delete_run(run_id)
                raise

    @staticmethod
    def records(url: str) -> Iterator[tuple[str, Any]]:
        """Read the records of an experiment back, oldest first; see `Readable`."""
        experiment = _experiment_name(url)
        with _mlflow_errors(), tempfile.TemporaryDirectory() as folder:
            client = _client()
            experiment_id = _experiment_id(client, experiment, create=False)
            for number, run in enumerate(_runs(client, experiment_id)):
                where = f"{url}@{number}"
                path = client.download_artifacts(run.info.run_id, _ARTIFACT, folder)
                yield where, parse_json(where, Path(path).read_text(encoding="utf-8"))


def _experiment_name(url: str) -> str:
    name = url.partition(":")[2].strip("/")
    if not name:
        raise TargetError("it names no experiment: mlflow:nightly")
    return name


def _client() -> Any:
    # no telemetry, unless the user turned it on
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    return import_library("mlflow.tracking", extra="mlflow").MlflowClient()


def _experiment_id(client: Any, name: str, *, create: bool) -> str:
    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    if not create:
        raise NoResultsYetError(f"mlflow has no experiment {name!r}")
    try:
        return str(client.create_experiment(name))
    except Exception:
        # another writer may have created it meanwhile
        found = client.get_experiment_by_name(name)
        if found is None:
            raise
        return str(found.experiment_id)


def _log(client: Any, run_id: str, row: Mapping[str, Cell]) -> None:
    entities = import_library("mlflow.entities", extra="mlflow")
    now = time.time_ns() // 1_000_000
    parameters, metrics = [], []
    for name, cell in row.items():
        if cell is None or name in _NOT_A_PARAMETER:
            continue
        if isinstance(cell, (str, bool)):
            parameters.append(entities.Param(name, str(cell)[:_MAX_PARAMETER_CHARACTERS]))
        else:
            metrics.append(entities.Metric(name, float(cell), now, 0))
    client.log_batch(run_id, metrics=metrics, params=parameters)


def _runs(client: Any, experiment_id: str) -> Iterator[Any]:
    token = None
    while True:
        page = client.search_runs(
            [experiment_id],
            order_by=["attributes.start_time ASC"],
            max_results=_PAGE_RUNS,
            page_token=token,
        )
        # other runs in the experiment have no record, nor do runs that are still being logged
        yield from (
            run
            for run in page
            if _RUN_ID_TAG in run.data.tags and run.info.status in _STATUS.values()
        )
        token = page.token
        if not token:
            return


def _milliseconds(started_at: str) -> int | None:
    with contextlib.suppress(ValueError):
        return int(datetime.fromisoformat(started_at).timestamp() * 1000)
    return None


@contextlib.contextmanager
def _mlflow_errors() -> Iterator[None]:
    """Raise errors of MLflow as a `TargetError` of one line."""
    try:
        yield
    except (OSError, TargetError, ResultsFileError, GeneratorExit, KeyboardInterrupt):
        raise
    except Exception as error:
        raise TargetError(f"MLflow says: {one_line(error)}") from error
