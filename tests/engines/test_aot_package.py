"""The file that keeps AOTInductor's compiled package."""

from __future__ import annotations

import pytest
from engine_runs import compiled, sample

from ttbench_core import RunOptions
from ttbench_core.backends.loading import load_backend
from ttbench_core.backends.planning import plan
from ttbench_core.errors import OptionError, TargetError

pytestmark = pytest.mark.torch


def refused(match, processes=1, **engine_options):
    backend = load_backend("aot_inductor").backend
    options = RunOptions("m", engine_options=engine_options, processes=processes)
    with pytest.raises(OptionError, match=match):
        plan(options, backend)


def test_a_package_that_was_kept_gives_the_same_outputs(aot_inductor, tmp_path):
    import torch

    model, file = sample(), tmp_path / "stage.pt2"
    options = {"engine_options": {"package": str(file)}}
    with compiled(aot_inductor, model, **options) as session:
        assert session.effective["package_bytes"] == file.stat().st_size
        assert session.effective["package_load_s"] > 0
    assert [one.name for one in tmp_path.iterdir()] == ["stage.pt2"]
    from ttbench_core.models.exported.exporting import export_stage

    stage = export_stage(model)
    loaded = torch._inductor.aoti_load_package(str(file))
    expected = stage.program.module()(*stage.example)
    for output, wanted in zip(loaded(*stage.example), expected, strict=True):
        torch.testing.assert_close(output, wanted)


def test_a_file_that_cannot_be_written_is_refused_before_anything_runs(aot_inductor, tmp_path):
    refused("name of the file must end in .pt2", package=str(tmp_path / "stage.zip"))
    refused("there is no folder", package=str(tmp_path / "absent" / "stage.pt2"))
    (tmp_path / "folder.pt2").mkdir()
    refused("is a folder: name a file in it", package=str(tmp_path / "folder.pt2"))
    refused("goes with -B package", replace=True)


def test_a_file_that_exists_is_refused_unless_it_may_be_replaced(aot_inductor, tmp_path):
    file = tmp_path / "stage.pt2"
    file.write_text("other")
    refused("exists: name another file, or add -B replace=true", package=str(file))
    backend = load_backend(aot_inductor).backend
    options = {"package": str(file), "replace": "true"}
    assert plan(RunOptions("m", engine_options=options), backend).engine.replace


def test_several_processes_keep_the_last_package_only_on_request(aot_inductor, tmp_path):
    file = str(tmp_path / "stage.pt2")
    refused("each of the 3 processes compiles its own", processes=3, package=file)


def test_a_full_disk_is_one_line_and_leaves_the_old_file(aot_inductor, tmp_path, monkeypatch):
    from ttbench_core.backends.aot_inductor import packages

    file = tmp_path / "stage.pt2"
    file.write_text("old")

    def full(_, target):
        target.write_text("half")
        raise OSError("no space left")

    monkeypatch.setattr(packages.shutil, "copyfile", full)
    with pytest.raises(TargetError, match="cannot be written: .*no space left"):
        packages.keep_package(tmp_path / "package", str(file), may_replace=True)
    assert [one.name for one in tmp_path.iterdir()] == ["stage.pt2"]
    assert file.read_text() == "old"
