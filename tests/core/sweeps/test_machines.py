"""Machines of a sweep: what their tables mean, which cells are of this one, and their names."""

from __future__ import annotations

import json

import pytest

from ttbench_core.sweeps.calling import run_sweep
from ttbench_core.sweeps.definition.definition_checks import sweep_from, sweep_of
from ttbench_core.sweeps.definition.flags import FlagValues, draft_of_flags
from ttbench_core.sweeps.definition.sweep import SweepError
from ttbench_core.sweeps.planning import planning
from ttbench_core.sweeps.planning.identity import identity_of
from ttbench_core.sweeps.planning.machines import machine_name, matches
from ttbench_core.sweeps.planning.planning import plan_sweep
from ttbench_core.sweeps.shards.shards import Shard, Share

FACTS = {
    "machine": "x86_64",
    "cpu": "AMD EPYC 9B45 128-Core Processor",
    "logical_cores": 4,
    "usable_cores": 4,
    "cpu_quota_cores": None,
    "memory_gib": 16,
    "python": "CPython 3.12",
}
MACHINES = {"epyc": {"cpu": "*epyc*", "usable_cores": 4}, "xeon": {"cpu": "*Xeon*"}}


@pytest.fixture(autouse=True)
def this_machine(monkeypatch, fake_engine):
    """Let this be an EPYC of four cores, called node3."""
    monkeypatch.setattr(planning, "machine_facts", lambda: FACTS)
    monkeypatch.setattr(planning, "host_name", lambda: "node3")


def sweep(machine=None, machines=MACHINES, **parts):
    grid = {"model": "steady", "backend": "fake", **parts.pop("grid", {})}
    if machine is not None:
        grid["machine"] = machine
    return sweep_of(grid=grid, machines=machines, **parts)


def plan(*args, **parts):
    return plan_sweep(sweep(*args, **parts))


HERE = {**FACTS, "host": "node3"}


@pytest.mark.parametrize(
    ("table", "holds"),
    [
        ({"cpu": "*epyc 9B45*"}, True),
        ({"cpu": "AMD EPYC"}, False),
        ({"usable_cores": 4}, True),
        ({"usable_cores": 4, "memory_gib": 32}, False),
        ({"cpu_quota_cores": 2}, False),
        ({"python": "*3.1[12]"}, True),
        ({"host": "NODE[1-4]"}, True),
        ({"host": "node[5-9]"}, False),
        ({"device": "*h100*"}, True),
        ({"device": "*A100*"}, False),
        ({"device": "*H100*", "cpu": "*Xeon*"}, False),
    ],
)
def test_all_that_a_table_says_must_hold(table, holds):
    assert matches(table, HERE, ["AMD EPYC", "NVIDIA H100 80GB HBM3"]) is holds


def test_a_fact_that_is_not_known_does_not_hold():
    assert not matches({"host": "*"}, {}, [])
    assert not matches({"device": "*"}, {}, [])


def test_the_name_of_a_machine_describes_processor_cores_and_accelerators():
    assert machine_name(FACTS) == "AMD EPYC 9B45 128-Core Processor, 4 cores"
    limited = {**FACTS, "cpu_quota_cores": 1.5}
    assert machine_name(limited, ["H100"]) == (
        "H100, AMD EPYC 9B45 128-Core Processor, 1.5 of 4 cores"
    )
    assert machine_name({"machine": "arm64"}) == "arm64"


def test_cells_of_other_machines_are_counted_and_not_planned():
    found = plan(["epyc", "xeon"], grid={"microbatch": [1, 2]})
    assert [one.settings["machine"] for one in found.cells] == ["epyc", "epyc"]
    assert found.elsewhere == {"xeon": 2}
    assert not found.refused


def test_a_machine_in_zips_and_scenarios_and_exclusions_chooses_cells():
    zips = [{"machine": ["epyc", "xeon"], "microbatch": [1, 8]}]
    assert [one.settings["microbatch"] for one in plan(zips=zips).cells] == [1]
    scenarios = {"small": {"machine": "xeon"}, "large": {"machine": "epyc"}}
    assert [one.scenario for one in plan(scenarios=scenarios).cells] == ["large"]
    excludes = [{"machine": "epyc", "microbatch": 2}]
    found = plan(["epyc", "xeon"], grid={"microbatch": [1, 2]}, excludes=excludes)
    assert (len(found.cells), found.excluded, found.elsewhere) == (1, 1, {"xeon": 2})


