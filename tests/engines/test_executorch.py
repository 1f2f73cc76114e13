"""ExecuTorch: what XNNPACK is given, and the one number of threads of a process."""

from __future__ import annotations

import pytest
from engine_runs import compiled, run, sample

from ttbench_core import StagedModel, Stages
from ttbench_core.errors import UnsupportedOptionError

pytestmark = pytest.mark.torch


def linear_model(*parts):
    import torch

    network = torch.nn.Sequential(torch.nn.Linear(16, 16), torch.nn.ReLU(), *parts)
    return StagedModel(Stages(device=network), [torch.rand(4, 16)])


@pytest.mark.parametrize(("model", "config"), [("bert", "tiny"), ("resnet", "resnet18")])
def test_outputs_of_a_network_are_exactly_those_of_fp32(executorch, model, config):
    pytest.importorskip("ttbench_models_nlp" if model == "bert" else "ttbench_models_vision")
    result = run(executorch, model, config, microbatch=1)
    assert result.verification["passed"]
    assert result.verification["pcc"] > 0.9999
    assert result.verification["modules"] == "unchanged"
    effective = result.effective
    assert effective["delegated_operators"] > effective["own_operators"]
    assert effective["lowering_s"] > 0
    assert effective["program_bytes"] > 1 << 20


def test_operators_of_xnnpack_are_counted(executorch):
    with compiled(executorch, linear_model()) as session:
        assert session.effective["delegate"] == "XNNPACK"
        assert session.effective["delegated_subgraphs"] == 1
        assert session.effective["delegated_operators"] >= 2
        assert session.effective["own_operators"] == 0
        assert session.notes == ()


def test_operators_that_xnnpack_lacks_are_counted_and_noted(executorch):
    import torch

    class Sorted(torch.nn.Module):
        def forward(self, values):
            return values.cumsum(1)

    with compiled(executorch, linear_model(Sorted())) as session:
        assert session.effective["own_operators"] == 1
        (note,) = session.notes
    assert "1 of " in note
    assert note.endswith("run on ExecuTorch's own kernels instead of XNNPACK: cumsum 1")


def test_the_pool_of_threads_is_as_before_after_a_session(executorch):
    from ttbench_core.backends.executorch.thread_pool import thread_count

    before = thread_count()
    with compiled(executorch, sample(), threads=1) as session:
        assert (session.effective["threads"], thread_count()) == (1, 1)
    assert thread_count() == before


def test_two_numbers_of_threads_at_once_are_refused(executorch):
    model, other_model = sample(), sample()
    with compiled(executorch, model, threads=1) as session:
        with compiled(executorch, other_model, threads=1) as other:
            assert other.effective["threads"] == 1
        with pytest.raises(UnsupportedOptionError, match="one number of threads in a process, now"):
            compiled(executorch, other_model, threads=2)
        session.push(model.inputs)
        assert session.pop()


def test_what_executorch_cannot_lower_is_one_line(executorch, monkeypatch):
    from ttbench_core.backends.executorch import compiling

    def refuse(*_, **__):
        raise RuntimeError("no kernel\nfor aten::special")

    monkeypatch.setattr(compiling, "to_edge_transform_and_lower", refuse)
    with pytest.raises(UnsupportedOptionError, match="ExecuTorch cannot convert the device stage"):
        compiled(executorch, sample())
