"""One way to run a sample model: what is asked, its session, and what must stay as it was."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ttbench_core.backends.planning import plan
from ttbench_core.backends.protocol import Backend, Capabilities, CompileOptions, Session
from ttbench_core.request.options import RunOptions
from ttbench_core.testing.model_snapshot import ModuleSnapshot
from ttbench_core.testing.promises import Contract
from ttbench_core.testing.session_checks import SampleRun, check_state

__all__ = ["Checked", "SampleCase"]

_SEED: Final = 0


@dataclass(frozen=True)
class Checked:
    """A backend that is being checked, and what its runs are asked with."""

    name: str
    backend: Backend
    capabilities: Capabilities
    #: Fields of `RunOptions` for every run.
    options: Mapping[str, Any]

    def plan(self, contract: Contract, **more: Any) -> CompileOptions:
        """Plan a run.

        Args:
            contract: for messages.
            more: fields of `RunOptions` for this run.
        """
        with contract.during("planning a run"):
            return plan(RunOptions(**{"model": "sample", **self.options, **more}), self.backend)


class SampleCase:
    """One way to run a sample model.

    Args:
        checked: the backend.
        what: the way, for messages: `with -df Int8`.
        kind: which model; keywords of `sample_model`.
        asked: fields of `RunOptions`.

    Raises `BrokenPromiseError` for a request that the backend refuses.
    """

    def __init__(
        self, checked: Checked, what: str, kind: Mapping[str, Any] | None = None, **asked: Any
    ) -> None:
        self.contract: Final = Contract(f"backend {checked.name!r} {what}")
        self._backend: Final = checked.backend
        self._kind: Final = kind or {}
        self._plan: Final = checked.plan(self.contract, **asked)

    @contextlib.contextmanager
    def opened(self) -> Iterator[SampleRun]:
        """Compile, and close twice; the model and torch's settings must stay as they are."""
        from ttbench_core.models.reference.sample_models import sample_model

        contract = self.contract
        with contextlib.ExitStack() as stack:
            with contract.during("seeded()"):
                stack.enter_context(self._backend.seeded(_SEED, self._plan.devices))
            model = sample_model(**self._kind)
            stack.enter_context(_settings_restored(contract))
            snapshot = ModuleSnapshot(model)
            with contract.during("compile()"):
                session = self._backend.compile(model, self._plan)
            with _closed_twice(contract, session):
                _require_unchanged(contract, snapshot, "compile()")
                check_state(contract, session)
                data_format = self._plan.data_format
                pcc = model.pcc.get(data_format.value, data_format.pcc)
                yield SampleRun(contract, session, model, pcc)
            _require_unchanged(contract, snapshot, "a run")


@contextlib.contextmanager
def _closed_twice(contract: Contract, session: Session) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with contextlib.suppress(Exception):
            session.close()
        raise
    with contract.during("close()"):
        session.close()
    with contract.during("close() for the second time"):
        session.close()


@contextlib.contextmanager
def _settings_restored(contract: Contract) -> Iterator[None]:
    from ttbench_core.models.reference.torch_state import global_settings

    before = global_settings()
    yield
    for name, value in global_settings().items():
        contract.require(
            value == before[name],
            f"close() leaves torch's settings as they were before compile(): {name} was"
            f" {before[name]} and is {value}",
        )


def _require_unchanged(contract: Contract, snapshot: ModuleSnapshot, what: str) -> None:
    difference = snapshot.difference()
    contract.require(
        difference is None, f"the caller's modules stay as they are: after {what}, {difference}"
    )
