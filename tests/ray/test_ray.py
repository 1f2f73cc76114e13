"""Sweeps on a real Ray cluster: nothing is lost or doubled, and no device is shared."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter

import pytest
from fleet_sweeps import fleet_sweep, overlaps_in

from ttbench_core import run_sweep
from ttbench_core.cli import main
from ttbench_core.sinks.targets import check_targets
from ttbench_core.sweeps.asked import SweepAsked
from ttbench_core.sweeps.calling import run_asked
from ttbench_core.sweeps.fleet.ray_cluster import RayCluster, ray_address
from ttbench_core.sweeps.progress.progress_display import LinesDisplay

CELLS = 24


class Killing(LinesDisplay):
    """Kills a worker after a few cells, and later a machine."""

    def __init__(self, fleet):
        super().__init__(lambda _: None)
        self._fleet, self.killed, self.sentences = fleet, 0, ()

    def began(self, sentences, state):
        self.sentences = sentences

    def ended(self, outcome, state):
        head, other = self._fleet.able
        if self.killed == 0 and state.done >= CELLS // 4 and (workers := head.workers()):
            workers[0].kill()
            self.killed = 1
        elif self.killed == 1 and state.done >= CELLS // 2:
            other.kill()
            self.killed = 2


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_sweep_outlives_a_worker_and_a_machine(fleet, tmp_path, capfd):
    place = tmp_path / "perf.jsonl"
    watching = Killing(fleet)
    asked = SweepAsked(fleet_sweep(CELLS), check_targets(place), jobs=2)
    first = run_asked(asked, watching, fleet.place).outcome
    assert (watching.killed, first.state.left) == (2, 0)
    assert any(one["sweep"]["attempt"] == 2 and one["status"] == "ok" for one in lines_of(place))
    # a cell may be lost with the worker and again with the machine: the next call measures it
    second = run_asked(asked, on=fleet.place).outcome
    assert second.state.done == CELLS
    assert len(second.outcomes) == first.state.failed <= 1
    records = lines_of(place)
    good = Counter(one["sweep"]["cell"] for one in records if one["status"] == "ok")
    assert (len(good), set(good.values())) == (CELLS, {1})
    bad = [one for one in records if one["status"] != "ok"]
    assert {one["failure"]["phase"] for one in bad} == {"lost"}
    assert bad
    uses = lines_of(fleet.log)
    assert overlaps_in(uses) == 0
    # the machines were asked first: the one without the engine got no cell
    assert {one["node"] for one in uses} == {"0", "1"}
    assert {one["device"] for one in uses} == {"slots:0", "slots:1"}
    [alone] = [one for one in watching.sentences if one.startswith("1 machine ")]
    assert ": 0 cells; " in alone
    # stdout is the user's: Ray prints there what it says of workers that died
    assert capfd.readouterr().out == ""


def test_a_cell_has_the_threads_of_its_machine_and_says_what_ran_it(fleet, tmp_path, capsys):
    plan = [
        "sweep",
        "-m",
        "numbered",
        "--backend",
        "slots",
        "-M",
        "number=1,2",
        "--on",
        fleet.place,
    ]
    assert main([*plan, "--dry-run", "--json"]) == 0
    planned = json.loads(capsys.readouterr().out)
    assert sorted(len(one["nodes"]) for one in planned["kinds"]) == [1, 2]
    assert [len(one["kinds"]) for one in planned["cells"]] == [1, 1]
    place = tmp_path / "perf.jsonl"
    results = run_sweep(fleet_sweep(2), output=place, on=fleet.place, progress=False)
    assert [one.status for one in results] == ["ok", "ok"]
    launch = results[0].sweep["launch"]
    assert (launch["by"], launch["cuda_visible_devices"]) == ("ray", "")
    nodes = {node["id"] for one in planned["kinds"] for node in one["nodes"]}
    assert launch["node"] in nodes
    uses = lines_of(fleet.log)
    assert {one["omp"] for one in uses} == {"unset"}
    assert {one["preloaded"] for one in uses} == {os.environ.get("LD_PRELOAD", "")}
    # Ray gives its workers a lower priority, which would make the numbers those of another machine
    assert {one["nice"] for one in uses} == {os.getpriority(os.PRIO_PROCESS, 0)}


def test_joining_a_cluster_leaves_signals_as_they_are(fleet):
    before = signal.getsignal(signal.SIGTERM)
    with RayCluster(ray_address(fleet.place)) as cluster:
        assert signal.getsignal(signal.SIGTERM) is before
        assert len(cluster.nodes()) == 3


@pytest.mark.parametrize("place", ["ray://127.0.0.2:1", "ray://127.0.0.2:99999", "ray"])
def test_a_cluster_that_is_not_there_is_one_line(place, capsys, monkeypatch):
    pytest.importorskip("ray")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    words = ["sweep", "-m", "numbered", "--on", place, "--dry-run"]
    assert main(words) == 2
    assert "no Ray cluster" in capsys.readouterr().err.splitlines()[-1]
