"""Zoos: many models behind one entry point, none of which takes a name that is in use."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import pytest

from ttbench_core.doctor.packs import count_plugins, probe_pack
from ttbench_core.doctor.probe import Probe
from ttbench_core.errors import (
    AmbiguousNameError,
    OptionError,
    PackContractError,
    PackLoadError,
    UnknownNameError,
)
from ttbench_core.model import Declared, ZooModel
from ttbench_core.models.source import find_source
from ttbench_core.plugins.catalogue import find_model, installed_models

#: A zoo of models that the fake engine can run.
ZOO = """
import functools
from ttbench_core.model import Declared, ZooModel
import ttbench_fake_engine as fakes

class Zoo:
    def models(self):
        for number in range({count}):
            configs = {{"a": Declared(10, 4), "b": Declared()}}
            name = f"{prefix}_{{number:03}}"
            yield ZooModel(name, configs, default_config="b", task="arithmetic")
        for name in {names}:
            yield ZooModel(name, task="from the zoo")

    def builder(self, name):
        return functools.partial(build, name)

def build(name, training, config=None):
    return fakes.plain(training)
"""
PAGE = (Path(__file__).parents[3] / "docs" / "packs.md").read_text()
PACK = """
from ttbench_core import benchmark_model

@benchmark_model(task="{task}")
def m(training): ...
"""


@pytest.fixture
def zoo(fake_pack, fake_engine):
    """Install a zoo of so many models, and of models of certain names."""

    def install(pack="acme-zoo", *, count=2, names=(), source=None, prefix="beast", **changes):
        module = pack.replace("-", "_")
        source = source or ZOO.format(count=count, names=list(names), prefix=prefix)
        entry = changes.pop("entry_points", f"[ttbench.zoos]\nall = {module}:Zoo\n")
        return fake_pack(pack, entry, **{module: source, **changes})

    return install


@pytest.fixture
def pack(fake_pack):
    """Install a pack that registers one model."""

    def install(name, model, task="from the pack"):
        module = name.replace("-", "_")
        entry = f"[ttbench.models]\n{model} = {module}:m\n"
        return fake_pack(name, entry, **{module: PACK.format(task=task)})

    return install


def entries():
    return {entry.runs_as: entry for entry in installed_models()}


def test_a_model_of_a_zoo_is_found_by_its_name(zoo):
    zoo()
    found = find_model("beast_001")
    assert (found.builder.configs, found.builder.default_config) == (("a", "b"), "b")
    assert (found.builder.task, found.builder.declared_of["a"]) == ("arithmetic", Declared(10, 4))
    assert (found.plugin.pack, found.value) == ("acme-zoo", "acme_zoo:Zoo (beast_001)")
    assert found.builder.__name__ == "beast_001"


def test_the_module_of_a_zoos_builder_is_that_of_its_function(zoo):
    zoo()
    assert find_model("beast_001").builder.__module__ == "acme_zoo"


def test_a_model_of_a_zoo_is_found_by_its_qualified_name(zoo):
    zoo()
    assert find_model("Acme_Zoo:beast_000").plugin.pack == "acme-zoo"


def test_every_model_of_a_zoo_is_listed_with_what_it_declares(zoo):
    zoo(count=30)
    listed = [entry for entry in installed_models() if entry.pack == "acme-zoo"]
    assert len(listed) == 30
    assert {entry.zoo for entry in listed} == {"all"}
    assert (listed[0].configs, listed[0].default_config) == (("a", "b"), "b")
    assert listed[0].declared["a"] == Declared(10, 4)


def test_a_name_that_a_pack_registers_stays_with_it_and_loads_no_zoo(zoo, pack):
    pack("first-pack", "contested")
    zoo(names=["contested"])
    assert find_model("contested").plugin.pack == "first-pack"
    assert "acme_zoo" not in sys.modules
    assert find_model("acme-zoo:contested").plugin.pack == "acme-zoo"


def test_a_zoo_takes_no_name_from_a_pack_that_is_installed_later(zoo, pack):
    zoo(names=["contested"])
    pack("late-pack", "contested")
    assert find_model("contested").plugin.pack == "late-pack"


def test_of_two_zoos_a_name_stays_with_the_one_that_was_installed_first(zoo):
    sites = {name: zoo(name, names=["contested"]) for name in ("a-zoo", "b-zoo")}
    for name, site in sites.items():
        (info,) = site.glob("*.dist-info")
        os.utime(info, (1, 1) if name == "b-zoo" else (2, 2))
    assert find_model("contested").plugin.pack == "b-zoo"
    assert find_model("a-zoo:contested").plugin.pack == "a-zoo"


def test_zoos_that_were_installed_at_one_time_have_an_order_too(zoo):
    for name in ("b-zoo", "a-zoo"):
        (info,) = zoo(name, names=["contested"]).glob("*.dist-info")
        os.utime(info, (1, 1))
    assert find_model("contested").plugin.pack == "a-zoo"


def test_ttbenchs_own_pack_keeps_its_names_beside_another_pack(pack):
    pack("zzz-pack", "bert_like")
    pack("ttbench-models-vision", "bert_like")
    pack("aaa-pack", "bert_like")
    found = find_model("bert_like")
    assert found.plugin.pack == "ttbench-models-vision"
    (note,) = found.notes
    assert note == (
        "bert_like is the model of ttbench-models-vision;"
        " aaa-pack:bert_like, zzz-pack:bert_like are other models with the same name"
    )


def test_the_other_zoo_of_a_name_is_noted_once_in_the_record(zoo, ttbench):
    zoo("a-zoo", names=["contested"])
    zoo("b-zoo", names=["contested"])
    words = ("--backend", "fake", "--passes", 1, "--json")
    note = "contested is the model of a-zoo; b-zoo:contested is another model with the same name"
    assert json.loads(ttbench("-m", "contested", *words).out)["notes"].count(note) == 1
    assert note not in json.loads(ttbench("-m", "b-zoo:contested", *words).out)["notes"]


def test_a_note_about_a_name_is_in_a_record_of_several_processes_once(zoo, ttbench):
    zoo("a-zoo", names=["contested"])
    zoo("b-zoo", names=["contested"])
    words = ("--backend", "fake", "--passes", 1, "--processes", 2, "--json")
    record = json.loads(ttbench("-m", "contested", *words).out)
    assert len(record["processes"]) == 2
    assert len([note for note in record["notes"] if "b-zoo:contested" in note]) == 1
    assert record["model"]["pack"] == "a-zoo"


def test_a_model_of_a_zoo_runs_and_its_record_names_it(zoo, ttbench):
    zoo()
    words = ("-m", "acme-zoo:beast_001", "--backend", "fake", "--passes", 1, "--json")
    record = json.loads(ttbench(*words).out)
    assert record["model"]["name"] == "beast_001"
    assert record["model"]["config"] == "b"
    assert record["model"]["builder"] == "acme_zoo:Zoo (beast_001)"
    assert record["versions"]["acme-zoo"] == "1.0"


def test_a_wrong_request_of_a_model_of_a_zoo_names_the_model(zoo, ttbench):
    zoo()
    layers = ttbench("-m", "beast_001", "--backend", "fake", "--layers", 2)
    assert "beast_001 of acme-zoo does not support --layers" in layers.complaint
    config = ttbench("-m", "beast_001", "--backend", "fake", "-c", "c")
    assert "acme_zoo:Zoo (beast_001) has no configuration 'c': one of a, b" in config.complaint


def test_an_unknown_name_is_compared_with_those_of_zoos(zoo):
    zoo(count=40)
    with pytest.raises(UnknownNameError, match=r"did you mean 'beast_0"):
        find_model("beest_007")
    with pytest.raises(UnknownNameError, match=r"did you mean 'acme-zoo:beast_0"):
        find_model("acme-zoo:beest_007")


LISTING = "class Zoo:\n    def builder(self, name): ...\n    def models(self):\n        "
IMPORTS = "from ttbench_core.model import Declared, ZooModel\n"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import no_such_library", "ModuleNotFoundError"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("Zoo = 3", "is of type int: register a class, or a function that makes a zoo"),
        ("class Zoo:\n    def __init__(self): 1/0", "ZeroDivisionError"),
        ("class Zoo: ...", r"makes a Zoo, which is no zoo: it has no models\(\)"),
        (f"{LISTING}raise OSError('no table')", "OSError: no table"),
        (f"{LISTING}return None", "TypeError"),
        (f"{LISTING}return ['beast']", "lists a str, which is no ZooModel"),
        (f"{IMPORTS}{LISTING}return [ZooModel('x'), ZooModel('x')]", "lists 'x' twice"),
        (f"{IMPORTS}{LISTING}return [ZooModel('a:b')]", "'a:b' is no name of a model"),
        (f"{IMPORTS}{LISTING}yield ZooModel('x', configs='ab')", "configs is a list of names"),
        (f"{IMPORTS}{LISTING}yield ZooModel('x', {{'a': 5}})", "of a configuration is a int"),
        (f"{IMPORTS}{LISTING}yield ZooModel('x', {{'a': None}})", "configuration is a NoneType"),
        (f"{IMPORTS}{LISTING}yield ZooModel('x', declared=5)", "x: declared is a int"),
        (f"{IMPORTS}{LISTING}yield ZooModel('x', task=7)", "x: the task 7 is no text"),
        (
            f"{IMPORTS}{LISTING}yield ZooModel('x', declared=Declared('9'))",
            "'9' is no whole number",
        ),
        (f"{IMPORTS}{LISTING}yield ZooModel('x', configs=['a', 'a'])", "named twice"),
    ],
)
def test_a_broken_zoo_is_a_row_and_breaks_no_other(zoo, pack, ttbench, source, reason):
    zoo("bad-zoo", source=source)
    zoo("good-zoo", names=["fine"])
    pack("whole-pack", "whole")
    rows = entries()
    assert rows["fine"].error is None
    (broken,) = [entry for entry in rows.values() if entry.pack == "bad-zoo"]
    assert (broken.name, broken.zoo, broken.configs) == ("all", "all", ())
    assert broken.error is not None
    shown = ttbench("--list")
    assert shown.code == 0
    assert "zoo all (unusable)" in shown.out
    assert find_model("whole")
    assert find_model("fine")
    said = f"bad-zoo:all .* cannot list its models: .*{reason}"
    with pytest.raises(UnknownNameError, match=said):
        find_model("nothing_like_it")


def test_a_broken_zoo_is_reported_with_its_pack_by_doctor(zoo):
    zoo("bad-zoo", source="import nowhere")
    assert count_plugins()["bad-zoo", "1.0"] == (0, 1)
    report = probe_pack("bad-zoo", "1.0", 0, Probe(), zoos=1)
    (broken,) = report.broken_models
    assert (broken.name, broken.entry_point) == ("zoo all", "bad_zoo:Zoo")
    assert broken.reason == "ModuleNotFoundError: No module named 'nowhere'"
    assert report.is_broken


def test_doctor_counts_the_models_of_a_zoo_with_those_of_its_pack(zoo):
    entry_points = "[ttbench.models]\nown = acme_zoo:build\n[ttbench.zoos]\nall = acme_zoo:Zoo\n"
    zoo(count=40, entry_points=entry_points)
    assert count_plugins()["acme-zoo", "1.0"] == (1, 1)
    report = probe_pack("acme-zoo", "1.0", 1, Probe(), zoos=1)
    assert (report.models, report.is_broken) == (41, False)


def test_unreadable_metadata_is_one_row_although_zoos_are_looked_for_too(fake_pack):
    site = fake_pack("garbled", "")
    text = b"[ttbench.models]\n\xff = a:b\n[ttbench.zoos]\n\xff = a:b\n"
    (site / "garbled-1.0.dist-info" / "entry_points.txt").write_bytes(text)
    unreadable = [entry for entry in installed_models() if entry.name == "?"]
    assert len(unreadable) == 1


@pytest.mark.parametrize(
    ("source", "error", "said"),
    [
        ("raise OSError('no weights')", PackLoadError, r"acme-zoo:x \(.*OSError: no weights"),
        ("raise OptionError('it needs timm')", OptionError, "^it needs timm$"),
        ("return 3", PackContractError, "is of type int, not a builder"),
    ],
)
def test_a_zoo_that_cannot_make_a_builder_is_one_line(zoo, source, error, said):
    head = f"from ttbench_core.errors import OptionError\n{IMPORTS}"
    zoo(
        source=f"{head}class Zoo:\n    def models(self): return [ZooModel('x')]\n"
        f"    def builder(self, name): {source}\n"
    )
    with pytest.raises(error, match=said):
        find_model("x")


def test_what_the_zoo_declares_holds_for_a_decorated_builder_too(zoo):
    head = f"from ttbench_core import benchmark_model\n{IMPORTS}"
    made = "@benchmark_model(configs=['other'], task='other')\ndef m(training, config): ...\n"
    zoo(
        source=f"{head}{made}class Zoo:\n"
        "    def models(self): return [ZooModel('x', configs=['a'], task='mine')]\n"
        "    def builder(self, name): return m\n"
    )
    builder = find_model("x").builder
    assert (builder.configs, builder.task) == (("a",), "mine")


def test_a_function_that_makes_a_zoo_can_be_registered(zoo):
    zoo(
        source=f"{IMPORTS}class Made:\n    def models(self): return [ZooModel('x')]\n"
        "    def builder(self, name): return lambda training: None\n"
        "def Zoo(): return Made()\n"
    )
    assert find_model("x").builder.__name__ == "x"


def test_two_zoos_of_one_pack_with_one_name_are_refused(zoo):
    zoo(
        entry_points="[ttbench.zoos]\none = acme_zoo:Zoo\ntwo = acme_zoo:Other\n",
        source=ZOO.format(count=0, names=["x"], prefix="p") + "\nclass Other(Zoo): ...\n",
    )
    for name in ("x", "acme-zoo:x"):
        with pytest.raises(AmbiguousNameError, match="several zoos of acme-zoo have 'x'"):
            find_model(name)


def test_what_a_zoo_prints_stays_off_stdout(zoo, capsys):
    zoo(source=f"print('hello')\n{ZOO.format(count=1, names=[], prefix='p')}")
    find_model("p_000")
    out, err = capsys.readouterr()
    assert (out, "hello" in err) == ("", True)


def test_the_list_shows_the_first_models_of_a_large_zoo_and_how_to_see_more(zoo, ttbench):
    zoo(count=1000)
    lines = ttbench("--list").out.splitlines()
    assert len([line for line in lines if line.startswith("beast_")]) == 20
    assert "... and 980 more: ttbench --list WORD shows those that WORD is in" in lines


def test_the_list_of_a_word_shows_all_that_it_is_in(zoo, ttbench):
    zoo(count=1000)
    lines = ttbench("--list", "beast_1").out.splitlines()
    assert len([line for line in lines if line.startswith("beast_1")]) == 100
    assert not [line for line in lines if "more" in line]


def test_the_list_as_json_has_every_model_of_a_zoo(zoo, ttbench):
    zoo(count=1000)
    listed = json.loads(ttbench("--list", "--json").out)
    assert len([entry for entry in listed if entry["zoo"] == "all"]) == 1000


def test_the_list_notes_once_which_names_belong_to_other_packs(zoo, pack, ttbench):
    pack("first-pack", "contested")
    zoo(count=30, names=["contested", *(f"other_{number}" for number in range(7))])
    zoo("late-zoo", count=0, names=[f"other_{number}" for number in range(7)])
    lines = ttbench("--list").out.splitlines()
    note = "contested is that of first-pack: write acme-zoo:NAME for the one here"
    assert lines.count(note) == 1
    (several,) = [line for line in lines if line.endswith("write late-zoo:NAME for the one here")]
    assert several.startswith("other_0 is that of acme-zoo, other_1 is that of acme-zoo")
    assert "(and 2 more)" in several
    assert [line for line in lines if line.startswith("late-zoo:other_0")]


def test_each_listed_name_finds_the_model_that_it_is_listed_for(zoo, pack):
    pack("first-pack", "contested")
    zoo(names=["contested", "twice"])
    zoo("b-zoo", names=["twice"])
    for runs_as, entry in entries().items():
        if not entry.error:
            assert find_source(runs_as).pack == entry.pack, runs_as


@pytest.mark.parametrize("name", ["", 3, "a:b", None])
def test_a_model_of_a_zoo_has_a_name_that_can_be_typed(name):
    with pytest.raises(ValueError, match="is no name of a model"):
        ZooModel(name)


def test_configurations_of_a_zoos_model_may_come_from_an_iterator():
    assert ZooModel("x", configs=iter("ab"), default_config="b").configs == ("a", "b")


def example(language):
    (block,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    return block


@pytest.fixture
def page_zoo(fake_pack):
    """Install the zoo of the page on packs."""
    _, value = re.search(r'^(\w+) = "(.+)"', example("toml"), re.MULTILINE).groups()
    return fake_pack("acme-zoo", f"[ttbench.zoos]\nall = {value}\n", acme_zoo=example("python"))


def test_the_zoo_of_the_page_is_listed_without_torch(page_zoo, python):
    script = (
        "import sys; from ttbench_core.cli import main; main(['--list', 'acme'])\n"
        "assert 'torch' not in sys.modules"
    )
    done = python("-c", script, path=page_zoo)
    assert done.returncode == 0, done.stderr
    assert re.search(r"acme_wide +arithmetic +base\* \(65.8 k, mb 8\)", done.stdout)


@pytest.mark.torch
def test_the_zoo_of_the_page_runs_and_is_described(page_zoo, ttbench):
    outcome = ttbench("-m", "acme_wide", "-d", "cpu", "--passes", 1, "--json")
    assert json.loads(outcome.out)["model"]["parameters"] == 256 * 256 + 256
    described = json.loads(ttbench("info", "acme-zoo:acme_narrow", "--json").out)
    assert (described["model"], described["pack"]) == ("acme_narrow", "acme-zoo")
