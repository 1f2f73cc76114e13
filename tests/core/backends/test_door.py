"""An engine from outside: its options, formats and devices count as the core's own do."""

from __future__ import annotations

import json
import os
import re
import sys
import threading
from pathlib import Path

import pytest

import ttbench_core
from ttbench_core import RunOptions
from ttbench_core.backends.aot_inductor.backend import AotInductorBackend
from ttbench_core.backends.engine_options import saves_image, spelled_options, with_spelled_options
from ttbench_core.backends.planning import plan
from ttbench_core.backends.selection import choose_backend, choose_backend_and_plugin
from ttbench_core.errors import OptionError, RequestError, UnsupportedOptionError
from ttbench_core.plugins.containment import contained
from ttbench_core.plugins.registry import MODELS, find, load
from ttbench_core.request.options import Trace
from ttbench_core.results.comparison.key import key_of

PACKS = Path(__file__).parents[2] / "packs"
QUICK = {"passes": 1, "warmup": 0, "roofline": False, "progress": False}


@pytest.fixture
def npu(monkeypatch):
    monkeypatch.syspath_prepend(PACKS / "npu")
    return choose_backend("npu")


def chosen(**options):
    return choose_backend_and_plugin(RunOptions("m", **options))[0].name


def run(model="one_stage", **options):
    return ttbench_core.run(model, **{**QUICK, **options})


# ----- which engine ----------------------------------------------------------------------------


def test_an_accelerator_is_chosen_before_the_processor_without_being_named(npu):
    assert chosen() == "npu"
    assert run().backend == "npu"


@pytest.mark.torch
def test_a_kind_of_device_finds_the_backend_that_has_it(npu):
    assert chosen(device="npu:0") == "npu"
    assert chosen(device="cpu") == "torch"


@pytest.mark.torch
def test_a_backend_that_declares_no_rank_runs_only_when_its_name_or_device_is_asked(
    npu, monkeypatch
):
    from dataclasses import replace

    modest = replace(npu.capabilities(), rank=0)
    monkeypatch.setattr(type(npu), "capabilities", lambda self: modest)
    assert chosen() == "torch"
    assert chosen(device="npu") == "npu"
    assert chosen(backend="npu") == "npu"


# ----- options ---------------------------------------------------------------------------------


def test_options_reach_the_engine_as_its_own_dataclass_with_its_own_types(npu):
    asked = {"lanes": "8", "tile": "large", "share": 1}
    engine = plan(RunOptions("m", engine_options=asked), npu).engine
    assert (engine.lanes, engine.tile.name, engine.share, engine.turbo) == (8, "LARGE", 1.0, False)


@pytest.mark.parametrize("text", ["1", "true", "Yes", "on", True])
def test_a_switch_is_read_from_any_usual_word(npu, text):
    assert plan(RunOptions("m", engine_options={"turbo": text}), npu).engine.turbo is True


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"lane": 4}, r"'npu' has no option 'lane' \(did you mean 'lanes'\?\)"),
        ({"lanes": "x"}, "-B lanes must be a whole number, not 'x'"),
        ({"lanes": 2.5}, "-B lanes must be a whole number, not 2.5"),
        ({"lanes": 3}, "unknown -B lanes 3: one of 1, 2, 4, 8"),
        ({"turbo": "maybe"}, "-B turbo must be true or false, not 'maybe'"),
        ({"turbo": 1}, "-B turbo must be true or false, not 1"),
        ({"tile": "smal"}, r"unknown -B tile 'smal': one of small, large \(did you mean 'small'"),
        ({"share": 1.5}, "-B share must be 0 or more and 1 or less, not 1.5"),
        ({"share": "nan"}, "-B share must be 0 or more and 1 or less, not nan"),
        ({"turbo": True, "lanes": 8}, "turbo has no power for 8 lanes"),
    ],
)
def test_a_wrong_option_is_refused_with_what_would_be_right(npu, asked, message):
    with pytest.raises(OptionError, match=message):
        plan(RunOptions("m", engine_options=asked), npu)


@pytest.mark.torch
def test_an_option_of_another_engine_is_refused_with_the_engine_that_has_it(npu):
    with pytest.raises(UnsupportedOptionError, match="no option 'lanes'; use --backend npu"):
        plan(RunOptions("m", engine_options={"lanes": 4}), choose_backend("torch"))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("lanes=4", "engine_options is a mapping of names to values, not 'lanes=4'"),
        ({"la nes": 4}, "engine_options: 'la nes' is no name of an option"),
        ({"lanes": [4]}, r"engine_options: lanes is a number, a text or a boolean, not \[4\]"),
    ],
)
def test_engine_options_are_plain_values_by_name(given, message):
    with pytest.raises(OptionError, match=message):
        RunOptions("m", engine_options=given)


