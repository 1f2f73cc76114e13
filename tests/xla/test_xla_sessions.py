"""Sessions on PyTorch/XLA in this process, on the processor."""

from __future__ import annotations

import inspect
import json
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest
from engine_runs import compiled, draws, sample

from ttbench_core import RunOptions, StagedModel, Stages
from ttbench_core.backends.loading import load_backend
from ttbench_core.errors import SessionError, UnsupportedOptionError
from ttbench_core.models.source import find_source
from ttbench_core.running.measuring import measure
from ttbench_core.running.request import RunRequest

torch_xla = pytest.importorskip("torch_xla")
pytestmark = [
    pytest.mark.torch,
    # torch's own, of settings that it has renamed
    pytest.mark.filterwarnings("ignore:Please use the new API settings:UserWarning"),
]
CONTRACT = json.loads(
    (Path(__file__).parents[1] / "helpers" / "xla_contract.json").read_text(encoding="utf-8")
)["torch_xla"]


def model_of(module, *inputs):
    return StagedModel(Stages(device=module), list(inputs))


def outputs(session, inputs):
    session.push(inputs)
    return session.pop()


@pytest.mark.parametrize("name", CONTRACT["names"])
def test_a_recorded_name_is_there_with_its_parameters(name):
    found = pkgutil.resolve_name(name)
    if name in CONTRACT["parameters"]:
        assert list(inspect.signature(found).parameters) == CONTRACT["parameters"][name]


def test_the_backend_follows_the_contract_of_backends():
    code = "from ttbench_core.testing import check_backend; check_backend('xla')"
    # one number of threads in a process, and it asks for one thread, too
    environment = {**os.environ, "NPROC": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        check=False,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr


def test_inputs_with_other_values_make_no_other_graph():
    import torch

    with compiled("xla", sample()) as session:
        before = session.compilations
        found = [outputs(session, inputs) for inputs in draws(4)]
        assert session.compilations == before
    assert not torch.equal(found[0][0], found[1][0])


def test_numbers_of_python_with_other_values_make_no_other_graph():
    import torch

    class Scaling(torch.nn.Module):
        scale = 2.0

        def forward(self, x):
            self.scale += 0.5
            return x * self.scale

    with compiled("xla", model_of(Scaling(), torch.ones(2, 2))) as session:
        before = session.compilations
        seen = [outputs(session, [torch.ones(2, 2)])[0][0, 0].item() for _ in range(3)]
        assert session.compilations == before
    assert seen[1] - seen[0] == seen[2] - seen[1] == 0.5


def test_a_model_without_values_to_read_is_one_graph_for_each_input():
    with compiled("xla", sample()) as session:
        assert session.effective["graphs_per_input"] == 1
        assert session.effective["host_operators"] == []


def test_two_inputs_are_in_flight_and_come_back_in_their_order():
    first, second = draws(2)
    with compiled("xla", sample()) as session:
        alone = [outputs(session, inputs)[0].tolist() for inputs in (first, second)]
        session.push(first)
        session.push(second)
        with pytest.raises(SessionError, match="2 inputs are in flight already"):
            session.push(first)
        assert [session.pop()[0].tolist() for _ in range(2)] == alone
        with pytest.raises(SessionError, match="nothing is in flight"):
            session.pop()


def test_a_session_that_is_closed_takes_no_input():
    session = compiled("xla", sample())
    session.close()
    session.close()
    with pytest.raises(SessionError, match="closed"):
        session.push(draws(1)[0])


def test_the_end_of_a_session_waits_until_the_device_has_run_everything():
    import torch

    from ttbench_core.backends.shared.xla.counters import work_so_far

    class Slow(torch.nn.Module):
        def forward(self, x):
            for _ in range(8):
                x = (x @ x).clamp(-1, 1)
            return x

    inputs = [torch.rand(1024, 1024)]
    session = compiled("xla", model_of(Slow(), *inputs))
    before = work_so_far().executions
    session.push(inputs)
    session.close()
    assert work_so_far().executions == before + 1


def test_gradients_are_as_before_after_a_session():
    import torch

    with compiled("xla", sample()):
        assert not torch.is_grad_enabled()
    assert torch.is_grad_enabled()


def test_a_value_that_is_read_in_python_is_noted():
    import torch

    class Reading(torch.nn.Module):
        def forward(self, x):
            return x + 1 if x.sum() > 0 else x - 1

    with compiled("xla", model_of(Reading(), torch.ones(2, 2))) as session:
        assert session.effective["graphs_per_input"] == 2
        assert "an input runs as 2 graphs instead of 1" in session.notes[0]


def test_passes_that_compile_are_counted_and_unstable():
    import torch

    class Growing(torch.nn.Module):
        calls = 0

        def forward(self, x):
            self.calls += 1
            return x.repeat(self.calls, 1)  # another shape is another graph

    def growing():
        return model_of(Growing(), torch.ones(2, 2))

    options = RunOptions("growing", backend="xla", passes=3, loop_count=4, warmup=0, verify=False)
    result = measure(RunRequest(options, source=find_source(growing)))
    assert result.effective["compilations_in_passes"] == 12
    assert "compiling" in [one["rule"] for one in result.verdict["findings"]]
    assert any("still compiles after 5 runs" in note for note in result.notes)


def test_an_operator_that_xla_lacks_is_noted():
    import torch

    class Lacking(torch.nn.Module):
        def forward(self, x):
            return torch.special.i0(x)

    with compiled("xla", model_of(Lacking(), torch.ones(2, 2))) as session:
        assert "i0" in session.effective["host_operators"]
        assert any("PyTorch runs on the host" in note for note in session.notes)


def test_parameters_that_modules_share_stay_shared():
    import torch

    from ttbench_core.backends.shared.xla.placing import place_module

    first, second = torch.nn.Linear(4, 4), torch.nn.Linear(4, 4)
    second.weight = first.weight
    module = torch.nn.Sequential(first, second)
    place_module(module, torch_xla.device(), torch.float32)
    assert module[0].weight is module[1].weight
    assert module[0].weight.device.type == "xla"
    assert module[0].bias is not module[1].bias


def test_another_type_of_device_in_one_process_is_refused():
    with compiled("xla", sample()):
        pass
    with pytest.raises(UnsupportedOptionError, match="one type of device in a process, now CPU"):
        compiled("xla", sample(), device="tpu")


def test_another_number_of_threads_in_one_process_is_refused():
    with compiled("xla", sample()) as session:
        threads = session.effective["threads"]
    with pytest.raises(UnsupportedOptionError, match="one number of threads in a process"):
        compiled("xla", sample(), threads=threads + 1)


def test_a_fidelity_that_changes_nothing_is_noted():
    with compiled("xla", sample(), math_fidelity="LoFi") as session:
        assert session.effective["matmul_precision"] == "default"
        assert any("changes nothing here" in note for note in session.notes)
    with compiled("xla", sample()) as session:
        assert session.effective["matmul_precision"] == "highest"


def test_versions_name_torch_and_torch_xla():
    assert set(load_backend("xla").backend.versions()) == {"torch", "torch-xla"}
