"""A sweep on many machines: who runs what, and what becomes of a cell that is lost."""

from __future__ import annotations

import json
import os
import signal

import pytest
from made_up_cluster import MadeUpCluster, answer_to, report, sweep_of_cells

from ttbench_core.sinks.storing import store_result
from ttbench_core.sinks.targets import check_targets
from ttbench_core.sweeps import execution
from ttbench_core.sweeps.asked import SweepAsked
from ttbench_core.sweeps.definition.definition_checks import sweep_of
from ttbench_core.sweeps.fleet.asking import plan_fleet
from ttbench_core.sweeps.fleet.cluster import Answered, ClusterError, Failed
from ttbench_core.sweeps.fleet.fleet_plan import fleet_sentences
from ttbench_core.sweeps.fleet.running import run_on_cluster

TWO = {"a": report(), "b": report()}


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a sweep on a cluster, and go on where an earlier call ended."""
    monkeypatch.chdir(tmp_path)
    place = tmp_path / "perf.jsonl"

    def on(cluster, cells=4, jobs=1, **parts):
        sweep = sweep_of_cells(cells, **parts)
        return run_on_cluster(SweepAsked(sweep, check_targets(place), jobs=jobs), cluster).outcome

    on.records = lambda: [json.loads(one) for one in place.read_text().splitlines()]
    return on


def statuses(records):
    return sorted((one["sweep"]["label"], one["status"]) for one in records)


def test_each_cell_has_a_record_and_a_second_call_runs_nothing(run):
    cluster = MadeUpCluster(TWO)
    done = run(cluster, rounds=2)
    assert (done.state.done, done.has_failed) == (8, False)
    assert len({(one["sweep"]["cell"], one["sweep"]["round"]) for one in run.records()}) == 8
    again = MadeUpCluster(TWO)
    assert run(again, rounds=2).state.done == 8
    assert again.most_queued == 0


def test_every_machine_is_asked_once_what_it_is_and_one_of_each_kind_for_its_plan():
    cluster = MadeUpCluster({"a": report(), "b": report(), "c": report("Xeon")})
    plan_fleet(sweep_of_cells(2), cluster)
    assert sorted(cluster.asked) == ["plan a", "plan c", "report a", "report b", "report c"]


def test_few_cells_are_in_the_queue_of_the_cluster(run):
    cluster = MadeUpCluster(TWO)
    run(cluster, cells=40)
    assert cluster.most_queued == 4


def test_a_cell_that_is_lost_has_a_row_and_is_tried_once_more_on_another_machine(run):
    tried = []

    def ending(node, task, order):
        tried.append((node, order["cell"]["sweep"]["attempt"], task.nodes))
        return "the worker died" if len(tried) == 1 else None

    done = run(MadeUpCluster(TWO, ending=ending), cells=1)
    assert (done.state.done, done.state.failed, done.has_failed) == (1, 0, False)
    lost, good = run.records()
    assert (lost["status"], lost["failure"]["phase"], lost["sweep"]["attempt"]) == (
        "failed",
        "lost",
        1,
    )
    assert "the worker died" in lost["error"]
    assert (good["status"], good["sweep"]["attempt"]) == ("ok", 2)
    first, _, _ = tried[0]
    assert first not in tried[1][2]


def test_the_row_of_a_lost_cell_says_nothing_of_the_machine_of_the_driver(run):
    run(MadeUpCluster(TWO, ending=lambda *_: "gone"), cells=1)
    lost = run.records()
    assert [(one["host"], one["machine_name"]) for one in lost] == [({}, "")] * 2
    assert {one["sweep"]["launch"]["by"] for one in lost} == {"ray"}
    assert {one["sweep"]["launch"]["node"] for one in lost} == {"a", "b"}


def test_a_cell_that_is_lost_twice_fails_and_is_tried_again_by_the_next_call(run):
    done = run(MadeUpCluster(TWO, ending=lambda *_: "gone"), cells=2)
    assert (done.state.failed, done.state.left, done.has_failed) == (2, 0, True)
    assert len(run.records()) == 4
    assert run(MadeUpCluster(TWO), cells=2).state.done == 2


def test_cells_of_machines_that_have_all_gone_are_left_for_the_next_call(run):
    cluster = MadeUpCluster(TWO)

    def ending(node, task, order):
        for one in [one.id for one in cluster.nodes()]:
            cluster.lose(one)
        return "the machine has no power"

    cluster._ending = ending
    done = run(cluster, cells=6)
    assert (done.state.failed, done.state.left, done.has_failed) == (0, 6, True)
    assert {one.status for one in done.outcomes} == {"lost", "left"}
    rows = run.records()
    # one for each task that had begun
    assert len({one["sweep"]["cell"] for one in rows}) == len(rows) <= 4
    assert run(MadeUpCluster(TWO), cells=6).state.done == 6


def test_a_cell_that_needs_too_much_memory_fails_and_is_not_tried_again(run):
    done = run(
        MadeUpCluster(TWO, ending=lambda *_: lambda task: Failed(task, "no memory")), cells=1
    )
    assert (done.state.failed, len(run.records())) == (1, 1)
    assert "no memory" in run.records()[0]["error"]
    assert run(MadeUpCluster(TWO), cells=1).state.failed == 1


def test_what_a_cell_asks_for_is_there_on_every_machine_that_it_may_run_on(run):
    cluster = MadeUpCluster(TWO, cpus={"a": 4.0, "b": 1.0})

    def ending(node, task, order):
        if node == "a":
            cluster.lose("a")
            return "the machine has no power"
        return None

    cluster._ending = ending
    assert run(cluster, cells=6).state.done == 6


def test_machines_that_a_sweep_tells_by_their_hosts_run_their_own_cells():
    nodes = {"a": report(host="node1"), "b": report(host="node2")}
    assert len(plan_fleet(sweep_of_cells(1), MadeUpCluster(nodes)).kinds) == 1
    tables = {"one": {"host": "node1"}, "two": {"host": "node2"}}
    grid = {"model": "steady", "machine": ["one", "two"]}
    fleet = plan_fleet(sweep_of(grid=grid, machines=tables), MadeUpCluster(nodes))
    found = {
        str(one.settings["machine"]): [kind.nodes[0].id for kind in fleet.where[one.key]]
        for one in fleet.plan.cells
    }
    assert found == {"one": ["a"], "two": ["b"]}


@pytest.mark.parametrize(
    "answer",
    [
        *("", "{}", "[1]", '{"facts": {}, "seconds": 1}', '{"facts": 1}'),
        '{"facts": {"status": "ok"}, "seconds": 1}',
    ],
)
def test_an_answer_that_cannot_be_read_is_a_lost_cell(run, answer):
    cluster = MadeUpCluster(TWO)
    cluster.wait = lambda _: [Answered(cluster._queue.popleft()[0], answer)]
    done = run(cluster, cells=1)
    assert done.state.failed == 1
    assert "its answer cannot be read" in run.records()[0]["error"]


def test_the_record_of_another_cell_is_refused(run):
    cluster = MadeUpCluster(TWO)
    first = []

    def wait(_):
        number, _, task = cluster._queue.popleft()
        first.append(json.loads(task.order))
        return [Answered(number, answer_to(first[0]))]

    cluster.wait = wait
    done = run(cluster, cells=2)
    assert (done.state.done, done.state.failed) == (1, 1)
    assert "it is of another cell" in run.records()[-1]["error"]


def test_a_record_that_is_none_is_refused(run):
    cluster = MadeUpCluster(TWO)

    def wait(_):
        number, _, task = cluster._queue.popleft()
        return [Answered(number, answer_to(json.loads(task.order), samples_per_sec="<script>"))]

    cluster.wait = wait
    assert run(cluster, cells=1).state.failed == 1


def test_all_cells_run_on_the_kind_with_the_most_machines(run):
    run(MadeUpCluster({"a": report("Xeon"), "b": report(), "c": report()}))
    assert {one["sweep"]["cell"].partition("-")[0] for one in run.records()} == {"EPYC"}


def test_cells_that_were_measured_on_another_kind_stay_there(run):
    run(MadeUpCluster({"a": report("Xeon")}), cells=2)
    done = run(MadeUpCluster({"a": report("Xeon"), "b": report(), "c": report()}), cells=2)
    assert (done.state.done, len(run.records())) == (2, 2)


def test_a_cell_goes_only_where_it_can_run(run):
    refused = {"b": "backend 'fake' is not installed", "c": "backend 'fake' is not installed"}
    cluster = MadeUpCluster({"a": report("Xeon"), "b": report(), "c": report()}, refused)
    run(cluster, cells=2)
    assert {one["sweep"]["cell"].partition("-")[0] for one in run.records()} == {"Xeon"}


def test_a_cell_that_no_machine_can_run_is_a_refused_row(run):
    done = run(MadeUpCluster({"a": report()}, {"a": "there is no card"}), cells=2)
    assert (done.state.refused, done.has_failed) == (2, False)
    assert [one["error"] for one in run.records()] == ["there is no card"] * 2
    assert [one["host"] for one in run.records()] == [{}, {}]


def test_the_plan_says_which_machines_there_are_and_which_take_no_part():
    old = report(core="0.0.1")
    fleet = plan_fleet(
        sweep_of_cells(3), MadeUpCluster({"a": report(), "b": old, "c": '{"error": "no ttbench"}'})
    )
    sentences = list(fleet_sentences(fleet))
    assert sentences[0].startswith("1 machine EPYC, 4 cores (")
    assert sentences[0].endswith("): 3 cells; fake")
    assert "node b at address of b takes no part: it has ttbench-core 0.0.1" in sentences[1]
    assert sentences[2] == "node c at address of c takes no part: no ttbench"


def test_a_cluster_without_a_machine_that_can_take_part_is_one_line():
    with pytest.raises(
        ClusterError, match="no machine of the cluster can take part: node a .*gone"
    ):
        plan_fleet(sweep_of_cells(1), MadeUpCluster({"a": '{"error": "gone"}'}))


def test_a_cell_that_needs_more_than_machines_declare_is_refused():
    fleet = plan_fleet(sweep_of_cells(1), MadeUpCluster(TWO, cpus=0.0))
    assert fleet.plan.cells[0].refused == "the machine declares 0 CPU, not 1"


def test_ctrl_c_ends_the_tasks_and_the_next_call_goes_on(run):
    cluster = MadeUpCluster(TWO)

    def ending(node, task, order):
        if order["cell"]["sweep"]["label"].endswith("3"):
            raise KeyboardInterrupt

    cluster._ending = ending
    done = run(cluster, cells=6)
    assert done.is_interrupted
    assert cluster.cancelled
    assert {one["status"] for one in run.records()} <= {"ok"}
    assert run(MadeUpCluster(TWO), cells=6).state.done == 6
    assert len(run.records()) == 6


@pytest.mark.usefixtures("handles_ctrl_c")
def test_ctrl_c_while_a_record_is_stored_ends_the_sweep_with_the_record(run, monkeypatch):
    def store(result, *targets):
        os.kill(os.getpid(), signal.SIGINT)
        store_result(result, *targets)

    monkeypatch.setattr(execution, "store_result", store)
    done = run(MadeUpCluster(TWO), cells=4)
    assert done.is_interrupted
    assert len(run.records()) == 1
    monkeypatch.undo()
