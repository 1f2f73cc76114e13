"""What an engine compiles within the passes is counted, recorded and part of the verdict."""

from __future__ import annotations

import pytest

from ttbench_core.measure.passes import Pass
from ttbench_core.record.verdict import judge
from ttbench_core.record.verdict.evidence import Evidence
from ttbench_core.running.compilations import counting_compilations


class Recorder:
    def __init__(self):
        self.counts = []

    def add_compilations(self, count):
        self.counts.append(count)


class Counting:
    compilations = 3


def findings(compilations):
    passes = [Pass((0,), (10**9,))] * 3
    _, found = judge(Evidence([passes], in_flight=1, interval=None, compilations=compilations))
    return {one.rule: one.level for one in found}


def test_compilations_within_the_context_are_counted():
    session, recorder = Counting(), Recorder()
    with counting_compilations(session, recorder):
        session.compilations = 5
    assert recorder.counts == [2]


def test_a_session_that_counts_none_adds_nothing():
    recorder = Recorder()
    with counting_compilations(object(), recorder):
        pass
    assert recorder.counts == []


def test_nothing_is_added_to_passes_that_failed():
    recorder = Recorder()
    with pytest.raises(KeyError), counting_compilations(Counting(), recorder):
        raise KeyError
    assert recorder.counts == []


@pytest.mark.parametrize(("count", "level"), [(2, "unstable"), (0, None), (None, None)])
def test_passes_that_compile_are_unstable(count, level):
    assert findings(count).get("compiling") == level
