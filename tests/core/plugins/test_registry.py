"""Discovery: fresh, lazy, and one broken pack never hides another."""

from __future__ import annotations

import sys

import pytest

from ttbench_core.errors import (
    AmbiguousNameError,
    PackContractError,
    PackLoadError,
    UnknownNameError,
)
from ttbench_core.plugins.catalogue import find_model, installed_models
from ttbench_core.plugins.registry import BACKENDS, MODELS, SINKS, discover, find, load

GOOD = (
    "from ttbench_core import benchmark_model\n@benchmark_model(configs=['x'])\ndef m(config): ..."
)


def by_name():
    return {entry.name: entry for entry in installed_models()}


def test_names_are_listed_without_importing_anything(fake_pack):
    fake_pack("lazy-pack", "[ttbench.models]\nlazy = lazy_mod:m\n", lazy_mod="raise RuntimeError")
    plugin = {plugin.name: plugin for plugin in discover(MODELS)}["lazy"]
    assert (plugin.pack, plugin.version, plugin.value) == ("lazy-pack", "1.0", "lazy_mod:m")
    assert "lazy_mod" not in sys.modules


def test_a_pack_installed_a_moment_ago_is_there(fake_pack):
    before = {plugin.name for plugin in discover(MODELS)}
    fake_pack("fresh", "[ttbench.models]\nfresh_model = fresh_mod:m\n", fresh_mod=GOOD)
    assert {plugin.name for plugin in discover(MODELS)} - before == {"fresh_model"}
    assert find_model("fresh_model").builder.configs == ("x",)


def test_an_entry_point_added_to_an_installed_pack_is_there(fake_pack):
    site = fake_pack("growing", "[ttbench.models]\none = grow_mod:m\n", grow_mod=GOOD)
    assert find_model("one")
    (site / "growing-1.0.dist-info" / "entry_points.txt").write_text(
        "[ttbench.models]\none = grow_mod:m\ntwo = grow_mod:m\n"
    )
    assert find_model("two")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import no_such_library", "ModuleNotFoundError: No module named 'no_such_library'"),
        ("1/0", "ZeroDivisionError"),
        ("def broken(:", "SyntaxError"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("assert False, 'no'", "AssertionError: no"),
        ("other = 1", "AttributeError.*'m'"),
        ("m = 42", "is of type int, not a builder"),
        (GOOD.replace("'x'", "18"), r"TypeError: m: configs \[18\] are not names"),
    ],
)
def test_a_broken_pack_is_listed_with_its_reason_and_hides_no_other(fake_pack, source, reason):
    fake_pack("broken", "[ttbench.models]\nbroken = broken_mod:m\n", broken_mod=source)
    fake_pack("whole", "[ttbench.models]\nwhole = whole_mod:m\n", whole_mod=GOOD)
    rows = by_name()
    assert rows["whole"].configs == ("x",)
    assert rows["whole"].error is None
    assert rows["broken"].error is not None
    with pytest.raises((PackLoadError, PackContractError), match=f"(?s)broken.*{reason}"):
        find_model("broken")


@pytest.mark.parametrize("reference", ["no colon here", "mod:", ":attribute", "mod:a b"])
def test_a_malformed_reference_is_listed_and_hides_no_other(fake_pack, reference):
    fake_pack("bent", f"[ttbench.models]\nbent = {reference}\n")
    fake_pack("whole", "[ttbench.models]\nwhole = whole_mod:m\n", whole_mod=GOOD)
    rows = by_name()
    assert rows["whole"].error is None
    bent = [entry for entry in rows.values() if entry.pack == "bent" and entry.error]
    assert bent, rows


def test_unreadable_metadata_is_listed_and_hides_no_other(fake_pack):
    site = fake_pack("garbled", "")
    (site / "garbled-1.0.dist-info" / "entry_points.txt").write_bytes(
        b"[ttbench.models]\n\xff = a:b"
    )
    fake_pack("whole", "[ttbench.models]\nwhole = whole_mod:m\n", whole_mod=GOOD)
    rows = by_name()
    assert rows["whole"].error is None
    assert any(entry.error and "metadata cannot be read" in entry.error for entry in rows.values())


def test_two_packs_with_one_name_are_both_listed_by_qualified_name(fake_pack):
    for pack in ("first-pack", "second-pack"):
        module = pack.replace("-", "_")
        source = GOOD.replace("'x'", repr(pack))
        fake_pack(pack, f"[ttbench.models]\ntwin = {module}:m\n", **{module: source})
    packs = [entry.pack for entry in installed_models() if entry.name == "twin"]
    assert packs == ["first-pack", "second-pack"]
    with pytest.raises(AmbiguousNameError, match="say first-pack:twin or second-pack:twin"):
        find(MODELS, "twin", "model")
    assert find_model("second-pack:twin").builder.configs == ("second-pack",)
    assert find_model("Second_Pack:twin").builder.configs == ("second-pack",)


def test_a_distribution_found_twice_on_the_path_is_one(fake_pack):
    fake_pack("doubled", "[ttbench.models]\ntwice = old_mod:m\n", "1.0", old_mod=GOOD)
    fake_pack("doubled", "[ttbench.models]\ntwice = new_mod:m\n", "2.0", new_mod=GOOD)
    assert find(MODELS, "twice", "model").version == "2.0"


def test_an_unknown_name_gets_suggestions(fake_pack):
    fake_pack("p", "[ttbench.models]\nresnet_toy = p_mod:m\n", p_mod=GOOD)
    with pytest.raises(
        UnknownNameError, match=r"unknown model 'resnettoy' \(did you mean 'resnet_"
    ):
        find(MODELS, "resnettoy", "model")


def test_a_colon_without_a_pack_names_nothing(fake_pack):
    fake_pack("p", "[ttbench.models]\nmine = p_mod:m\n", p_mod=GOOD)
    with pytest.raises(UnknownNameError, match="unknown model ':mine'"):
        find(MODELS, ":mine", "model")


def test_without_any_pack_the_message_shows_how_to_install_one(monkeypatch):
    monkeypatch.setattr("importlib_metadata.entry_points", lambda **_: [])
    with pytest.raises(UnknownNameError, match="no model is installed: install a model pack"):
        find(MODELS, "bert", "model")


def test_the_cores_backends_and_sinks_are_plugins_like_any_other():
    assert {plugin.name for plugin in discover(BACKENDS)} >= {"torch"}
    sinks = {plugin.name: load(plugin) for plugin in discover(SINKS)}
    assert {"json", "jsonl"} <= set(sinks)


def test_the_cores_own_sink_keeps_its_name_beside_another_of_that_name(fake_pack):
    fake_pack("rival", "[ttbench.sinks]\njson = rival_mod:m\n", rival_mod=GOOD)
    assert find(SINKS, "json", "sink").pack == "ttbench-core"
    assert find(SINKS, "rival:json", "sink").pack == "rival"


def test_what_a_pack_prints_while_it_loads_stays_off_stdout(fake_pack, capsys):
    fake_pack("loud", "[ttbench.models]\nloud = loud_mod:m\n", loud_mod=f"print('hello')\n{GOOD}")
    find_model("loud")
    out, err = capsys.readouterr()
    assert out == ""
    assert "hello" in err


def test_a_plain_function_is_a_builder_without_configurations(fake_pack):
    fake_pack("bare", "[ttbench.models]\nbare = bare_mod:m\n", bare_mod="def m(training): ...")
    assert by_name()["bare"].configs == ()