def test_options_are_in_the_record_as_asked_and_as_they_ran(npu):
    result = run(engine_options={"lanes": 2, "turbo": False, "log": "x.log"})
    assert result.requested["engine_options"] == {"lanes": 2, "turbo": False, "log": "x.log"}
    assert result.args["engine_options"] == {"lanes": 2}
    assert result.effective["engine_options"] == {
        "lanes": 2,
        "turbo": False,
        "tile": "small",
        "share": None,
        "log": "x.log",
    }


def test_compare_holds_options_alike_but_not_those_that_change_nothing(npu):
    plain, logged, narrow = (
        run(engine_options=one) for one in ({}, {"log": "x.log", "lanes": 4}, {"lanes": 2})
    )
    assert key_of(plain) == key_of(logged)
    (difference,) = key_of(plain).differences(key_of(narrow))
    assert str(difference) == "engine_options unset against lanes=2"


def test_the_command_line_takes_options_and_shows_them(npu, ttbench):
    words = ["-m", "one_stage", "--passes", "1", "--warmup", "0", "--json"]
    done = ttbench(*words, "-B", "lanes=2", "-B", "turbo", "-B", "lanes=1")
    assert json.loads(done.out)["args"]["engine_options"] == {"lanes": 1, "turbo": True}
    assert "npu has 5 options of its own: ttbench info --backend npu" in ttbench("--help").out
    shown = ttbench("info", "--backend", "npu").out
    assert "-B lanes=" in shown
    assert "Lanes to compute with (default 4) {1,2,4,8}" in shown
    assert "8-bit integers; outputs count as right from a correlation of 0.9 on" in shown
    assert "MYNPU_*, NPU_MODE of the environment" in shown
    facts = json.loads(ttbench("info", "--backend", "npu", "--json").out)
    assert facts["options"][0]["choices"] == ["1", "2", "4", "8"]


@pytest.mark.parametrize(
    ("word", "shown"), [("=4", "=***"), ("4", "4"), ("la-nes=1", "la-nes=***"), ("", "")]
)
def test_a_word_that_sets_no_option_is_refused(npu, ttbench, word, shown):
    done = ttbench("-m", "one_stage", "-B", word)
    assert done.code == 2
    assert f"-B {shown!r} sets no option: write -B NAME=VALUE" in done.complaint


def test_options_reach_a_process_of_its_own(npu):
    result = run(engine_options={"lanes": 2, "tile": "large"}, env="MYNPU_TURBO=1")
    assert result.effective["engine_options"]["tile"] == "large"


def test_variables_that_an_engine_declares_are_recorded_and_no_others(npu, monkeypatch):
    monkeypatch.setenv("NPU_MODE", "quiet")
    monkeypatch.setenv("NPU_SECRET", "hunter2")
    result = run(env={"MYNPU_TURBO": "1", "PASSWORD": "hunter2"})
    assert result.environment["MYNPU_TURBO"] == "1"
    assert result.environment["NPU_MODE"] == "quiet"
    assert result.requested["env"] == "MYNPU_TURBO=1 'PASSWORD=<not recorded>'"
    assert "hunter2" not in result.to_json()


def test_a_variant_adds_its_options_to_those_of_both(npu):
    quick = {"passes": 1, "warmup": 0, "roofline": False, "progress": False, "processes": 1}
    both = ttbench_core.run_ab(
        "one_stage", {"engine_options": {"turbo": True}}, engine_options={"lanes": 2}, **quick
    )
    assert both.b.args["engine_options"] == {"lanes": 2, "turbo": True}


def test_options_that_raise_anything_are_one_line(npu, monkeypatch):
    import dataclasses

    def explode(self):
        raise TypeError("boo")

    odd = dataclasses.make_dataclass(
        "Odd", [("x", int, 1)], frozen=True, namespace={"__post_init__": explode}
    )
    changed = dataclasses.replace(npu.capabilities(), options=odd)
    monkeypatch.setattr(type(npu), "capabilities", lambda self: changed)
    with pytest.raises(OptionError, match="cannot be made: TypeError: boo"):
        plan(RunOptions("m"), npu)


# ----- flags of the core's engines -------------------------------------------------------------


