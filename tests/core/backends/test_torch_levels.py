"""Levels and options of the torch backend: what compiles, from which folder, in what layout."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from ttbench_core import RunOptions, StagedModel, Stages
from ttbench_core.backends.planning import plan
from ttbench_core.backends.torch.backend import TorchBackend
from ttbench_core.errors import UnsupportedOptionError

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

BACKEND = TorchBackend()
DYNAMIC = {"dynamic": True}
AUTOCAST = {"autocast": True}


def network():
    return torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 4))


def model_of(module=None, microbatch=3):
    return StagedModel(
        Stages(device=module or network(), loss=torch.nn.MSELoss()),
        [torch.rand(microbatch, 8)],
        [torch.rand(microbatch, 4)],
    )


def session_of(model, level=None, **options):
    return BACKEND.compile(
        model, plan(RunOptions("m", backend_opt_level=level, **options), BACKEND)
    )


def outputs_of(session, inputs):
    session.push(inputs)
    return session.pop()[0]


@pytest.fixture
def own_folders(monkeypatch):
    """The folders that runs make to compile into."""
    made = []

    def make(*args, **kwargs):
        folder = real(*args, **kwargs)
        if Path(folder).name.startswith("ttbench-compile-"):
            made.append(Path(folder))
        return folder

    real = tempfile.mkdtemp
    monkeypatch.setattr(tempfile, "mkdtemp", make)
    return made


class Refusing(torch.nn.Module):
    """Cannot be computed."""

    def forward(self, inputs):
        return inputs @ inputs


class ForThree(torch.nn.Module):
    """Computes with the number of its samples."""

    def forward(self, inputs):
        return inputs.reshape(3, 8) * 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"backend_opt_level": 3, "training": True}, "-opt 3 freezes the weights.*: use -opt 2"),
        ({"backend_opt_level": 4, "training": True}, "-opt 4 freezes the weights.*: use -opt 2"),
        ({"engine_options": DYNAMIC}, "-opt 1 does not compile: use -opt 2 or more"),
        ({"backend_opt_level": 0, "engine_options": DYNAMIC}, "-opt 0 does not compile"),
        ({"engine_options": AUTOCAST}, "bfloat16, not in Fp32: use -df Fp16_b"),
        ({"dataformat": "Fp16", "engine_options": AUTOCAST}, "bfloat16, not in Fp16: use -df"),
    ],
)
def test_options_that_contradict_each_other_are_refused_before_anything_is_built(options, message):
    with pytest.raises(UnsupportedOptionError, match=message):
        plan(RunOptions("m", **options), BACKEND)


@pytest.mark.parametrize("name", ["dynamic", "autocast"])
def test_options_that_a_generation_loop_has_no_use_for_are_refused(name):
    model = StagedModel(Stages(device=network()), [torch.rand(3, 8)], generation={"max_length": 4})
    options = {"engine_options": {name: True}, "dataformat": "Fp16_b"}
    with pytest.raises(UnsupportedOptionError, match=f"-B {name}=true is for models that do not"):
        session_of(model, 2, **options)


def test_a_symbol_for_a_microbatch_of_one_is_refused():
    with pytest.raises(UnsupportedOptionError, match="needs a microbatch of 2 or more"):
        session_of(model_of(microbatch=1), 2, engine_options=DYNAMIC)


@pytest.mark.parametrize(
    ("level", "mode"), [(2, None), (3, None), (4, "max-autotune-no-cudagraphs")]
)
def test_a_level_has_its_mode_and_freezes_from_3_on(monkeypatch, level, mode):
    from torch._inductor import config

    seen = []

    def spy(module, **options):
        module.register_forward_pre_hook(lambda *_: seen.append((options["mode"], config.freezing)))
        return module

    monkeypatch.setattr(torch, "compile", spy)
    with session_of(model_of(), level) as session:
        assert session.effective["freezing"] is (level >= 3)
    assert seen == [(mode, level >= 3)] * 2  # cold and warm
    assert config.freezing is False


@pytest.mark.slow
def test_level_3_takes_weights_for_constants_and_level_2_does_not():
    changed = {}
    for level in (2, 3):
        model = model_of()
        with session_of(model, level) as session:
            before = outputs_of(session, model.inputs)
            expected = model.stages.device(*model.inputs)
            torch.testing.assert_close(before, expected.detach())
            model.stages.device[2].weight.data.mul_(2)  # the session shares its memory
            changed[level] = not torch.equal(outputs_of(session, model.inputs), before)
    assert changed == {2: True, 3: False}


@pytest.mark.slow
def test_a_run_compiles_into_a_folder_of_its_own_that_is_gone_at_the_end(monkeypatch, own_folders):
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR", raising=False)
    monkeypatch.delenv("TRITON_CACHE_DIR", raising=False)
    with session_of(model_of(), 2) as session:
        (folder,) = own_folders
        assert [file for file in folder.rglob("*") if file.is_file()]
        assert session.effective["compile_cache"] == "own"
        cold_s, warm_s = (session.effective[f"compile_{one}_s"] for one in ("cold", "warm"))
        assert cold_s > 0
        assert warm_s > 0
        assert "TORCHINDUCTOR_CACHE_DIR" not in os.environ
    assert not folder.exists()
    assert "TRITON_CACHE_DIR" not in os.environ


@pytest.mark.slow
def test_a_folder_that_the_user_has_named_is_used_and_stays(monkeypatch, tmp_path, own_folders):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    with session_of(model_of(), 2) as session:
        assert session.effective["compile_cache"] == "given"
    assert own_folders == []
    assert [file for file in tmp_path.rglob("*") if file.is_file()]
    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == str(tmp_path)


def test_a_folder_that_torch_has_named_is_not_the_users(monkeypatch):
    from torch._inductor.codecache import cache_dir

    from ttbench_core.backends.shared.compile_cache import compile_cache

    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "")  # restored at the end
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR")
    torchs_own = Path(cache_dir())
    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == str(torchs_own)
    monkeypatch.setenv("TRITON_CACHE_DIR", str(torchs_own / "triton" / "0"))
    with compile_cache() as folder, folder.used():
        assert folder.kind == "own"
        own = Path(os.environ["TORCHINDUCTOR_CACHE_DIR"])
        assert own.name.startswith("ttbench-compile-")
        assert own in Path(os.environ["TRITON_CACHE_DIR"]).parents
    assert "TORCHINDUCTOR_CACHE_DIR" not in os.environ
    assert "TRITON_CACHE_DIR" not in os.environ


@pytest.mark.parametrize("ending", ["_of_the_team", "/mine"])
def test_a_folder_whose_name_begins_as_torchs_is_the_users(monkeypatch, ending):
    from torch._inductor.codecache import cache_dir

    from ttbench_core.backends.shared.compile_cache import compile_cache

    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "")  # restored at the end
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR")
    named = f"{cache_dir()}{ending}"
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", named)
    with compile_cache() as folder, folder.used():
        assert folder.kind == "given"
        assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == named


def test_a_model_that_does_not_compile_leaves_nothing_behind(own_folders):
    from torch._inductor import config

    with pytest.raises(RuntimeError):
        session_of(model_of(Refusing()), 3)
    (folder,) = own_folders
    assert not folder.exists()
    assert config.freezing is False
    assert not torch.is_inference_mode_enabled()


@pytest.mark.slow
def test_a_symbol_for_the_microbatch_compiles_once_for_all_of_them():
    from torch._dynamo.utils import counters

    model = model_of()
    others = [torch.rand(count, 8) for count in (2, 5, 9)]
    with session_of(model, 2, engine_options=DYNAMIC) as session:
        assert session.effective["dynamic"] is True
        compiled = counters["stats"]["unique_graphs"]
        for inputs in (*model.inputs, *others):
            expected = model.stages.device(inputs)
            torch.testing.assert_close(outputs_of(session, [inputs]), expected.detach())
        assert counters["stats"]["unique_graphs"] == compiled
    assert not hasattr(model.inputs[0], "_dynamo_dynamic_indices")


def test_a_microbatch_that_the_model_fixes_cannot_be_a_symbol(capfd, own_folders):
    with pytest.raises(UnsupportedOptionError, match="cannot be a symbol.*leave out -B dynamic"):
        session_of(model_of(ForThree()), 2, engine_options=DYNAMIC)
    (folder,) = own_folders
    assert not folder.exists()
    assert "Traceback" not in capfd.readouterr().err


def test_autocast_keeps_weights_in_float32_and_computes_in_bfloat16():
    dtypes = []
    module = network()
    module[0].register_forward_hook(
        lambda layer, inputs, output: dtypes.append((layer.weight.dtype, output.dtype))
    )
    model = model_of(module)
    with session_of(model, dataformat="Fp16_b", engine_options=AUTOCAST) as session:
        output = outputs_of(session, model.inputs)
        assert session.effective["autocast"] is True
        assert session.effective["dtype"] == "bfloat16"
        assert not session.is_reference
    assert output.dtype is torch.bfloat16
    assert dtypes == [(torch.float32, torch.bfloat16)]


def test_autocast_trains():
    model = model_of()
    options = {"dataformat": "Fp16_b", "engine_options": AUTOCAST, "training": True}
    with session_of(model, **options) as session:
        loss = outputs_of(session, model.inputs)
    expected = model.stages.loss(model.stages.device(*model.inputs), *model.targets)
    assert loss.item() == pytest.approx(expected.item(), rel=0.1)


@pytest.mark.parametrize(
    ("level", "asked", "is_last"),
    [(0, "level", False), (1, "level", True), (0, "on", True), (1, "off", False)],
)
def test_channels_last_is_as_asked_at_every_level(level, asked, is_last):
    convolution = torch.nn.Conv2d(3, 8, 3)
    seen = []
    convolution.register_forward_hook(
        lambda layer, *_: seen.append(layer.weight.is_contiguous(memory_format=torch.channels_last))
    )
    model = StagedModel(Stages(device=convolution), [torch.rand(2, 3, 8, 8)])
    with session_of(model, level, engine_options={"channels_last": asked}) as session:
        outputs_of(session, model.inputs)
        assert session.effective["channels_last"] is is_last
    assert seen == [is_last]