def test_a_label_has_the_machine_where_the_definition_has_several():
    found = plan(["epyc", "xeon"], grid={"microbatch": [1, 2]})
    assert [one.label for one in found.cells] == ["microbatch=1 epyc", "microbatch=2 epyc"]
    found = plan("epyc", grid={"microbatch": [1, 2]})
    assert [one.label for one in found.cells] == ["microbatch=1", "microbatch=2"]
    assert found.cells[0].settings["machine"] == "epyc"


def test_every_is_this_machine_under_the_name_that_describes_it():
    found = plan("every", machines=None)
    assert [one.settings["machine"] for one in found.cells] == [
        "Fake card, AMD EPYC 9B45 128-Core Processor, 4 cores"
    ]
    assert not found.elsewhere


def test_a_key_is_the_same_with_a_machine_and_without():
    keys = {plan(one).cells[0].key for one in (None, "every", "epyc", ["epyc", "xeon"])}
    assert len(keys) == 1


def test_one_machine_under_two_names_is_measured_once():
    machines = {**MACHINES, "amd": {"cpu": "AMD*"}}
    (cell,) = plan(["epyc", "amd"], machines).cells
    assert (cell.settings["machine"], cell.same) == ("epyc", 2)


def test_hosts_that_a_sweep_tells_apart_are_measured_each(monkeypatch):
    machines = {"a": {"host": "node3"}, "b": {"host": "node4"}}
    (here,) = plan(["a", "b"], machines).cells
    monkeypatch.setattr(planning, "host_name", lambda: "node4")
    (there,) = plan(["a", "b"], machines).cells
    assert here.key != there.key
    nodes = {"all": {"host": "node[34]"}}
    (one,) = plan("all", nodes).cells
    monkeypatch.setattr(planning, "host_name", lambda: "node3")
    assert plan("all", nodes).cells[0].key == one.key


@pytest.mark.parametrize("backend", ["fake", None])
def test_a_device_is_one_that_an_engine_of_the_sweep_reports(backend, fake_pack):
    fake_pack("nothing", "")
    machines = {"card": {"device": "fake c*"}, "h100": {"device": "*H100*"}}
    grid = {"model": "steady", "machine": ["card", "h100"]}
    settings = {"backend": backend} if backend else {"device": "fake"}
    found = plan_sweep(sweep_of(grid=grid, settings=settings, machines=machines))
    assert [one.settings["machine"] for one in found.cells] == ["card"]
    assert found.elsewhere == {"h100": 1}


def test_a_cell_of_an_engine_that_is_not_here_is_of_the_machine_all_the_same():
    found = plan("card", {"card": {"device": "Fake*"}}, grid={"backend": ["fake", "absent"]})
    assert [one.refused is None for one in found.cells] == [True, False]


def test_where_no_cell_is_of_this_machine_its_facts_are_told():
    found = plan("xeon")
    assert not found.cells
    note = found.notes[-1]
    assert note.startswith("no cell is of the machine that this is: ")
    assert 'cpu = "AMD EPYC 9B45 128-Core Processor"' in note
    assert 'host = "node3"' in note
    assert "usable_cores = 4" in note
    assert 'device = "Fake card"' in note


def test_the_whole_sweep_can_be_planned_anywhere(monkeypatch):
    parts = {"machine": ["epyc", "xeon"], "grid": {"microbatch": [1, 2]}}
    found = plan_sweep(sweep(**parts), everywhere=True)
    assert not found.elsewhere
    labels = [one.label for one in found.cells]
    assert labels == [
        *("microbatch=1 epyc", "microbatch=1 xeon", "microbatch=2 epyc", "microbatch=2 xeon"),
    ]
    assert len({one.key for one in found.cells}) == 4
    assert plan_sweep(sweep(), everywhere=True).cells[0].key == plan().cells[0].key
    monkeypatch.setattr(planning, "machine_facts", lambda: {**FACTS, "cpu": "Intel Xeon"})
    there = plan_sweep(sweep(**parts))
    assert [one.label for one in there.cells] == labels[1::2]
    assert [one.settings for one in there.cells] == [one.settings for one in found.cells[1::2]]


