"""The plan of a sweep: which cells there are, which are refused, and their keys."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path

import pytest

from ttbench_core.errors import RequestError, UnknownNameError
from ttbench_core.sweeps.definition.definition_checks import sweep_of
from ttbench_core.sweeps.definition.sweep import SweepError
from ttbench_core.sweeps.planning.estimating import SAME, SIMILAR, History
from ttbench_core.sweeps.planning.expanding import MAX_CELLS, assignments
from ttbench_core.sweeps.planning.identity import identity_of
from ttbench_core.sweeps.planning.planning import plan_sweep
from ttbench_core.sweeps.planning.requests import READ_BY_CAPABILITIES

pytestmark = pytest.mark.usefixtures("fake_engine")

PACKS = Path(__file__).parents[2] / "packs"
ZOO = """
from ttbench_core import BenchmarkModel
from ttbench_core.model import ZooModel

class Zoo:
    def models(self):
        return [
            ZooModel("eye_a", configs=["tiny"], task="image classification"),
            ZooModel("eye_b", configs=["tiny", "base"], task="image classification"),
            ZooModel("writer", task="making of fakes"),
        ]

    def builder(self, name):
        raise RuntimeError
"""


def sweep(scenarios=None, settings=None, zips=(), excludes=(), **grid):
    return sweep_of(
        grid={"model": "steady", "backend": "fake", **grid},
        scenarios=scenarios,
        settings=settings,
        zips=zips,
        excludes=excludes,
    )


def plan(*args, **parts):
    return plan_sweep(sweep(*args, **parts))


def settings_of(found):
    return [dict(one.settings) for one in found.cells]


@pytest.fixture
def zoo(fake_pack):
    fake_pack("zoo", "[ttbench.zoos]\nzoo = zoo_mod:Zoo\n", zoo_mod=ZOO)


def test_axes_multiply_and_each_cell_has_its_own_request():
    found = plan(config=["small", "large"], microbatch=[1, 8])
    asked = [one.request.options for one in found.runnable]
    assert [(one.config, one.microbatch) for one in asked] == [
        ("small", 1),
        ("small", 8),
        ("large", 1),
        ("large", 8),
    ]
    assert len({one.key for one in found.cells}) == 4
    assert [one.number for one in found.cells] == [1, 2, 3, 4]


def test_a_label_has_only_what_varies():
    found = plan(config=["small", "large"], microbatch=[1, 8], dataformat="Fp32")
    assert [one.label for one in found.cells][:2] == ["small microbatch=1", "small microbatch=8"]


def test_a_sweep_of_one_cell_is_labelled_by_its_model():
    assert [one.label for one in plan().cells] == ["steady"]


def test_lists_of_a_zip_move_together():
    found = plan(zips=[{"config": ["small", "large"], "microbatch": [8, 1]}], chips=[1, 2])
    asked = [one.request.options for one in found.cells]
    assert [(one.config, one.microbatch, one.chips) for one in asked] == [
        ("small", 8, 1),
        ("large", 1, 1),
        ("small", 8, 2),
        ("large", 1, 2),
    ]


def test_a_scenario_multiplies_the_grid_and_its_own_values_win():
    found = plan(
        scenarios={"one": {"scenario": "latency", "microbatch": 1}, "full": {}},
        microbatch=[2, 4],
    )
    asked = [(one.scenario, one.request.options) for one in found.cells]
    assert [(name, one.scenario, one.microbatch) for name, one in asked] == [
        ("one", "latency", 1),
        ("full", "throughput", 2),
        ("full", "throughput", 4),
    ]
    assert found.cells[0].label.startswith("one ")
    assert found.merged == 0


def test_an_exclusion_leaves_out_cells_that_match_all_of_it():
    found = plan(
        config=["small", "large"],
        microbatch=[1, 2, 4],
        excludes=[{"config": "large", "microbatch": [2, 4]}, {"model": "ste*", "microbatch": 1}],
    )
    asked = [one.request.options for one in found.cells]
    assert [(one.config, one.microbatch) for one in asked] == [("small", 2), ("small", 4)]
    assert found.excluded == 4


@pytest.mark.parametrize("word", ["sm*", "smal?", "[s]mall"])
def test_an_exclusion_takes_patterns_of_configurations(word):
    found = plan(config="all", excludes=[{"config": word}])
    assert [one.request.options.config for one in found.cells] == ["large"]
    assert (found.excluded, found.notes) == (1, ())


def test_an_exclusion_of_all_configurations_leaves_a_model_without_any(zoo):
    found = plan(model=["eye_b", "writer"], config="all", excludes=[{"config": "all"}])
    assert [one.request.options.model for one in found.cells] == ["writer"]


def test_an_exclusion_that_matches_no_cell_is_a_note():
    found = plan(
        config=["small", "large"],
        microbatch=[1, 2],
        env=["A_TOKEN=secret1", "B=1"],
        excludes=[
            {"config": "tin*", "microbatch": [1, 2]},
            {"model": "ste*", "microbatch": 1},
            {"microbatch": 1},
            {"env": "A_TOKEN=secret2"},
        ],
    )
    first, second = found.notes
    assert first == (
        "[[exclude]] config = tin*, microbatch = 1 or 2: matches no cell, so that it excludes"
        " nothing"
    )
    assert second.startswith("[[exclude]] env = ")
    assert "secret" not in second


def test_a_model_leaves_out_the_configurations_of_others(zoo):
    found = plan(model=["steady", "eye_a", "plain"], config=["small", "tiny"])
    asked = [one.request.options for one in found.cells]
    assert [(one.model, one.config) for one in asked] == [("steady", "small"), ("eye_a", "tiny")]
    assert [(one.reason, one.cells) for one in found.left_out] == [
        ("eye_a has no configuration small", 1),
        ("plain has no configuration small", 1),
        ("plain has no configuration tiny", 1),
        ("steady has no configuration tiny", 1),
    ]


@pytest.mark.parametrize(
    ("word", "pairs"),
    [
        ("all", [("eye_a", "tiny"), ("eye_b", "tiny"), ("eye_b", "base"), ("writer", None)]),
        ("b*", [("eye_b", "base")]),
    ],
)
def test_a_pattern_names_the_configurations_of_each_model(zoo, word, pairs):
    found = plan(model=["eye_a", "eye_b", "writer"], config=word)
    asked = [one.request.options for one in found.cells]
    assert [(one.model, one.config) for one in asked] == pairs


def test_a_configuration_that_no_model_has_is_an_error():
    with pytest.raises(UnknownNameError, match=r"configuration 'larg' \(did you mean 'large'\?\)"):
        plan(config=["small", "larg"])


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("eye*", ["eye_a", "eye_b"]),
        ("eye_?", ["eye_a", "eye_b"]),
        ("task:making of fakes", ["writer"]),
        ("task: Making", ["writer"]),
        ("zoo:eye_b", ["eye_b"]),
    ],
)
def test_a_pattern_names_models(zoo, pattern, names):
    assert [one.request.options.model for one in plan(model=pattern).cells] == names


def test_all_names_every_model_that_can_be_used(zoo):
    names = {one.request.options.model for one in plan(model="all").cells}
    assert {"steady", "plain", "eye_a", "writer"} <= names


def test_a_model_that_two_patterns_name_is_there_once(zoo):
    assert len(plan(model=["eye*", "eye_a"]).cells) == 2


@pytest.mark.parametrize(
    ("word", "complaint"),
    [
        ("stedy", r"sweep: unknown model 'stedy' \(did you mean 'steady'\?\)"),
        ("nothing*", r"sweep: no installed model matches 'nothing\*'"),
        ("task:weather", "sweep: no installed model does 'task:weather'"),
    ],
)
def test_a_model_that_is_nowhere_is_an_error(word, complaint):
    with pytest.raises(UnknownNameError, match=complaint):
        plan(model=word)


@pytest.fixture
def loaders(monkeypatch):
    """Go to a folder with loaders in the form of tt-forge-models."""
    folder = PACKS / "loaders"
    monkeypatch.chdir(folder)
    return folder


def test_a_loader_is_a_model_whose_variants_are_its_configurations(loaders):
    named, listed = (f"loader:acme_loaders.{one}.loader" for one in ("named", "listed"))
    found = plan(model=[named, listed], config="all")
    assert [(one["model"], one.get("config")) for one in settings_of(found)] == [
        (named, "Small_v1"),
        (named, "acme/large"),
        (listed, None),
    ]
    assert not [name for name in sys.modules if name.startswith("acme_loaders")]


def test_a_variant_that_a_loader_lacks_is_an_error(loaders):
    with pytest.raises(UnknownNameError, match="has a configuration 'huge'"):
        plan(model="loader:acme_loaders.named.loader", config="huge")


def test_a_loader_that_is_nowhere_is_an_error_that_says_where_it_was_looked_for(loaders):
    with pytest.raises(UnknownNameError, match="acme_loaders has no 'nothing'"):
        plan(model="loader:acme_loaders.nothing.loader")


def test_the_key_of_a_loader_changes_with_its_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = "class ModelLoader:\n    def load_model(self): ...\n    def load_inputs(self): ...\n"
    (tmp_path / "one_loader.py").write_text(text)
    before = plan(model="loader:one_loader").cells[0].key
    assert plan(model="loader:one_loader").cells[0].key == before
    (tmp_path / "one_loader.py").write_text(text + "# changed\n")
    assert plan(model="loader:one_loader").cells[0].key != before


def test_a_format_that_an_engine_lacks_is_a_refused_cell_with_the_reason():
    found = plan(dataformat=["Fp32", "Int99"])
    assert [one.label for one in found.runnable] == ["Fp32"]
    (refused,) = found.refused
    assert "has no data format Int99" in str(refused.refused)


def test_an_engine_that_cannot_run_here_and_one_that_is_unknown_refuse_their_cells():
    found = plan(backend=["fake", "absent", "nope"])
    assert [one.label for one in found.runnable] == ["fake"]
    absent, unknown = found.refused
    assert absent.refused == "backend 'absent' cannot run here: there is no card; plug one in"
    assert "unknown backend 'nope'" in str(unknown.refused)


def test_an_engine_that_ends_its_process_refuses_its_cells(fake_pack):
    code = "import os\nos.abort()\n"
    fake_pack("ends", "[ttbench.backends]\nends = ends_mod:X\n", ends_mod=code)
    found = plan(backend=["fake", "ends"])
    (refused,) = found.refused
    assert "SIGABRT" in str(refused.refused)


def test_an_option_that_an_engine_does_not_declare_is_refused(fake_pack):
    found = plan(**{"engine_options.lanes": [1, 2]})
    assert [str(one.refused) for one in found.cells] == ["backend 'fake' has no option 'lanes'"] * 2


def test_a_model_whose_pack_is_broken_is_refused(fake_pack):
    fake_pack("bad", "[ttbench.models]\nbad = bad_mod:x\n", bad_mod="raise ValueError('no')\n")
    found = plan(model=["steady", "bad"])
    assert [one.label for one in found.runnable] == ["steady"]
    assert "ValueError: no" in str(found.refused[0].refused)


def test_settings_that_contradict_each_other_are_an_error_that_names_the_run():
    complaint = "sweep: the run steady training .*--verify and --pcc are about outputs of inference"
    with pytest.raises(SweepError, match=complaint):
        plan(training=[False, True], settings={"verify": True})


def test_cells_that_measure_the_same_are_one():
    found = plan(config=["large", "small"], dataformat=["Bfp8_b", "Bfp8_b"], microbatch=[0, 4])
    assert [one.same for one in found.cells] == [2, 2, 2, 2]
    assert found.merged == 4


def test_a_default_that_is_written_out_makes_the_same_cell():
    (bare,) = plan().cells
    written = {"config": "large", "dataformat": "Bfp8_b", "backend_opt_level": 4}
    (full,) = plan(settings=written).cells
    assert full.key == bare.key
    assert plan(settings={"config": "small"}).cells[0].key != bare.key


def test_a_key_does_not_depend_on_the_order_of_axes_or_the_process(python, fake_engine):
    def keys(grid):
        code = (
            "from ttbench_core.sweeps.definition.definition_checks import sweep_of\n"
            "from ttbench_core.sweeps.planning.planning import plan_sweep\n"
            f"found = plan_sweep(sweep_of(grid={grid!r}))\n"
            "import json; print(json.dumps([one.key for one in found.cells]))"
        )
        done = python("-c", code, path=fake_engine, PYTHONHASHSEED="random")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    grid = {"model": ["steady"], "backend": ["fake"], "config": ["small", "large"], "chips": [1, 2]}
    assert keys(grid) == keys(dict(reversed(grid.items())))


def test_another_version_of_the_engine_or_the_machine_has_another_key(monkeypatch):
    from ttbench_core.sweeps.planning import planning

    (before,) = plan().cells
    facts = planning.machine_facts()
    monkeypatch.setattr(planning, "machine_facts", lambda: {**facts, "usable_cores": 999})
    (elsewhere,) = plan().cells
    assert elsewhere.key != before.key


def test_a_newer_pack_of_the_model_has_another_key(fake_pack):
    def key(version):
        fake_pack("shapes", "[ttbench.models]\nshape = shape_mod:f\n", version, shape_mod=SHAPE)
        return plan(model="shapes:shape").cells[0].key

    assert key("1.0") != key("2.0")


INTERPRETER = """
import json
print(json.dumps({"python": {"version": "3.12.1"}, "software": [], "packs": [],
                  "backends": [{"name": "fake", "state": "usable"}]}))
