"""The compile check, with stand-ins of JAX, torchax and the plugin: what they are asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from ttbench_core import RunOptions, StagedModel, Stages
from ttbench_core.backends.loading import load_backend
from ttbench_core.backends.planning import check_request, plan
from ttbench_core.backends.tt_compile.described_card import described_card
from ttbench_core.errors import OptionError, SessionError, UnsupportedOptionError

STANDINS = Path(__file__).parents[2] / "packs" / "tt_compile"
NAMES = ("jax", "torchax", "jax_plugins")


def backend():
    return load_backend("tt_compile").backend


@pytest.fixture
def libraries(monkeypatch, tmp_path):
    """Install the stand-ins; temporary folders are made in a folder of the test."""

    def forget():
        for name in [one for one in sys.modules if one.partition(".")[0] in NAMES]:
            monkeypatch.delitem(sys.modules, name)

    forget()
    monkeypatch.syspath_prepend(STANDINS)
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("TTBENCH_TEST_READ", str(tmp_path / "read.json"))
    monkeypatch.setenv("TT_VISIBLE_DEVICES", "3")
    yield tmp_path
    assert not list(folder.glob("ttbench-*"))
    assert not list(folder.glob("libtt-*"))
    forget()


def compiled(module, *inputs, **options):
    model = StagedModel(Stages(module), list(inputs))
    made = backend()
    return made.compile(model, plan(RunOptions("m", **options), made))


def test_without_its_libraries_it_says_which_is_missing_and_where_the_page_is():
    availability = backend().availability()
    assert not availability.usable
    assert availability.reason.endswith("is not installed here")
    assert "an interpreter of its own" in availability.remedy
    assert "docs/compile_check.md" in availability.remedy


@pytest.mark.torch
def test_where_it_can_run_it_warns_of_the_plugin_and_runs_only_where_it_is_named(libraries):
    availability = backend().availability()
    assert availability.usable
    assert not availability.automatic
    for part in ("no licence and no author", ".pth", "compiles only"):
        assert part in availability.reason


def test_a_sweep_does_not_ask_to_install_what_it_refuses(ttbench, fake_engine):
    outcome = ttbench("sweep", "-m", "steady", "--backend", "tt_compile", "--dry-run")
    assert "compiles only, and a sweep measures: leave it out" in outcome.out
    assert "not installed" not in outcome.out


def test_it_declares_that_it_measures_nothing():
    capabilities = backend().capabilities()
    assert not capabilities.measures
    assert capabilities.own_process


def test_its_device_is_a_described_card():
    (device,) = backend().devices()
    assert (device.kind, device.arch) == ("described", "blackhole")
    assert "no card" in device.name


@pytest.mark.torch
def test_the_model_is_compiled_for_the_described_card(libraries):
    import torch

    layers = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU())
    session = compiled(layers, torch.rand(2, 4))
    assert session.effective["device_kind"] == "Blackhole"
    assert session.effective["graph_operators"] == 2
    for name in ("device_open_s", "lower_s", "engine_compile_s"):
        assert session.effective[name] >= 0
    assert "kernels" not in session.effective
    assert "no card was there" in session.notes[0]
    session.close()


@pytest.mark.torch
def test_the_libraries_find_the_description_alone_and_write_into_one_folder(libraries):
    import torch

    before = dict(os.environ)
    compiled(torch.nn.ReLU(), torch.rand(2, 4))
    read = json.loads((libraries / "read.json").read_text())
    folder = read["TMPDIR"]
    assert Path(folder).parent == libraries / "temporary"
    assert read["TT_METAL_CACHE"].startswith(folder)
    assert read["TT_METAL_LOGS_PATH"] == folder
    assert read["TT_METAL_MOCK_CLUSTER_DESC_PATH"].endswith("blackhole_p150.yaml")
    assert read["TT_VISIBLE_DEVICES"] is None
    assert read["TT_METAL_INSPECTOR"] == "0"
    assert read["JAX_PLATFORMS"] == "cpu,tt"
    assert dict(os.environ) == before


@pytest.mark.torch
def test_a_variable_of_the_caller_that_does_not_count_is_noted(libraries, monkeypatch):
    import torch

    monkeypatch.setenv("TT_METAL_MOCK_CLUSTER_DESC_PATH", "/nonexistent")
    monkeypatch.setenv("TT_METAL_INSPECTOR", "0")  # as the described card has it
    notes = compiled(torch.nn.ReLU(), torch.rand(2, 4)).notes
    assert notes[1:] == (
        "TT_VISIBLE_DEVICES is replaced by the described card",
        "TT_METAL_MOCK_CLUSTER_DESC_PATH is replaced by the described card",
    )


@pytest.mark.parametrize(
    "name", ["TT_METAL_MOCK_CLUSTER_DESC_PATH", "TT_VISIBLE_DEVICES", "JAX_PLATFORMS"]
)
def test_a_variable_of_the_run_that_would_not_count_is_refused(name):
    with pytest.raises(OptionError, match=f"--env {name}: .*: leave it out"):
        check_request(RunOptions("m", env=f"{name}=/nonexistent"), backend())


def test_a_variable_of_the_run_that_counts_is_taken():
    check_request(RunOptions("m", env="TT_LOGGER_LEVEL=info TMPDIR=/large"), backend())


def test_the_folder_of_a_run_that_was_killed_is_removed_at_the_next_start(libraries):
    folders = libraries / "temporary"
    words = (
        "import os, signal\n"
        "from ttbench_core.backends.tt_compile.described_card import described_card\n"
        "with described_card() as card:\n"
        "    (card.folder / 'unpacked').write_text('large')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", words], check=False).returncode == -9
    (killed,) = folders.iterdir()
    with described_card() as card:
        assert list(folders.iterdir()) == [card.folder]
        assert card.folder != killed


def test_the_folder_of_a_run_that_lives_stays(libraries):
    with described_card() as first, described_card():
        assert first.folder.is_dir()


def test_a_folder_of_that_name_that_no_run_made_stays(libraries):
    other = libraries / "temporary" / "ttbench-tt-compile-mine"
    other.mkdir()
    with described_card():
        assert other.is_dir()
    other.rmdir()


@pytest.mark.torch
def test_kernels_are_built_and_counted_where_that_is_asked(libraries):
    import torch

    layers = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU())
    session = compiled(layers, torch.rand(2, 4), engine_options={"kernels": True})
    assert session.effective["kernels"] == 4  # two of each operator
    assert session.effective["kernel_build_s"] >= 0


@pytest.mark.torch
def test_integers_of_64_bits_are_compiled_as_those_of_32(libraries):
    import torch

    session = compiled(
        torch.nn.Embedding(9, 4),
        torch.zeros(2, 3, dtype=torch.int64),
        engine_options={"kernels": True},
    )
    assert session.effective["kernels"] > 0


@pytest.mark.torch
def test_a_model_that_does_not_compile_fails_with_the_reason_in_one_line(libraries):
    import torch

    class Spectrum(torch.nn.Module):
        def forward(self, signal):
            return torch.fft.rfft(signal).abs()

    with pytest.raises(
        SessionError, match="cannot compile the model for a Blackhole P150"
    ) as failed:
        compiled(Spectrum(), torch.rand(2, 4))
    assert "failed to legalize aten.fft_rfft.default" in str(failed.value)
    assert "\n" not in str(failed.value)


@pytest.mark.torch
def test_a_model_that_cannot_be_exported_is_refused(libraries):
    import torch

    class Deciding(torch.nn.Module):
        def forward(self, tensor):
            return tensor if tensor.sum() > 0 else -tensor

    with pytest.raises(UnsupportedOptionError, match="cannot be exported"):
        compiled(Deciding(), torch.rand(2, 4))


@pytest.mark.torch
def test_its_session_runs_nothing(libraries):
    import torch

    with compiled(torch.nn.ReLU(), torch.rand(2, 4)) as session:
        with pytest.raises(SessionError, match="compiled only"):
            session.push([torch.rand(2, 4)])
        with pytest.raises(SessionError, match="compiled only"):
            session.pop()
        assert session.device_peak_bytes() is None
