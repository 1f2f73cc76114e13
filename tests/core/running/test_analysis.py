"""Beside the time: whether outputs are right, how much work it was; neither hides the other."""

from __future__ import annotations

import json

import pytest

import ttbench_core
from ttbench_core import RequestError, Result, StagedModel, Stages
from ttbench_core.record.deriving import derive
from ttbench_core.results.comparison import compare

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch


class Rounds(torch.nn.Module):
    """Right in float32, and wrong by as much as it is asked in any other format."""

    def __init__(self, noise):
        super().__init__()
        self.layer = torch.nn.Linear(16, 16)
        self.noise = noise

    def forward(self, x):
        y = self.layer(x)
        return y if y.dtype == torch.float32 else y + self.noise * torch.randn_like(y)


def model(noise=0.0, **attributes):
    def builder(training):
        return StagedModel(Stages(device=Rounds(noise)), [torch.randn(8, 16)], **attributes)

    return builder


def run(builder, **options):
    asked = {"device": "cpu", "progress": False, "passes": 3, "roofline": False, **options}
    return ttbench_core.run(builder, **asked)


def test_fp32_eager_on_the_cpu_is_the_reference_and_not_verified():
    assert run(model()).verification is None


@pytest.mark.parametrize("options", [{"dataformat": "Fp16_b"}, {"math_fidelity": "LoFi"}])
def test_every_other_format_and_fidelity_is_verified(options):
    result = run(model(), **options)
    assert result.verification["passed"] is True
    assert result.verification["pcc"] > 0.999
    assert result.verification["threshold"] == 0.99
    assert "verify" in result.phases_ns


def test_verification_that_was_asked_for_is_done_where_it_would_not_be():
    result = run(model(), verify=True)
    assert result.verification["pcc"] == pytest.approx(1.0)
    assert result.verification["max_abs_difference"] == 0.0


def test_wrong_outputs_keep_their_speed_and_are_said_to_be_wrong():
    result = run(model(noise=9.0), dataformat="Fp16_b")
    assert result.ok
    assert result.samples_per_sec > 0
    assert not result.outputs_are_right
    assert result.verification["passed"] is False
    assert "outputs are WRONG" in repr(result)


def test_a_format_that_a_model_declares_inexact_is_judged_by_that():
    rough = model(noise=0.2, pcc={"Fp16_b": 0.5})
    assert run(rough, dataformat="Fp16_b").verification["threshold"] == 0.5
    assert run(rough, dataformat="Fp16_b").outputs_are_right
    assert not run(rough, dataformat="Fp16_b", pcc=0.9999).outputs_are_right


def test_verification_can_be_left_out():
    result = run(model(noise=9.0), dataformat="Fp16_b", verify=False)
    assert result.verification is None
    assert result.outputs_are_right


def test_training_is_not_verified_and_cannot_be():
    with pytest.raises(RequestError, match="leave out -t"):
        run(model(), training=True, verify=True)


def test_a_reference_that_fails_is_said_and_hides_no_speed():
    class Half(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(4, 4))

        def forward(self, x):
            if x.dtype == torch.float32:
                raise RuntimeError("bfloat16 only")
            return x @ self.weight

    result = run(lambda training: ([Half()], [torch.ones(2, 4)]), dataformat="Fp16_b")
    assert result.samples_per_sec > 0
    assert result.verification["passed"] is None
    assert "bfloat16 only" in result.verification["reason"]
    assert dict(result.summary())["outputs"].startswith("not verified: the reference failed")


def test_the_command_line_exits_with_1_for_wrong_outputs_and_keeps_the_record(
    ttbench, tmp_path, fake_pack
):
    fake_pack(
        "wrong-pack",
        "[ttbench.models]\nwrong = wrong_pack:wrong\n",
        wrong_pack=(
            "import torch\n"
            "class Wrong(torch.nn.Module):\n"
            "    def forward(self, x):\n"
            "        return x if x.dtype == torch.float32 else x.flip(0)\n"
            "def wrong(training):\n"
            "    return [Wrong()], [torch.arange(8.0).reshape(8, 1)]\n"
        ),
    )
    words = ("-m", "wrong", "-df", "Fp16_b", "-d", "cpu", "--passes", 3, "--no-roofline")
    outcome = ttbench(*words, "-o", tmp_path / "perf.json")
    assert outcome.code == 1
    assert "WRONG: PCC -1.00000" in outcome.out
    (record,) = json.loads((tmp_path / "perf.json").read_text())
    assert record["status"] == "ok"
    assert record["samples_per_sec"] > 0
    assert ttbench(*words, "--no-verify").code == 0