"""


def test_another_interpreter_says_what_it_can_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "python"
    file.write_text(f"#!{sys.executable}\n{INTERPRETER}")
    file.chmod(0o755)
    (tmp_path / "ttbench.toml").write_text('[interpreters]\nother = "./python"\n')
    # a model that only the other one has is found by the run itself
    found = plan(model=["steady", "elsewhere"], python="other", backend=["fake", "absent"])
    asked = [(one.request.options.model, str(one.request.interpreter)) for one in found.runnable]
    assert asked == [("steady", f"other ({file})"), ("elsewhere", f"other ({file})")]
    assert {str(one.refused) for one in found.refused} == {
        f"--python other ({file}) cannot run backend 'absent': it has fake"
    }


def test_an_interpreter_of_no_settings_is_an_error(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SweepError, match="sweep: --python nobody: no interpreter of that name"):
        plan(python="nobody")


SHAPE = "def f(training):\n    return [], []\n"


def test_the_engine_is_chosen_where_none_is_named(fake_pack):
    code = """
from ttbench_fake_engine import FakeBackend
from dataclasses import replace
class Best(FakeBackend):
    name = "best"
    def capabilities(self):
        return replace(super().capabilities(), rank=99)
"""
    fake_pack("best", "[ttbench.backends]\nbest = best_mod:Best\n", best_mod=code)
    found = plan_sweep(sweep_of(grid={"model": "steady"}))
    assert [one.request.options.backend for one in found.runnable] == ["best"]


def test_values_of_variables_that_no_record_has_are_hidden():
    found = plan(env=["MY_SECRET=abc123", "MY_SECRET=def456", "OMP_NUM_THREADS=2"])
    assert len({one.key for one in found.cells}) == 3
    labels = [one.label for one in found.cells]
    assert labels[2] == "env=OMP_NUM_THREADS=2"
    assert len(set(labels)) == 3
    assert not any("abc123" in text or "def456" in text for text in labels)
    assert "abc123" not in json.dumps(settings_of(found))


def test_too_many_cells_are_refused_before_they_are_made():
    asked = sweep(microbatch="1..9999", seed="1..9999", config=["small", "large"])
    with pytest.raises(SweepError, match=f"199,960,002 cells; at most {MAX_CELLS:,}"):
        next(assignments(asked))


def test_the_rounds_are_orders_of_the_cells_that_can_run():
    asked = sweep_of(
        grid={"model": "steady", "backend": ["fake", "absent"], "microbatch": "1..6"}, rounds=2
    )
    found = plan_sweep(asked)
    first, second = found.order(1), found.order(2)
    assert first == second[::-1]
    assert set(first) == set(found.runnable)
    assert found.runs == 12


def test_the_identity_is_of_what_is_measured():
    one = sweep_of(grid={"model": "steady", "microbatch": [1, 2]})
    same = sweep_of(
        grid={"microbatch": [1, 2], "model": "steady"},
        name="x",
        outputs=["a.json"],
        rounds=3,
        order_seed=4,
    )
    assert identity_of(one) == identity_of(same)
    assert identity_of(one) != identity_of(sweep_of(grid={"model": "steady", "microbatch": [1]}))


def record(seconds, *, cell=None, backend="fake", status="ok", **changes):
    phases = {"build": 1, "passes": int(seconds * 1e9) - 1}
    return {
        "status": status,
        "model": {"name": "steady", "config": "large"},
        "args": {"backend": backend},
        "phases_ns": phases,
        "sweep": {"cell": cell} if cell else None,
        **changes,
    }


def test_a_time_is_that_of_the_same_cell_or_else_the_median_of_similar_ones():
    first, second = plan(microbatch=[1, 2]).cells
    others = [record(one) for one in (2, 4, 90)]
    found = plan_sweep(sweep(microbatch=[1, 2]), History([record(7, cell=first.key), *others]))
    same, similar = found.estimates[first.key], found.estimates[second.key]
    assert (same.seconds, same.low_s, same.high_s, same.basis) == (7, 7, 7, SAME)
    assert (similar.seconds, similar.low_s, similar.high_s) == (5.5, 2, 90)
    assert similar.basis == SIMILAR
    assert found.estimate is not None
    assert (found.estimate.seconds, found.estimate.low_s, found.estimate.high_s) == (12.5, 9, 97)


def test_times_of_several_processes_add_up():
    processes = [{"phases_ns": {"passes": 3_000_000_000}}, {"phases_ns": {"passes": 2_000_000_000}}]
    history = History([record(3, processes=processes)])
    estimate = history.estimate("", ("steady", "large", "fake"))
    assert estimate is not None
    assert estimate.seconds == 5


@pytest.mark.parametrize(
    "odd",
    [
        None,
        [],
        {"status": "ok"},
        record(1, status="failed"),
        record(1, phases_ns={"passes": "long"}),
        record(1, phases_ns={"passes": float("inf")}),
        record(1, phases_ns=[1]),
        record(1, model={"name": ["steady"]}),
        record(1, backend={"name": "fake"}),
        record(1, sweep={"cell": 5}, model=None, args=None),
        record(1, backend="other"),
    ],
)
def test_an_odd_record_gives_no_time(odd):
    assert History([odd]).estimate("x", ("steady", "large", "fake")) is None


def test_planning_imports_no_torch(python, fake_engine):
    code = (
        "import sys\n"
        "from ttbench_core.sweeps.definition.definition_checks import sweep_of\n"
        "from ttbench_core.sweeps.planning.planning import plan_sweep\n"
        "plan_sweep(sweep_of(grid={'model': 'steady', 'backend': ['fake', 'torch']}))\n"
        "plan_sweep(sweep_of(grid={'model': 'steady'}))\n"
        "print('torch' in sys.modules)"
    )
    done = python("-c", code, path=fake_engine)
    assert done.stdout.strip() == "False", done.stderr


def test_what_is_checked_once_for_many_cells_is_all_that_capabilities_decide_about():
    """A request that reads anything else would be refused, or not, for the wrong reason."""
    from ttbench_core.backends.loading import load_backend
    from ttbench_core.backends.refusals import refuse_unsupported
    from ttbench_core.request.options import RunOptions

    read = set()

    class Watched:
        def __init__(self, options):
            self._options = options

        def __getattr__(self, name):
            read.add(name)
            return getattr(self._options, name)

    capabilities = load_backend("fake").capabilities
    for options in (RunOptions("steady"), RunOptions("steady", dataformat="Int99", device="fake")):
        with contextlib.suppress(RequestError):
            refuse_unsupported(Watched(options), "fake", capabilities)
    assert read <= {*READ_BY_CAPABILITIES, "engine_options", "wants_trace"}
    assert {"dataformat", "training", "engine_options"} <= read


def test_another_commit_of_the_checkout_has_another_key(monkeypatch):
    def key_at(commit):
        monkeypatch.setattr("ttbench_core.sweeps.planning.cell_making.commit_of", lambda _: commit)
        return plan().cells[0].key

    assert key_at("aaaa") != key_at("bbbb")
    assert key_at("aaaa") == key_at("aaaa")
    assert key_at(None) not in (key_at("aaaa"), key_at("bbbb"))
