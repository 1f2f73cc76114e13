"""Checks that a session follows its contract, with any inputs and with those of a sample model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from ttbench_core.errors import SessionError
from ttbench_core.measure.passes import DrivableSession, ExpectingSession
from ttbench_core.model import Inputs, StagedModel
from ttbench_core.testing.model_snapshot import InputSnapshot
from ttbench_core.testing.promises import Contract

__all__ = ["SampleRun", "check_session", "check_state"]

_SESSION: Final = Contract("a session")
#: Largest relative L2 of outputs that are the reference's own, computed in another order.
_REFERENCE_WITHIN: Final = 1e-5
#: Inputs of the check of their order beyond those that are in flight at once.
_FURTHER_INPUTS: Final = 3


def check_session(session: DrivableSession, inputs: Inputs) -> None:
    """Check that a session follows its contract with these inputs; leaves it empty.

    Raises `AssertionError` naming the promise that was broken, and whatever
    the session raises.
    """
    _check_flow(_SESSION, session, inputs)


def check_state(contract: Contract, session: Any) -> None:
    """Check what a session says of itself; raises `BrokenPromiseError`."""
    depth = _attribute(contract, session, "depth", "the inputs that it can have in flight")
    contract.require(
        isinstance(depth, int) and depth >= 1, f"depth is a whole number from 1 on, not {depth!r}"
    )
    effective = _attribute(contract, session, "effective", "how it really runs, for the record")
    contract.require(
        _is_plain(effective), "effective is a mapping of names to values that JSON has"
    )
    notes = _attribute(contract, session, "notes", "sentences for the reader of a result")
    is_list = isinstance(notes, Sequence) and not isinstance(notes, str)
    contract.require(
        is_list and all(isinstance(one, str) for one in notes),
        f"notes is a sequence of texts, not {notes!r}",
    )
    claim = _attribute(
        contract, session, "is_reference", "whether it computes the reference itself"
    )
    contract.require(isinstance(claim, bool), f"is_reference is True or False, not {claim!r}")
    with contract.during("device_peak_bytes()"):
        peak = session.device_peak_bytes()
    contract.require(
        peak is None or (isinstance(peak, int) and peak >= 0),
        f"device_peak_bytes() gives a number of bytes or None, not {peak!r}",
    )


class SampleRun:
    """A session of a sample model, driven with inputs of its own.

    Args:
        contract: whose promises they are.
        session: of the model.
        model: from `sample_model`.
        pcc: the correlation with Fp32 from which outputs count as right.
    """

    def __init__(self, contract: Contract, session: Any, model: StagedModel, pcc: float) -> None:
        self._contract: Final = contract
        self.session: Final = session
        self.model: Final = model
        self._pcc: Final = pcc

    def check_outputs(self) -> None:
        """Check the form of one input's outputs, and that they are right."""
        outputs = self.outputs_of(self.model.inputs)
        expected = self._expected(self.model.inputs)
        self._require_right(outputs, expected, "an input")
        if not self.session.is_reference:
            return
        from ttbench_core.models.reference.agreement import agreement

        distance = agreement(outputs, expected).relative_l2
        self._contract.require(
            distance is not None and distance <= _REFERENCE_WITHIN,
            "is_reference is True only for the reference's own outputs: theirs differ by a relative"
            f" L2 of {distance}",
        )

    def check_first_outputs(self) -> None:
        """Check those outputs of one input that the reference has: of a generator, the first."""
        outputs, expected = self.outputs_of(self.model.inputs), self._expected(self.model.inputs)
        self._require_right(outputs[: len(expected)], expected, "an input")

    def check_order(self) -> None:
        """Check that outputs come in the order of different inputs, with many of them in flight."""
        from ttbench_core.models.reference.sample_models import draw_inputs

        inputs = [draw_inputs(seed) for seed in range(1, self.session.depth + _FURTHER_INPUTS + 1)]
        expected = [self._expected(one) for one in inputs]
        for index, outputs in enumerate(self._drive(inputs)):
            source = self._source(outputs, expected)
            self._contract.require(
                source in (index, None),
                f"outputs come in the order of their inputs: output {index} of {len(inputs)} is"
                f" that of input {source}",
            )
            self._require_right(outputs, expected[index], f"input {index} of {len(inputs)}")

    def check_flow(self) -> None:
        """Check that a push beyond depth, and a pop of nothing, are refused."""
        with self._contract.during(f"pushing {self.session.depth} inputs and popping them"):
            _check_flow(self._contract, self.session, self.model.inputs)

    def outputs_of(self, inputs: Inputs) -> Sequence[Any]:
        """Push one input, pop its outputs, and check their form; the input must stay as it is."""
        (outputs,) = self._drive([inputs])
        return outputs

    def _drive(self, inputs: Sequence[Inputs]) -> list[Sequence[Any]]:
        """Drive inputs as the runner does: until depth is reached, then one out and one in."""
        session, contract = self.session, self._contract
        before = [InputSnapshot(one) for one in inputs]
        outputs: list[Sequence[Any]] = []
        pushed = 0
        if isinstance(session, ExpectingSession):
            with contract.during("expect()"):
                session.expect(len(inputs))
        while len(outputs) < len(inputs):
            if pushed < len(inputs) and pushed - len(outputs) < session.depth:
                with contract.during("push()"):
                    session.push(inputs[pushed])
                pushed += 1
            else:
                with contract.during("pop()"):
                    popped = session.pop()
                self._require_form(popped)
                # an engine may write the next outputs into the same memory
                outputs.append([tensor.clone() for tensor in popped])
        for snapshot in before:
            difference = snapshot.difference()
            contract.require(
                difference is None, f"inputs stay as they are: after a push, {difference}"
            )
        return outputs

    def _require_form(self, outputs: Any) -> None:
        from ttbench_core.models.reference.outputs import output_fault

        fault = output_fault(outputs)
        self._contract.require(
            fault is None, f"pop() gives a sequence of torch tensors on the host: {fault}"
        )

    def _require_right(self, outputs: Sequence[Any], expected: Sequence[Any], what: str) -> None:
        from ttbench_core.models.reference.agreement import agreement

        found = agreement(outputs, expected)
        self._contract.require(
            found.passes(self._pcc),
            f"outputs are those of Fp32 with a correlation of {self._pcc:g} or more:"
            f" of {what}, {found.fault or f'it is {found.pcc or 0:.3f}'}",
        )

    def _source(self, outputs: Sequence[Any], expected: Sequence[Sequence[Any]]) -> int | None:
        """Give the index of the input that outputs belong to; None where they belong to none."""
        from ttbench_core.models.reference.agreement import agreement

        found = {index: agreement(outputs, one) for index, one in enumerate(expected)}
        right = {
            index: one.pcc
            for index, one in found.items()
            if one.passes(self._pcc) and one.pcc is not None
        }
        return max(right, key=lambda index: right[index]) if right else None

    def _expected(self, inputs: Inputs) -> Sequence[Any]:
        from ttbench_core.models.reference.forward import reference_outputs

        return reference_outputs(replace(self.model, inputs=inputs))


def _check_flow(contract: Contract, session: DrivableSession, inputs: Inputs) -> None:
    contract.require(session.depth >= 1, "depth is 1 or more")
    for _ in range(session.depth):
        session.push(inputs)
    with contract.raises(SessionError, "a push beyond depth raises SessionError"):
        session.push(inputs)
    for _ in range(session.depth):
        contract.require(session.pop() is not None, "every input has outputs")
    with contract.raises(SessionError, "a pop with nothing in flight raises SessionError"):
        session.pop()


def _attribute(contract: Contract, session: Any, name: str, meaning: str) -> Any:
    with contract.during(name):
        found = getattr(session, name, contract)
    contract.require(found is not contract, f"a session has {name}: {meaning}")
    return found


def _is_plain(effective: object) -> bool:
    if not isinstance(effective, Mapping) or not all(isinstance(name, str) for name in effective):
        return False
    try:
        json.dumps(dict(effective))
    except (TypeError, ValueError):
        return False
    return True
