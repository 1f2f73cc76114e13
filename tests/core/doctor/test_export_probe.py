"""Whether a model exports, tried in a process of its own; what it exports to can be kept."""

from __future__ import annotations

import json

import pytest

from ttbench_core import RunOptions
from ttbench_core.doctor.export_probe import check_export_file, probe_export
from ttbench_core.errors import OptionError

MODELS = """
def network(training, config=None, seq_len: int = 3):
    import torch
    return [torch.nn.Linear(seq_len, 2)], [torch.rand(4, seq_len)]

def branching(training):
    import torch

    class Branching(torch.nn.Module):
        def forward(self, x):
            return x + 1 if x.sum() > 0 else x

    return [Branching()], [torch.rand(2)]

def failing(training):
    raise ValueError("no such weights")

def crashing(training):
    import os
    os._exit(7)

def generator(training, generative: bool = True):
    import torch
    assert generative is False
    return [torch.nn.Linear(2, 2)], [torch.rand(1, 2)]
"""


@pytest.fixture
def models(fake_pack):
    names = ("network", "branching", "failing", "crashing", "generator")
    lines = "\n".join(f"{name} = exported_models:{name}" for name in names)
    fake_pack("pack", f"[ttbench.models]\n{lines}\n", exported_models=MODELS)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("a.onnx", "must end in .pt2"),
        ("missing/a.pt2", "there is no folder"),
        ("there.pt2", "exists: name another file, or add --force"),
    ],
)
def test_a_file_that_cannot_be_written_is_refused_before_anything_runs(tmp_path, name, fault):
    (tmp_path / "there.pt2").touch()
    with pytest.raises(OptionError, match=fault):
        check_export_file(tmp_path / name, may_replace=False)


def test_a_file_may_be_replaced_where_it_is_said_and_a_folder_never(tmp_path):
    (tmp_path / "there.pt2").touch()
    check_export_file(tmp_path / "there.pt2", may_replace=True)
    (tmp_path / "folder.pt2").mkdir()
    with pytest.raises(OptionError, match="exists"):
        check_export_file(tmp_path / "folder.pt2", may_replace=True)


@pytest.mark.torch
class TestWithTorch:
    """Each of these starts a process that builds a model."""

    @pytest.fixture(autouse=True)
    def _torch(self):
        pytest.importorskip("torch", minversion="2.6")

    def test_a_model_that_exports_has_operators_a_sum_and_a_time(self, models):
        report = probe_export(RunOptions("network"))
        assert (report.exports, report.operators, report.reason) == (True, 1, None)
        assert len(report.sha256) == 64
        assert report.export_s > 0
        assert probe_export(RunOptions("network", seq_len=5)).sha256 != report.sha256

    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("branching", "data-dependent"),
            ("failing", "building it: ValueError: no such weights"),
            ("crashing", "building it: ended with code 7"),
        ],
    )
    def test_one_that_does_not_has_the_reason_in_one_line(self, models, name, reason):
        report = probe_export(RunOptions(name))
        assert not report.exports
        assert reason in report.reason
        assert "\n" not in report.reason

    def test_one_that_takes_too_long_is_ended(self, models):
        report = probe_export(RunOptions("network"), timeout_s=0.01)
        assert (report.exports, "did not answer within" in report.reason) == (False, True)

    def test_a_model_that_generates_is_exported_with_one_forward_pass(self, models):
        assert probe_export(RunOptions("generator")).exports

    def test_the_command_keeps_a_program_that_gives_what_the_model_gives(
        self, models, ttbench, tmp_path
    ):
        import torch

        file = tmp_path / "network.pt2"
        words = ("info", "network", "--save_exported", file)
        done = ttbench(*words)
        rows = dict(line.split(maxsplit=1) for line in done.out.splitlines())
        assert rows["exports"].startswith("yes: 1 operator in")
        program = torch.export.load(file).module()
        (output,) = program(torch.ones(4, 3))
        assert output.shape == (4, 2)
        assert [one.name for one in tmp_path.glob("*.pt2")] == ["network.pt2"]
        assert ttbench(*words).complaint.endswith("exists: name another file, or add --force")
        assert ttbench(*words, "--force").code == 0

    def test_a_program_that_cannot_be_had_is_an_error_and_no_file(self, models, ttbench, tmp_path):
        done = ttbench("info", "branching", "--save_exported", tmp_path / "x.pt2")
        assert done.code == 2
        assert done.complaint.endswith("leave out --save_exported")
        assert not (tmp_path / "x.pt2").exists()

    def test_the_command_says_why_a_model_does_not_export(self, models, ttbench):
        shown = json.loads(ttbench("info", "branching", "--exported", "--json").out)
        assert shown["exported"]["exports"] is False
        assert "data-dependent" in shown["exported"]["reason"]
        assert "exported" not in json.loads(ttbench("info", "branching", "--json").out)
