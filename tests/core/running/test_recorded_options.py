"""Options in records: read, with the defaults left out, whichever way they were given."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from ttbench_core import RunOptions
from ttbench_core.backends.engine_options import spelled_options, with_spelled_options
from ttbench_core.backends.loading import load_backend
from ttbench_core.errors import OptionError, SessionError
from ttbench_core.model import Builder
from ttbench_core.models.source import Source
from ttbench_core.request.engine_options import make_options
from ttbench_core.running import recorded_options as recording
from ttbench_core.running.failed_runs import failed_before_start
from ttbench_core.running.request import RunRequest

PACKS = Path(__file__).parents[2] / "packs"


def film(training=False, frames: int = 8, order="x"):
    """A builder with options."""


SOURCE = Source(Builder(film), None, None, "film")


@pytest.fixture
def npu(monkeypatch):
    monkeypatch.syspath_prepend(PACKS / "npu")


def args_of_failed(**options):
    request = RunRequest(RunOptions("film", **options), SOURCE)
    return failed_before_start(request, "devices", SessionError("none")).args


def test_options_with_flags_are_recorded_as_read_also_where_they_were_given_by_name():
    asked = {"microbatch_count": "2", "recompute": "false", "balancer_policy": "CNN"}
    found = recording.recorded_options(RunOptions("m", backend="pybuda", engine_options=asked))
    assert found["microbatch_count"] == 2
    assert found["recompute"] is False
    assert found["balancer_policy"] == "CNN"
    assert found["engine_options"] == {}


def test_options_with_flags_that_ran_are_those_of_the_plan():
    declared = load_backend("pybuda").capabilities.options
    engine = make_options(declared, {"microbatch_count": "2", "recompute": "false"})
    found = recording.spelled_args(SimpleNamespace(engine=engine))
    assert (found["microbatch_count"], found["recompute"]) == (2, False)
    assert found.keys() == spelled_options().keys()
    assert recording.spelled_args(SimpleNamespace(engine=None)) == {}


def test_a_value_that_cannot_be_read_is_recorded_as_it_was_asked():
    asked = {"microbatch_count": "many"}
    found = recording.recorded_options(RunOptions("m", engine_options=asked))
    assert found["microbatch_count"] == "many"


@pytest.mark.parametrize(
    ("by_flag", "by_name"),
    [
        ({"balancer_policy": "CNN"}, {"balancer_policy": "Ribbon"}),
        ({"microbatch_count": 2}, {"microbatch_count": "3"}),
    ],
)
def test_a_flag_and_an_option_by_name_that_contradict_each_other_are_refused(by_flag, by_name):
    with pytest.raises(OptionError, match="one option with two values: leave one of them out"):
        with_spelled_options({**by_flag, "engine_options": by_name})


def test_a_flag_and_an_option_by_name_may_say_the_same():
    given = {"microbatch_count": 2, "engine_options": {"microbatch_count": "2", "other": 1}}
    assert with_spelled_options(given) == {"engine_options": {"microbatch_count": 2, "other": 1}}


def test_a_failed_run_has_its_options_as_a_run_that_succeeds_has_them(npu):
    args = args_of_failed(
        backend="npu",
        engine_options={"lanes": "2", "turbo": "false", "log": "x.log"},
        model_options={"frames": "8", "order": "y"},
    )
    assert args["engine_options"] == {"lanes": 2}
    assert args["model_options"] == {"order": "y"}


def test_a_failed_run_keeps_options_that_cannot_be_read_as_they_were_asked(npu):
    args = args_of_failed(
        backend="npu",
        engine_options={"lanes": "many", "lane": "1"},
        model_options={"frames": "many"},
    )
    assert args["engine_options"] == {"lanes": "many", "lane": "1"}
    assert args["model_options"] == {"frames": "many"}


@pytest.mark.parametrize("backend", [None, "absent"])
def test_without_a_known_backend_a_failed_run_has_its_options_as_they_were_asked(backend):
    args = args_of_failed(backend=backend, engine_options={"lanes": "2"})
    assert args["engine_options"] == {"lanes": "2"}
