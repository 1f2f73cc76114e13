"""A cluster of Ray: the one module that starts its tasks. Ray is imported when it is used."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from ttbench_core.errors import OptionError, one_line
from ttbench_core.running.processes.handshake import own_version
from ttbench_core.sweeps.fleet.cluster import (
    Answered,
    ClusterError,
    ClusterTask,
    Failed,
    Lost,
    Message,
    Started,
)
from ttbench_core.sweeps.fleet.kinds import Node
from ttbench_core.sweeps.fleet.ray_tasks import answer_of_node, cell_on_node

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["RayCluster", "ray_address"]

_EXTRA: Final = "pip install 'ttbench-core[ray]'"
_ADDRESS: Final = re.compile(r"[A-Za-z0-9_.\[\]:-]+:\d{1,5}")
_NODE_ID: Final = "ray.io/node-id"
#: Of the resources of a node, those that say nothing about what it can measure.
_UNIMPORTANT: Final = ("memory", "object_store_memory")
#: How much longer than its answer a node may take to start the task.
_START_S: Final = 60.0
_CONNECT_S: Final = 10.0


def ray_address(place: str) -> str | None:
    """Read where a cluster is: `ray`, or `ray://HOST:PORT`.

    Gives HOST:PORT; None for the cluster that runs on this machine. Raises `OptionError`.
    """
    name, _, address = place.partition("://")
    if name == RayCluster.name and (place == name or _ADDRESS.fullmatch(address)):
        return address or None
    raise OptionError(f"{place!r} is no place for a sweep: ray, or ray://HOST:PORT")


class RayCluster:
    """The machines of a Ray cluster; a context manager that leaves the cluster.

    Args:
        address: HOST:PORT of its head; None for the cluster that runs on this machine.

    Raises `ClusterError` where Ray is not installed, or there is no cluster.
    """

    #: What records and `--on` call it.
    name: Final = "ray"

    def __init__(self, address: str | None = None) -> None:
        self._ray: Final = _imported()
        handler = signal.getsignal(signal.SIGTERM)
        try:
            _require_listener(address)
            self._ray.init(
                address=address or "auto",
                log_to_driver=False,
                logging_level="error",
                configure_logging=False,
            )
        except (RuntimeError, ValueError, OverflowError, OSError) as error:
            where = f"at {address}" if address else "on this machine"
            raise ClusterError(
                f"--on ray: no Ray cluster {where} can be joined: {one_line(error)}"
                " (ray start --head starts one and prints its address, ray start"
                " --address=HOST:PORT joins this machine to it; PORT is not that of Ray Client)"
            ) from error
        finally:
            _restore_handler(handler)
        self._cell: Final = self._ray.remote(cell_on_node)
        self._answer: Final = self._ray.remote(answer_of_node)
        self._tasks: Final[dict[int, Any]] = {}
        self._numbers: Final[dict[Any, int]] = {}
        self._count = 0

    def nodes(self) -> list[Node]:
        """Give the machines that are alive."""
        return [
            Node(one["NodeID"], one["NodeManagerAddress"], dict(_important(one["Resources"])))
            for one in self._ray.nodes()
            if one["Alive"]
        ]

    def ask(self, nodes: Sequence[Node], question: str, timeout_s: float) -> Mapping[str, str]:
        """Give the answers of machines to a JSON question, by identifier."""
        asked = {
            self._answer.options(
                num_cpus=0, max_retries=0, label_selector={_NODE_ID: one.id}, name="ttbench doctor"
            ).remote(question, timeout_s, own_version()): one.id
            for one in nodes
        }
        waiting = list(asked)
        ready, late = self._ray.wait(
            waiting, num_returns=len(waiting), timeout=2 * timeout_s + _START_S
        )
        answers = {asked[one]: self._answer_of(one) for one in ready}
        for one in late:
            self._ray.cancel(one, force=True)
            answers[asked[one]] = json.dumps({"error": "it did not answer in time"})
        return answers

    def start(self, task: ClusterTask) -> int:
        """Queue a task; give its number."""
        needs = task.needs
        resources = {name: count for name, count in needs.resources.items() if count}
        stream = self._cell.options(
            num_cpus=needs.cpus,
            num_gpus=needs.gpus,
            resources=resources,
            max_retries=0,
            scheduling_strategy="SPREAD",
            label_selector={_NODE_ID: f"in({','.join(task.nodes)})"},
            name=task.name,
        ).remote(task.order)
        self._count += 1
        self._tasks[self._count] = stream
        self._numbers[stream] = self._count
        return self._count

    def wait(self, timeout_s: float) -> list[Message]:
        """Wait for news of tasks."""
        if not self._tasks:
            time.sleep(timeout_s)
            return []
        ready, _ = self._ray.wait(
            list(self._tasks.values()),
            num_returns=1,
            timeout=timeout_s,
            fetch_local=False,
        )
        return [self._message(self._numbers[stream], stream) for stream in ready]

    def cancel(self, tasks: Sequence[int]) -> None:
        """End tasks at once."""
        for number in tasks:
            if (stream := self._forget(number)) is not None:
                self._ray.cancel(stream, force=True)

    def close(self) -> None:
        """Leave the cluster, which goes on."""
        self.cancel(list(self._tasks))
        self._ray.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _message(self, number: int, stream: Any) -> Message:
        try:
            text = self._ray.get(next(stream))
            said = json.loads(text)
            if isinstance(said, dict) and "node" in said:
                return Started(number, str(said["node"]))
        except StopIteration:
            self._forget(number)
            return Lost(number, "its task ended without an answer")
        except self._ray.exceptions.OutOfMemoryError as error:
            self._forget(number)
            return Failed(number, _reason(error))
        except (self._ray.exceptions.RayError, ValueError, TypeError) as error:
            self._forget(number)
            return Lost(number, _reason(error))
        self._forget(number)
        return Answered(number, text)

    def _forget(self, number: int) -> Any:
        stream = self._tasks.pop(number, None)
        if stream is not None:
            del self._numbers[stream]
        return stream

    def _answer_of(self, reference: Any) -> str:
        try:
            return str(self._ray.get(reference))
        except self._ray.exceptions.RayError as error:
            return json.dumps({"error": _reason(error)})


def _imported() -> Any:
    # before the import, which starts it
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
        import ray._private.worker
    except ImportError as error:
        raise ClusterError(f"--on ray needs Ray: {_EXTRA}") from error
    # of each worker that has died it prints a paragraph to stdout, which is ours; no setting
    # prevents it, and the record of the cell has the reason
    ray._private.worker.print_to_stdstream = _print_nothing  # noqa: SLF001 - see above
    return ray


def _require_listener(address: str | None) -> None:
    """Raise `OSError` where nothing listens: Ray would try for minutes."""
    if address is not None:
        host, _, port = address.rpartition(":")
        socket.create_connection((host.strip("[]"), int(port)), _CONNECT_S).close()


def _restore_handler(handler: Any) -> None:
    """Set the handler of SIGTERM again: joining a cluster replaces it by one that exits."""
    if threading.current_thread() is threading.main_thread() and handler is not None:
        signal.signal(signal.SIGTERM, handler)


def _print_nothing(*_args: object, **_keywords: object) -> None:
    """Stand for the function by which Ray prints what its processes say."""


def _important(resources: Mapping[str, float]) -> Iterator[tuple[str, float]]:
    for name, count in resources.items():
        if name not in _UNIMPORTANT and not name.startswith("node:"):
            yield name, count


def _reason(error: BaseException) -> str:
    """Give the first sentence of what happened: the others say which files of Ray to read.

    Of an error in a task that is the error itself, without the traceback that Ray makes its text.
    """
    error = getattr(error, "cause", None) or error
    return one_line(error).split(". ", maxsplit=1)[0].rstrip(".")
