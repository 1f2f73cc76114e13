"""What a sweep is asked: from Python, from a file, from flags; and what is refused of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ttbench_core import DataFormat
from ttbench_core.errors import RequestError
from ttbench_core.sweeps.definition.definition_checks import sweep_from, sweep_of
from ttbench_core.sweeps.definition.flags import FlagValues, draft_of_flags
from ttbench_core.sweeps.definition.sweep import SweepError
from ttbench_core.sweeps.definition.toml_file import read_draft

COMPLETE = """
[sweep]
name = "nightly"
rounds = 3
output = ["perf.jsonl", "sqlite:///perf.db"]
seed = 7
cell_timeout = 600

[settings]
passes = 5
env = { OMP_WAIT_POLICY = "passive" }

[grid]
model = ["bert", "vit*"]
microbatch = "1..4 x2"
training = [false, true]
engine_options.lanes = [1, 2]

[[zip]]
dataformat = ["Fp32", "Fp16_b"]
backend_opt_level = [1, 2]

[[scenarios]]
name = "latency"
scenario = "latency"
microbatch = 1

[[scenarios]]
name = "plain"

[[exclude]]
model = "bert"
training = true
dataformat = ["Fp16_b"]
"""


def of_flags(**values):
    return sweep_from(draft_of_flags(FlagValues(**values)))


def test_a_file_has_every_part_of_a_definition(toml):
    sweep = toml(COMPLETE)
    assert sweep == sweep_of(
        name="nightly",
        rounds=3,
        outputs=["perf.jsonl", "sqlite:///perf.db"],
        order_seed=7,
        cell_timeout_s=600,
        settings={"passes": 5, "env": "OMP_WAIT_POLICY=passive"},
        grid={
            "engine_options": {"lanes": [1, 2]},
            "training": [False, True],
            "model": ["bert", "vit*"],
            "microbatch": [1, 2, 4],
        },
        zips=[{"dataformat": ["Fp32", DataFormat.FP16_B], "backend_opt_level": (1, 2)}],
        scenarios={"latency": {"scenario": "latency", "microbatch": 1}, "plain": {}},
        excludes=[{"model": "bert", "training": True, "dataformat": ["Fp16_b"]}],
    )
    assert sweep.grid["microbatch"] == (1, 2, 4)
    assert sweep.settings == {"passes": 5, "env": "OMP_WAIT_POLICY=passive"}


def test_the_complete_example_of_the_page_is_a_sweep(toml):
    page = Path(__file__).parents[3] / "docs" / "sweeps.md"
    sweep = toml(page.read_text().partition("```toml")[2].partition("```")[0])
    assert (sweep.rounds, sweep.cell_timeout_s) == (3, 600)
    assert all((sweep.settings, sweep.grid, sweep.zips, sweep.scenarios, sweep.excludes))


def test_flags_and_a_file_make_equal_sweeps(toml):
    from_flags = of_flags(
        axes={
            "model": ["bert,resnet"],
            "config": ["tiny", "resnet18"],
            "microbatch": ["1..64 x4"],
            "max_time": ["2.5"],
            "training": True,
            "env": ["A=1 B=2,3", "A=2"],
        },
        engine_options=["lanes=1,2", "lanes=4"],
        model_options=["deep"],
        name="nightly",
        rounds=2,
        outputs=["perf.json"],
        order_seed=3,
        cell_timeout_s=60.0,
    )
    from_file = toml(
        """
        [sweep]
        name = "nightly"
        rounds = 2
        output = "perf.json"
        seed = 3
        cell_timeout = 60
        [settings]
        max_time = 2.5
        model_options = { deep = true }
        [grid]
        training = true
        env = ["A=1 B=2,3", "A=2"]
        config = ["tiny", "resnet18"]
        model = ["bert", "resnet"]
        microbatch = [1, 4, 16, 64]
        engine_options.lanes = ["1", "2", "4"]
        """
    )
    assert from_flags == from_file


def test_the_order_of_axes_and_the_table_of_a_single_value_make_no_difference(toml):
    one = toml('[settings]\nmodel = "bert"\n[grid]\nmicrobatch = [1, 2]\nconfig = ["tiny"]\n')
    other = toml(
        '[settings]\nconfig = "tiny"\n[grid]\nmicrobatch = [1, 2]\nmodel = "bert"\n',
    )
    assert one == other


def test_several_tables_of_variables_are_several_values(toml):
    sweep = toml(MODEL + 'env = [{ A = "1" }, { A = 2, B = "x y" }]\n')
    assert sweep.grid["env"] == ("A=1", "A=2 'B=x y'")


def test_a_variable_of_several_values_is_refused_from_python_without_showing_them():
    with pytest.raises(SweepError, match="'TOKEN' has one value") as wrong:
        sweep_of(grid={"model": "bert", "env": {"TOKEN": ("secret1", "secret2")}})
    assert "secret" not in str(wrong.value)


def test_an_option_with_a_flag_of_its_own_may_stand_alone():
    sweep = sweep_of(grid={"model": "bert", "balancer_policy": ["CNN", "Ribbon"]})
    assert sweep.grid["engine_options.balancer_policy"] == ("CNN", "Ribbon")


def test_flags_replace_what_a_file_says_of_the_same_names(toml):
    flags = FlagValues(
        axes={"microbatch": ["16"], "model": ["gpt2"]}, rounds=5, name="mine", order_seed=9
    )
    text = '[sweep]\nrounds = 3\noutput = "a.json"\n[grid]\nmodel = ["bert"]\nmicrobatch = [1, 2]\n'
    sweep = toml(text, flags)
    assert (sweep.rounds, sweep.name, sweep.order_seed) == (5, "mine", 9)
    assert sweep.outputs == ("a.json",)
    assert sweep.grid == {"model": ("gpt2",)}
    assert sweep.settings == {"microbatch": 16}


def test_a_sweep_of_a_file_has_the_name_of_the_file(toml):
    assert toml('[grid]\nmodel = "bert"\n').name == "nightly"


def test_a_sweep_names_the_axes_that_may_differ(toml):
    axes = toml(COMPLETE).axes
    assert axes == (
        *("model", "training", "dataformat", "backend_opt_level", "microbatch", "scenario"),
        "engine_options.lanes",
    )


MODEL = '[grid]\nmodel = "bert"\n'


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[grid", "nightly.toml cannot be read"),
        ("[gird]\n", r"nightly.toml: unknown table 'gird' \(did you mean 'grid'\?\)"),
        ("grid = 1\n", r"nightly.toml: grid must be a table: \[grid\]"),
        ("[zip]\nmodel = []\n", r"zip must be a list of tables: \[\[zip\]\]"),
        ("[sweep]\nround = 1\n", r"\[sweep\]: unknown key 'round' \(did you mean 'rounds'\?\)"),
        (MODEL + "[sweep]\nrounds = 0\n", r"nightly.toml: \[sweep\] rounds: .*1 to 1000"),
        (MODEL + "[sweep]\nseed = 1.5\n", r"\[sweep\] seed: .*whole number"),
        (MODEL + "[sweep]\ncell_timeout = 0\n", r"\[sweep\] cell_timeout: .*above 0"),
        (MODEL + "[sweep]\noutput = 1\n", r"\[sweep\] output: must be a text"),
        (MODEL + '[sweep]\nname = ""\n', r"\[sweep\] name: '' is no name"),
        (
            MODEL + "microbach = [1]\n",
            r"\[grid\]: unknown .*'microbach' \(did you mean 'microbatch",
        ),
        (MODEL + "mb = [1]\n", r"unknown setting 'mb' \(did you mean 'microbatch'\?\)"),
        (MODEL + "microbatch = []\n", r"nightly.toml: \[grid\] microbatch: has no values"),
        (MODEL + "microbatch = [1.5]\n", r"\[grid\] microbatch: 1.5 is not a whole number"),
        (MODEL + "microbatch = [true]\n", r"\[grid\] microbatch: True is not a whole number"),
        (MODEL + "microbatch = [-1]\n", r"\[grid\] microbatch: microbatch must be 1 to"),
        (MODEL + 'microbatch = "1..9 x1"\n', r"\[grid\] microbatch: .*never ends"),
        (MODEL + 'training = ["no"]\n', r"\[grid\] training: 'no' is not true or false"),
        (MODEL + "config = [1]\n", r"\[grid\] config: 1 is not a text"),
        (MODEL + 'scenario = ["latncy"]\n', r"\[grid\] scenario: unknown .*did you mean 'latency'"),
        (MODEL + "engine_options.x = [nan]\n", r"\[grid\] engine_options.x: nan is no finite"),
        (MODEL + "engine_options.x = [1979-05-27]\n", "engine_options.x: .* is no number, text"),
        (
            MODEL + 'env = { A = ["1"] }\n',
            r"\[grid\] env: 'A' has one value, .*\[grid\] env = \[\{",
        ),
        (MODEL + 'env = [{ A = "1" }, { B = { C = 1 } }]\n', r"\[grid\] env: 'B' has one value"),
        (MODEL + '[settings.env]\n"A\\nB" = [1]\n', r"\[settings\] env: 'A\\nB' has one value"),
        (MODEL + "[settings.env]\nA = []\n", r"\[settings\] env: 'A' has one value"),
        (MODEL + "engine_options = 1\n", r"\[grid\]: engine_options is a table"),
        (MODEL + "[settings]\nmicrobatch = [1]\n", r"\[settings\] microbatch: .*for \[grid\]"),
        (MODEL + '[settings]\nmodel = "x"\n', "model is in two of"),
        (MODEL + "[[zip]]\nmicrobatch = [1, 2]\nlayers = [1]\n", "must be of one length: layers"),
        (MODEL + "[[zip]]\n", "it is empty"),
        ('[[zip]]\nmodel = ["vit*", "bert"]\nlayers = [1, 2]\n', "'vit\\*' may be several models"),
        (MODEL + "[[scenarios]]\nlayers = 1\n", "one has no name"),
        (MODEL + '[[scenarios]]\nname = "a"\n[[scenarios]]\nname = "a"\n', "two have the name 'a'"),
        (MODEL + '[[scenarios]]\nname = "a"\nlayers = [1]\n', r"\[\[scenarios\]\] 'a' layers: .*"),
        (MODEL + "[[exclude]]\nlayers = 1\n", r"\[\[exclude\]\] layers: no run sets it"),
        (MODEL + "[[exclude]]\n", "would exclude every run"),
        ("[grid]\nlayers = [1]\n", "nightly.toml: names no model"),
    ],
)
def test_what_is_wrong_is_one_line_that_names_file_and_place(toml, text, complaint):
    with pytest.raises(SweepError, match=complaint) as wrong:
        toml(text)
    assert isinstance(wrong.value, RequestError)
    assert len(str(wrong.value).splitlines()) == 1
    assert "nightly.toml" in str(wrong.value)


@pytest.mark.parametrize(
    "value",
    ["[" * 50_000, f"{'[' * 30}1{']' * 30}", f"{'{a=' * 30}1{'}' * 30}"],
    ids=["open lists", "lists", "tables"],
)
@pytest.mark.parametrize("name", ["engine_options.x", "env", "microbatch"])
def test_a_file_of_deep_values_is_refused_in_one_line(toml, name, value):
    with pytest.raises(SweepError, match=r"nightly.toml cannot be read: .*(more|nested) ") as wrong:
        toml(f"{MODEL}{name} = {value}\n")
    assert len(str(wrong.value)) < 300


def test_names_with_many_dots_are_refused_in_one_line(toml):
    with pytest.raises(SweepError, match=r"nightly.toml cannot be read: .*more "):
        toml(f"{MODEL}engine_options.{'a.' * 5000}b = 1\n")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SweepError, match=r"missing.toml cannot be read"):
        read_draft(tmp_path / "missing.toml")


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"axes": {"model": ["bert"], "microbatch": ["1,,2"]}}, "--microbatch: .*empty value"),
        ({"axes": {"model": ["bert"], "microbatch": ["x"]}}, "--microbatch: .*no number"),
        ({"axes": {"model": ["bert"], "pcc": ["x"]}}, "--pcc: 'x' is not a number"),
        ({"axes": {"model": ["bert"]}, "engine_options": ["=1"]}, "-B"),
        ({"axes": {"model": ["bert"]}, "rounds": 0}, "--rounds: "),
        ({"axes": {"model": ["bert"]}, "order_seed": -1}, "--order_seed: "),
        ({"axes": {"model": ["bert"]}, "cell_timeout_s": 0.0}, "--cell_timeout: "),
    ],
)
def test_a_wrong_flag_is_named(values, complaint):
    with pytest.raises(RequestError, match=complaint):
        of_flags(**values)


def test_a_flag_for_what_a_scenario_sets_is_refused(toml):
    text = MODEL + '[[scenarios]]\nname = "a"\nmicrobatch = 1\n'
    with pytest.raises(SweepError, match=r"--microbatch: microbatch is set by \[\[scenarios\]\]"):
        toml(text, FlagValues(axes={"microbatch": ["2"]}))