def test_keywords_with_a_flag_of_their_own_become_options_of_the_engine():
    keywords = {"config": "a", "galaxy": True, "save_tti": "", "microbatch_count": 1}
    assert with_spelled_options(keywords) == {"config": "a", "engine_options": {"galaxy": True}}
    assert with_spelled_options({"config": "a"}) == {"config": "a"}


def test_options_with_a_flag_are_in_every_record_where_scripts_look_for_them(npu):
    result = run()
    assert set(spelled_options()) <= set(result.args)
    assert result.args["microbatch_count"] == 1
    assert result.args["balancer_policy"] == "default"


def test_an_option_that_saves_a_model_is_known_by_its_role():
    assert saves_image({"save_tti": "x"}) == "--save_tti"
    assert saves_image({"load_tti": "x"}) is None


# ----- formats ---------------------------------------------------------------------------------


def test_a_format_of_its_own_is_the_default_or_asked_for(npu):
    assert plan(RunOptions("m"), npu).data_format.value == "Int8"
    result = run(dataformat="Int8")
    assert result.args["dataformat"] == result.effective["format"] == "Int8"


def test_a_format_that_only_another_backend_has_is_refused_with_that_backend(npu):
    with pytest.raises(UnsupportedOptionError, match=r"no data format Int8 .*--backend npu"):
        plan(RunOptions("m", dataformat="Int8"), AotInductorBackend())


def test_a_misspelled_format_is_refused_with_near_misses(npu):
    with pytest.raises(UnsupportedOptionError, match=r"format int8 .*did you mean 'Int8'"):
        plan(RunOptions("m", dataformat="int8"), npu)


# ----- what will run is refused, not what was typed --------------------------------------------


@pytest.mark.parametrize("more", [{}, {"verify": False}, {"env": "NPU_MODE=1"}])
def test_a_model_that_generates_by_habit_is_refused_where_there_is_no_generation(npu, more):
    message = "'npu' has no generation, and this model generates 20 tokens .*: add --no-gen"
    with pytest.raises(RequestError, match=message):
        run("speaks", **more)
    assert run("speaks", generative=False).model["unit"] == "sample"


def test_stages_on_the_host_are_refused_where_only_a_device_stage_runs(npu):
    with pytest.raises(RequestError, match=r"device stage alone, and this model has cpu_pre"):
        run("staged")


def test_inputs_of_a_kind_that_a_backend_does_not_take_are_refused(npu):
    with pytest.raises(RequestError, match="'npu' takes no inputs by name, as this model has: use"):
        run("named")


def test_a_backend_need_not_declare_that_it_runs_without_a_trace(npu, monkeypatch):
    from dataclasses import replace

    tracing = replace(npu.capabilities(), traces=(Trace.LIGHT,))
    monkeypatch.setattr(type(npu), "capabilities", lambda self: tracing)
    plan(RunOptions("m"), npu)
    with pytest.raises(UnsupportedOptionError, match="has no trace verbose"):
        plan(RunOptions("m", trace="verbose"), npu)


# ----- one broken engine -----------------------------------------------------------------------

BROKEN = {
    "gives_a_dict": ("def capabilities(self): return {}", "gave a dict: give a"),
    "has_no_compile": ("compile = None", r"is not a backend: it has no compile\(\)"),
    "other_name": ("name = 'another'", "its name is 'another' and it is registered as"),
    "raises": ("def capabilities(self): raise RuntimeError('boo')", "RuntimeError: boo"),
    "exits": ("def __init__(self): raise SystemExit(3)", "SystemExit"),
    "odd_options": ("def capabilities(self): return odd(options=dict)", "declared as a dataclass"),
    "odd_level": ("def capabilities(self): return odd(default_opt_level=9)", "default_opt_level 9"),
    "no_such_level": (
        "def capabilities(self): return odd(compared_opt_levels=(0, 9))",
        "9 of its compared_opt_levels is not in its opt_levels",
    ),
    "odd_levels": (
        "def capabilities(self): return odd(compared_opt_levels='0')",
        "compared_opt_levels must be a list of levels",
    ),
    "odd_inputs": ("def capabilities(self): return odd(input_kinds={'maps'})", "not {'maps'}"),
    "odd_rank": ("def capabilities(self): return odd(rank='high')", "rank must be a number"),
    "no_fidelities": (
        "def capabilities(self): return odd(math_fidelities=None)",
        "math_fidelities must be a list of MathFidelity, not None",
    ),
    "odd_formats": ("def capabilities(self): return odd(data_formats=('Fp32',))", "data_formats"),
    "one_variable": ("def capabilities(self): return odd(variables='NPU')", "variables must be"),
    "a_word": ("def capabilities(self): return odd(threads='yes')", "threads must be true or fal"),
    "panics": ("def __init__(self):\n        class P(BaseException): pass\n        raise P", "P"),
    "own_flags": ("def capabilities(self): return odd(options=Flagged)", "has flags of its own"),
    "odd_kinds": (
        "def capabilities(self): return odd(device_kinds='npu')",
        "device_kinds must be a list",
    ),
    "all_variables": ("def capabilities(self): return odd(variables=('*',))", "variables must be"),
}