def test_a_table_that_no_cell_uses_is_a_note():
    (note,) = plan("epyc").notes
    assert note == "sweep: [machines.xeon]: no cell is of it"


def test_machines_are_part_of_what_a_sweep_is():
    ids = {
        identity_of(one)
        for one in (
            sweep(),
            sweep("epyc"),
            sweep("xeon"),
            sweep(machines=None),
            sweep("epyc", {"epyc": {"cpu": "*"}}),
        )
    }
    assert len(ids) == 5


TABLES = '[machines.epyc]\ncpu = "*EPYC*"\nusable_cores = 4\n[machines.xeon]\ncpu = "*Xeon*"\n'
GRID = '[grid]\nmodel = "steady"\nbackend = "fake"\n'


def test_a_file_and_python_make_equal_sweeps(toml):
    machines = {"epyc": {"cpu": "*EPYC*", "usable_cores": 4.0}, "xeon": {"cpu": "*Xeon*"}}
    from_file = toml(f'[sweep]\nname = "sweep"\n{TABLES}{GRID}machine = ["epyc", "xeon"]\n')
    assert from_file == sweep(["epyc", "xeon"], machines)
    assert identity_of(from_file) == identity_of(sweep(["epyc", "xeon"], machines))


def test_a_flag_chooses_machines_of_a_file(toml):
    flags = FlagValues(axes={"machine": ["xeon,epyc"]}, spelled={"machine": "--machine"})
    assert toml(TABLES + GRID + 'machine = "epyc"\n', flags).grid["machine"] == ("xeon", "epyc")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (TABLES + GRID + 'machine = "epic"\n', r"machine: no .* 'epic' is \(did you mean 'epyc'"),
        (GRID + 'machine = ["h100"]\n', r"no table says what 'h100' is: \[machines.h100\] in a"),
        (
            TABLES + GRID + 'machine = "epyc"\n[[exclude]]\nmachine = "xenon"\n',
            r"\[\[exclude\]\] machine: no table says what 'xenon' is \(did you mean 'xeon'",
        ),
        (TABLES + GRID + 'machine = ["every", "epyc"]\n', "'every' stands for every .*epyc among"),
        (GRID + "machine = [1]\n", "machine: 1 is not a text"),
        (GRID + 'machine = " "\n', "machine: ' ' is no name"),
        (GRID + "[machines.a]\n", r"\[machines.a\]: an empty one would be any machine; .*cpu"),
        (GRID + '[machines.every]\ncpu = "*"\n', "'every' is every kind of machine: choose"),
        (GRID + '[machines.a]\ncup = "*"\n', r"\[machines.a\]: unknown fact 'cup' \(did you mean"),
        (GRID + "[machines.a]\ncpu = 1\n", r"\[machines.a\] cpu: 1 is no pattern"),
        (GRID + '[machines.a]\ncpu = ""\n', r"\[machines.a\] cpu: '' is no pattern"),
        (GRID + '[machines.a]\nusable_cores = "4"\n', r"usable_cores: '4' is no number above 0"),
        (GRID + "[machines.a]\nusable_cores = true\n", "usable_cores: True is no number"),
        (GRID + "[machines.a]\nmemory_gib = inf\n", "memory_gib: inf is no number"),
        (GRID + f"[machines.a]\nmemory_gib = {10**400}\n", "memory_gib: 1000.* is no number"),
        ("machines = 1\n" + GRID, r"machines must be a table"),
        ("[machines]\na = 1\n" + GRID, r"\[machines.a\] must be a table, not 1"),
        (GRID + '[machines." "]\ncpu = "*"\n', "' ' is no name of a machine"),
    ],
)
def test_what_is_wrong_is_one_line_that_names_file_and_place(toml, text, complaint):
    with pytest.raises(SweepError, match=complaint) as wrong:
        toml(text)
    assert len(str(wrong.value).splitlines()) == 1
    assert "nightly.toml" in str(wrong.value)


