"""Whatever a pack does, in several places and at once, a run leaves one record or one line."""

from __future__ import annotations

import json

import pytest
from damage import RAW
from hostile_actions import BUILDERS, SURROUNDINGS, run_hostile_pack

FATAL = [action for action, _ in BUILDERS.values()]
ACTIONS = [*FATAL, *SURROUNDINGS.values(), *SURROUNDINGS.values()]


def some_actions(rng, most):
    return [rng.choice(ACTIONS) for _ in range(rng.randint(0, most))]


def once(actions):
    """Give statements of a model that do something at one of its calls: a fork would double."""
    lines = ["if not done:", "    done.append(1)", *(f"    {action}" for action in actions)]
    return "\n    ".join([*lines, "return tensors"])


@pytest.fixture
def run(fake_engine, fake_pack, ttbench, tmp_path, monkeypatch):
    """Run a pack with actions of its builder, its model and its module."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)

    def with_actions(builder, forward, module=()):
        head = "\n".join(["done = []", *module])
        return run_hostile_pack(fake_pack, ttbench, "\n    ".join(builder), once(forward), head)

    return with_actions


def require_quiet(outcome):
    assert outcome.code in (0, 1, 2), outcome
    assert "Traceback" not in outcome.out + outcome.err, outcome
    assert not RAW.intersection(outcome.err), outcome


@pytest.mark.fuzz_weight(0.4)
def test_a_pack_that_does_several_things_leaves_one_record(rng, run):
    builder, forward = some_actions(rng, 3), some_actions(rng, 3)
    outcome, stored = run(builder, forward)
    require_quiet(outcome)
    (record,) = stored
    assert json.loads(outcome.out)["run_id"] == record["run_id"]
    # two that do not end it may together: what was removed cannot be closed
    is_fatal = not set(FATAL).isdisjoint([*builder, *forward])
    assert not is_fatal or record["status"] == "failed", outcome
    assert outcome.code == (0 if record["status"] == "ok" else 1), outcome


@pytest.mark.fuzz_weight(0.2)
def test_a_pack_that_does_something_when_it_is_imported_leaves_a_record_or_a_line(rng, run):
    module = [rng.choice(ACTIONS) for _ in range(rng.randint(1, 2))]
    outcome, stored = run(some_actions(rng, 1), some_actions(rng, 1), module)
    require_quiet(outcome)
    if stored:
        (record,) = stored
        assert json.loads(outcome.out)["run_id"] == record["run_id"]
        assert outcome.code == (0 if record["status"] == "ok" else 1)
    else:
        assert outcome.out == ""
        assert outcome.code in (1, 2)
        assert outcome.complaint.startswith("ttbench: error: ")