@pytest.fixture(params=list(BROKEN))
def broken(request, npu, fake_pack):
    name = request.param
    body, message = BROKEN[name]
    own_name = "" if name == "other_name" else f"    name = {name!r}\n"
    fake_pack(
        "broken-engine",
        f"[ttbench.backends]\n{name} = broken_engine:Backend\n",
        broken_engine=(
            "from dataclasses import replace\nfrom ttbench_npu import NpuBackend\n"
            "from ttbench_core.backends.protocol import engine_option\n"
            "from dataclasses import make_dataclass\n"
            "x = ('x', int, engine_option(1, help='', flags=['--x']))\n"
            "Flagged = make_dataclass('Flagged', [x], frozen=True)\n"
            "def odd(**changes): return replace(NpuBackend().capabilities(), **changes)\n"
            f"class Backend(NpuBackend):\n{own_name}    {body}\n"
        ),
    )
    return name, message


def test_a_broken_backend_is_one_line_that_names_it(broken, ttbench):
    name, message = broken
    done = ttbench("-m", "one_stage", "--backend", name)
    assert done.code == 2
    assert re.search(f"broken-engine:{name}.*{message}", done.complaint)


def test_a_broken_backend_breaks_no_other(broken, ttbench):
    assert chosen() == "npu"
    assert ttbench("-m", "one_stage", "--passes", "1", "--warmup", "0").code == 0
    refused = ttbench("-m", "one_stage", "--backend", "npu", "--threads", "2")
    assert refused.complaint.endswith("has no choice of --threads; use --backend torch")
    assert "npu has 5 options" in ttbench("--help").out


@pytest.mark.usefixtures("asked_engines")
def test_doctor_is_not_ready_with_a_broken_backend(broken, ttbench):
    name, _ = broken
    done = ttbench("doctor")
    assert done.code == 1
    assert f"no: {name}: broken backends" in done.out


@pytest.mark.parametrize(("method", "what"), [("check", "check a"), ("devices_for", "plan its")])
def test_a_backend_that_fails_before_a_run_is_one_line(npu, ttbench, monkeypatch, method, what):
    def fail(self, options, engine):
        raise RuntimeError("boo\nhoo")

    monkeypatch.setattr(type(npu), method, fail, raising=False)
    done = ttbench("-m", "one_stage", "--backend", "npu", "--in-process")
    assert done.code == 2
    assert f"backend 'npu' cannot {what}" in done.complaint
    assert done.complaint.endswith("RuntimeError: boo hoo")


LEAVERS = {
    "at import": "import os; os._exit(0)",
    "when made": "import os\nclass B:\n    def __init__(self): os._exit(0)",
}


@pytest.mark.parametrize("when", LEAVERS)
@pytest.mark.parametrize(
    "words", [["-m", "steady", "--backend", "leaver"], ["info", "--backend", "leaver"]]
)
def test_a_backend_that_ends_its_process_does_not_end_the_command(
    fake_engine, fake_pack, ttbench, when, words
):
    fake_pack("leaver", "[ttbench.backends]\nleaver = leaver_mod:B\n", leaver_mod=LEAVERS[when])
    done = ttbench(*words)
    assert done.code == 2
    assert "leaver" in done.complaint
    assert "called os._exit(0)" in done.complaint
    assert ttbench("--help").code == 0


def test_a_process_that_a_plugin_forks_can_end_itself(fake_pack):
    source = "import os\npid = os.fork()\npid or os._exit(7)\nended = os.waitpid(pid, 0)[1]"
    fake_pack("forker", "[ttbench.models]\nm = forker_mod:ended\n", forker_mod=source)
    assert os.waitstatus_to_exitcode(load(find(MODELS, "m", "model"))) == 7