def test_a_name_of_a_flag_without_a_table_names_the_flag():
    flags = FlagValues(
        axes={"model": ["steady"], "machine": ["h100"]}, spelled={"machine": "--machine"}
    )
    with pytest.raises(SweepError, match="^--machine: no table says what 'h100' is"):
        sweep_from(draft_of_flags(flags))


def test_a_sweep_of_several_machines_goes_on_with_the_records_of_others(tmp_path, monkeypatch):
    output = tmp_path / "perf.jsonl"
    both = sweep(["epyc", "xeon"], grid={"config": "small"}, settings={"passes": 3})
    (first,) = run_sweep(both, output=output)
    assert first.sweep["settings"]["machine"] == "epyc"
    monkeypatch.setattr(planning, "machine_facts", lambda: {**FACTS, "cpu": "Intel Xeon"})
    (second,) = run_sweep(both, output=output)
    assert second.sweep["settings"]["machine"] == "xeon"
    assert second.sweep["cell"] != first.sweep["cell"]
    assert len(output.read_text().splitlines()) == 2


def test_rows_of_other_machines_are_not_copied_between_targets(tmp_path, monkeypatch):
    outputs = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    both = sweep(["epyc", "xeon"], grid={"config": "small"}, settings={"passes": 3})
    (first,) = run_sweep(both, output=outputs)
    # the first machine has stored its row in one target, and not yet in the other
    outputs[1].write_text("")
    with monkeypatch.context() as on_another:
        on_another.setattr(planning, "machine_facts", lambda: {**FACTS, "cpu": "Intel Xeon"})
        (second,) = run_sweep(both, output=outputs)
    assert run_ids(outputs) == [[first.run_id, second.run_id], [second.run_id]]
    run_sweep(both, output=outputs)
    assert run_ids(outputs)[1] == [second.run_id, first.run_id]


def run_ids(outputs):
    return [
        [json.loads(line)["run_id"] for line in one.read_text().splitlines()] for one in outputs
    ]


def test_the_command_shows_what_is_elsewhere(ttbench, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fleet.toml").write_text(TABLES + GRID + 'machine = ["epyc", "xeon"]\n')
    done = ttbench("sweep", "fleet.toml", "--dry-run")
    assert done.code == 0, done.err
    assert "1: of machine xeon, which this is not" in done.out
    shown = json.loads(ttbench("sweep", "fleet.toml", "--dry-run", "--json").out)
    assert shown["elsewhere"] == {"xeon": 1}


@pytest.mark.parametrize("words", [("--dry-run",), ()])
def test_where_all_cells_are_elsewhere_the_exit_code_is_2(ttbench, tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fleet.toml").write_text(TABLES + GRID)
    done = ttbench("sweep", "fleet.toml", "--machine", "xeon", *words)
    assert done.code == 2
    assert "no cell is of the machine that this is: machine = " in " ".join(done.out.split())


def test_the_status_counts_the_cells_of_machines_that_this_is_not(ttbench, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fleet.toml").write_text(TABLES + GRID + 'machine = ["epyc", "xeon"]\n')
    words = ("sweep", "fleet.toml", "-o", "perf.jsonl", "--passes", "2")
    assert ttbench(*words).code == 0
    shown = json.loads(ttbench(*words, "--status", "--json").out)
    assert (shown["done"], shown["missing"]) == (1, 1)


def test_a_shard_has_the_same_cells_for_its_machine_and_for_whoever_looks():
    both = sweep(["epyc", "xeon"], grid={"seed": list(range(12)), "config": "small"})
    for number in (1, 2, 3):
        share = Share(Shard(number, 3))
        own = {one.label for one in plan_sweep(both, share=share).cells}
        every = {one.label for one in plan_sweep(both, share=share, everywhere=True).cells}
        assert own == {one for one in every if "epyc" in one}