def test_the_work_of_an_input_is_counted_and_the_share_of_the_peak_computed():
    result = run(model(), roofline=True)
    assert result.cost["flops_per_input"] == 2 * 8 * 16 * 16
    reached = result.cost["device_flops_per_input"] / (result.total_time / 5)
    assert result.roofline["flops_per_s"] == pytest.approx(reached)
    share = result.roofline["flops_per_s"] / result.roofline["peak_flops_per_s"]
    assert result.roofline["share"] == pytest.approx(share)
    assert result.roofline["peak_bytes_per_s"] > 0


def test_without_the_roofline_there_is_no_peak_and_still_the_rate():
    result = run(model())
    assert result.roofline["flops_per_s"] > 0
    assert result.roofline["share"] is None
    assert "roofline" not in result.phases_ns


def test_every_figure_is_derived_again_from_a_kept_record():
    result = run(model(), dataformat="Fp16_b")
    kept = Result.from_record(json.loads(result.to_json()))
    assert derive(kept).to_record() == result.to_record()


def test_threads_are_what_was_asked_and_as_before_afterwards():
    before = torch.get_num_threads()
    result = run(model(), threads=1)
    assert result.effective["threads"] == 1
    assert result.args["threads"] == result.requested["threads"] == 1
    assert torch.get_num_threads() == before


def test_latency_with_one_in_flight_is_asked_for_by_the_scenario():
    def staged(training):
        return [torch.nn.Identity(), torch.nn.Identity(), None], [torch.ones(1, 4)]

    assert run(staged).in_flight > 1
    result = run(staged, scenario="latency")
    assert result.in_flight == 1
    assert result.args["scenario"] == "latency"
    assert result.littles_law["mean_in_flight"] <= 1.0


class Overflows(torch.nn.Module):
    """A loss that is no number."""

    def forward(self, outputs, targets):
        return (outputs - targets).abs().sum() * float("nan")


@pytest.mark.parametrize(("loss", "right"), [(Overflows(), False), (torch.nn.L1Loss(), True)])
def test_training_whose_loss_is_no_number_is_wrong(loss, right):
    def builder(training):
        return StagedModel(
            Stages(device=torch.nn.Linear(4, 4), loss=loss),
            [torch.randn(2, 4)],
            [torch.randn(2, 4)],
        )

    result = run(builder, training=True)
    assert result.outputs_are_right is right
    told = dict(result.summary())
    assert told.get("outputs") == (None if right else "WRONG: the loss of a training step is nan")


def test_outputs_that_no_other_format_gives_are_neither_right_nor_wrong():
    result = run(model(noise=3.0, incomparable="it shuffles"), dataformat="Fp16_b")
    assert result.verification["passed"] is None
    assert result.verification["pcc"] < 0.9
    assert dict(result.summary())["outputs"] == "not verified: it shuffles"
    asked = run(model(noise=3.0, incomparable="it shuffles"), dataformat="Fp16_b", pcc=0.99)
    assert asked.outputs_are_right is False


def test_outputs_that_are_not_finite_are_wrong_also_of_what_is_not_compared():
    result = run(model(noise=float("nan"), incomparable="it shuffles"), dataformat="Fp16_b")
    assert result.outputs_are_right is False


def test_what_a_model_says_of_its_numbers_is_in_the_record():
    assert run(model(notes=["its head is random"])).notes == ["its head is random"]


def test_sizes_that_a_model_chose_are_recorded_as_what_ran():
    def builder(training, seq_len=6, image_size=8):
        class Both(torch.nn.Module):
            def forward(self, ids, images):
                return ids.float().mean() + images

        ids = torch.randint(9, (1, seq_len))
        return StagedModel(Stages(device=Both()), [ids, torch.rand(1, 3, image_size, image_size)])

    chosen, asked = run(builder), run(builder, seq_len=6)
    assert chosen.args["seq_len"] == asked.args["seq_len"] == 6
    assert chosen.args["image_size"] == 8
    assert chosen.requested["seq_len"] is None
    assert compare([chosen], [asked]).pairs