def test_plugins_of_two_threads_leave_the_process_as_it_was():
    before = os._exit, sys.stdout
    inside, leave = threading.Event(), threading.Event()

    def other():
        with contained():
            inside.set()
            leave.wait(30)

    thread = threading.Thread(target=other)
    with contained():
        thread.start()
        inside.wait(30)
        assert sys.stdout is sys.stderr
    assert sys.stdout is sys.stderr  # of the other thread, still
    leave.set()
    thread.join(30)
    assert (os._exit, sys.stdout) == before


QUARREL = """
from dataclasses import replace
from ttbench_npu import NpuBackend
from ttbench_core.backends.protocol import Availability, Device

class First(NpuBackend):
    name = "first"
    def availability(self):
        return Availability({usable}, "no card", "plug one in")
    def capabilities(self):
        kinds = dict(rank=60, own_process=True, device_kinds=("npu", "cpu"))
        return replace(super().capabilities(), **kinds)
"""


@pytest.mark.torch
@pytest.mark.parametrize("usable", [True, False])
def test_a_kind_goes_to_a_backend_that_can_run_and_has_such_a_device(npu, fake_pack, usable):
    fake_pack(
        "first",
        "[ttbench.backends]\nfirst = first_mod:First\n",
        first_mod=QUARREL.format(usable=usable),
    )
    assert chosen(device="npu") == ("first" if usable else "npu")
    assert chosen(device="cpu") == "torch"
    assert run(device="npu").backend == ("first" if usable else "npu")


def test_a_backend_whose_name_two_packs_have_runs_in_its_own_process_too(npu, fake_pack):
    source = QUARREL.format(usable=True).replace('"first"', '"npu"')
    fake_pack("other", "[ttbench.backends]\nnpu = other_mod:First\n", other_mod=source)
    assert run(env="NPU_MODE=1").backend == "other:npu"
    assert run().backend == "other:npu"


@pytest.mark.torch
def test_an_unknown_kind_is_refused_with_near_misses_of_all_kinds(npu):
    with pytest.raises(UnsupportedOptionError, match=r"unknown device 'npus'.*did you mean 'npu'"):
        plan(RunOptions("m", device="npus"), choose_backend("torch"))


ODD_ANSWERS = {
    "versions": "def versions(self): return None",
    "devices": "def devices(self): return [{'kind': 'npu'}]",
    "devices_for": "def devices_for(self, options, engine): return []",
    "device_dicts": "def devices_for(self, options, engine): return [{'kind': 'npu'}]",
}


@pytest.mark.parametrize("what", ODD_ANSWERS)
def test_an_answer_of_the_wrong_kind_is_one_line(npu, fake_pack, ttbench, what):
    fake_pack(
        "odd",
        "[ttbench.backends]\nodd = odd_mod:Odd\n",
        odd_mod=(
            "from ttbench_npu import NpuBackend\nclass Odd(NpuBackend):\n    name = 'odd'\n"
            f"    {ODD_ANSWERS[what]}\n"
        ),
    )
    done = ttbench("-m", "one_stage", "--backend", "odd")
    assert done.code == 2
    assert "odd" in done.complaint


def test_what_a_backend_prints_is_not_on_stdout(npu, fake_pack, ttbench):
    fake_pack(
        "loud",
        "[ttbench.backends]\nloud = loud_mod:Loud\n",
        loud_mod=(
            "from ttbench_npu import NpuBackend\nclass Loud(NpuBackend):\n    name = 'loud'\n"
            "    def __init__(self): print('}{')\n"
        ),
    )
    assert json.loads(ttbench("info", "--backend", "loud", "--json").out)["backend"] == "loud"
    assert ttbench("--help").out.startswith("usage:")


# ----- versions --------------------------------------------------------------------------------


def test_a_backend_overwrites_no_version_of_the_process_that_built_the_model(npu):
    versions = run().versions
    assert versions["python"].startswith("CPython")
    assert versions["npu python"] == "not the one that built the model"
    assert versions["npu"] == "2.0"
    assert versions["ttbench-npu"] == "2.0"


def test_a_backend_with_the_name_of_the_cores_is_recorded_by_a_name_that_finds_it(npu, fake_pack):
    fake_pack(
        "rival",
        "[ttbench.backends]\ntorch = rival_mod:Rival\n",
        rival_mod=(
            "from ttbench_npu import NpuBackend\nclass Rival(NpuBackend):\n    name = 'torch'\n"
        ),
    )
    assert run(backend="rival:torch").backend == "rival:torch"
