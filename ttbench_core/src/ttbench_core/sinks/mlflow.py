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

from ttbench_core.errors import ResultsFileError, TargetError, one_line
from ttbench_core.record.result import Result
from ttbench_core.record.tables.cells import Cell
from ttbench_core.record.tables.columns import row_of
from ttbench_core.sinks.json_text import parsed
from ttbench_core.sinks.needs import library
from ttbench_core.sinks.protocol import Sink

__all__ = ["MlflowSink"]

_ARTIFACT: Final = "record.json"
_STATUS: Final = {"ok": "FINISHED", "failed": "FAILED", "interrupted": "KILLED"}
_TAG: Final = "ttbench.run_id"
#: What a run of MLflow has in fields of its own, or is no setting.
_NO_PARAMETER: Final = frozenset({"run_id", "started_at", "status", "error"})
_LONGEST_PARAMETER: Final = 500
_PAGE: Final = 200


class MlflowSink(Sink):
    """Keeps each result as a run: its settings as parameters, its figures as metrics.

    The whole record is the artifact `record.json`. Where the server is says
    MLflow's own variable MLFLOW_TRACKING_URI.

    Args:
        url: `mlflow:EXPERIMENT`; the experiment is made if there is none.
    """

    takes_url: ClassVar[bool] = True

    def __init__(self, url: str) -> None:
        self._experiment: Final = _experiment_of(url)

    @staticmethod
    def check(url: str) -> None:
        """Find out whether MLflow is installed; see `SinkFactory`."""
        _experiment_of(url)
        library("mlflow", extra="mlflow")

    def write(self, result: Result) -> None:
        """Log one run; see `Sink`. A run that could not be logged as a whole is deleted."""
        record = result.to_record()
        with _told():
            client = _client()
            run = client.create_run(
                _identity(client, self._experiment, create=True),
                start_time=_milliseconds(result.started_at),
                run_name=result.label,
                tags={_TAG: result.run_id, "ttbench.status": result.status},
            )
            identity = run.info.run_id
            try:
                _log(client, identity, row_of(record))
                client.log_text(identity, json.dumps(record, allow_nan=False), _ARTIFACT)
                client.set_terminated(identity, _STATUS.get(result.status, "FAILED"))
            except BaseException:
                with contextlib.suppress(Exception):
                    client.delete_run(identity)
                raise

    @staticmethod
    def records(url: str) -> Iterator[tuple[str, Any]]:
        """Read the records of an experiment back, oldest first; see `Readable`."""
        experiment = _experiment_of(url)
        with _told(), tempfile.TemporaryDirectory() as folder:
            client = _client()
            identity = _identity(client, experiment, create=False)
            for number, run in enumerate(_runs(client, identity)):
                where = f"{url}@{number}"
                path = client.download_artifacts(run.info.run_id, _ARTIFACT, folder)
                yield where, parsed(where, Path(path).read_text(encoding="utf-8"))


def _experiment_of(url: str) -> str:
    name = url.partition(":")[2].strip("/")
    if not name:
        raise TargetError("it names no experiment: mlflow:nightly")
    return name


def _client() -> Any:
    # a benchmark tells nobody what it does, unless its user wants that
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    return library("mlflow.tracking", extra="mlflow").MlflowClient()


def _identity(client: Any, name: str, *, create: bool) -> str:
    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    if not create:
        raise ResultsFileError(f"mlflow has no experiment {name!r}")
    try:
        return str(client.create_experiment(name))
    except Exception:
        # another writer may have been faster
        found = client.get_experiment_by_name(name)
        if found is None:
            raise
        return str(found.experiment_id)


def _log(client: Any, identity: str, row: Mapping[str, Cell]) -> None:
    entities = library("mlflow.entities", extra="mlflow")
    now = time.time_ns() // 1_000_000
    settings, metrics = [], []
    for name, cell in row.items():
        if cell is None or name in _NO_PARAMETER:
            continue
        if isinstance(cell, (str, bool)):
            settings.append(entities.Param(name, str(cell)[:_LONGEST_PARAMETER]))
        else:
            metrics.append(entities.Metric(name, float(cell), now, 0))
    client.log_batch(identity, metrics=metrics, params=settings)


def _runs(client: Any, experiment: str) -> Iterator[Any]:
    token = None
    while True:
        page = client.search_runs(
            [experiment],
            order_by=["attributes.start_time ASC"],
            max_results=_PAGE,
            page_token=token,
        )
        # runs of others in the same experiment have no record, nor has one that is being logged
        yield from (
            run for run in page if _TAG in run.data.tags and run.info.status in _STATUS.values()
        )
        token = page.token
        if not token:
            return


def _milliseconds(started_at: str) -> int | None:
    with contextlib.suppress(ValueError):
        return int(datetime.fromisoformat(started_at).timestamp() * 1000)
    return None


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Say in one line what MLflow says in many."""
    try:
        yield
    except (OSError, TargetError, ResultsFileError, GeneratorExit, KeyboardInterrupt):
        raise
    except Exception as error:
        raise TargetError(f"MLflow says: {one_line(error)}") from error
