"""The backend `pybuda` in this process, on the stand-in: what it asks of PyBuda, in what order."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from pathlib import Path

import pytest

from ttbench_core import BenchmarkError, RequestError
from ttbench_core.backends.call_deadline import CALL_DEADLINE
from ttbench_core.backends.engine_options import with_spelled_options
from ttbench_core.backends.planning import plan
from ttbench_core.backends.selection import choose_backend
from ttbench_core.errors import SessionError
from ttbench_core.measure.passes import drive
from ttbench_core.models.building import build_model
from ttbench_core.plugins.catalogue import find_model
from ttbench_core.request.keywords import options_from
from ttbench_core.running.measuring import measure
from ttbench_core.running.request import request_of
from ttbench_core.testing import check_session

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

PACKS = Path(__file__).parents[2] / "packs"
QUICK = {"passes": 2, "warmup": 1, "loop_count": 4, "roofline": False}


@pytest.fixture
def pybuda(fake_pybuda, monkeypatch):
    monkeypatch.syspath_prepend(PACKS / "networks")
    return fake_pybuda


@pytest.fixture
def backend(pybuda):
    return choose_backend("pybuda")


def measured(model="dense", **options):
    return measure(request_of(model, {"backend": "pybuda", **QUICK, **options}))


@contextlib.contextmanager
def opened(backend, model="dense", **options):
    """A session, its model, and what was planned."""
    asked = options_from(model, with_spelled_options({"backend": "pybuda", **options}))
    planned = plan(asked, backend)
    found = find_model(model)
    builder, plugin = found.builder, found.plugin
    config = builder.default_config
    from dataclasses import replace

    built = build_model(builder, replace(asked, config=config), planned.for_builder(), plugin.where)
    with backend.compile(built, planned) as session:
        yield session, built


def names(pybuda):
    return [name.removeprefix("pybuda.") for name in pybuda.standin.names()]


def configured(pybuda):
    """Every option that set_configuration_options was given, with its last value."""
    given = {}
    for call in pybuda.standin.arguments_of("pybuda.config.set_configuration_options"):
        given.update({name: value for name, value in call.items() if value is not None})
    return given


# ----- one run ---------------------------------------------------------------------------------


def test_a_run_goes_through_and_its_outputs_are_right(pybuda):
    result = measured()
    assert result.ok
    assert result.total_samples == 4 * 4
    assert result.verification["passed"]
    assert result.devices[0]["kind"] == "silicon"
    assert result.arch == "wormhole_b0"
    assert result.versions["pybuda"].endswith("wh_b0.88bf527")
    assert result.versions["pybuda_family"] == "wh_b0"


def test_the_defaults_are_those_of_the_originals_code(pybuda):
    result = measured()
    assert result.args["dataformat"] == "Bfp8_b"
    assert result.args["math_fidelity"] == "LoFi"
    assert result.args["backend_opt_level"] == 4
    given = configured(pybuda)
    assert given["default_df_override"] is pybuda.DataFormat.Bfp8_b
    assert given["math_fidelity"] is pybuda.MathFidelity.LoFi
    assert given["backend_opt_level"] == 4
    (made,) = pybuda.standin.arguments_of("pybuda.TTDevice.__init__")
    assert made["fp32_fallback"] is pybuda.DataFormat.Bfp8_b


def test_configuration_comes_before_devices_and_devices_before_compiling(pybuda):
    measured("staged")
    order = names(pybuda)
    assert order[0] == "detect_available_devices"
    steps = [
        "pybuda_reset",
        "config.set_configuration_options",
        "CPUDevice.__init__",
        "TTDevice.__init__",
        "initialize_pipeline",
        "CPUDevice.push_to_inputs",
        "run_forward",
        "shutdown",
    ]
    found = [order.index(step) for step in steps]
    assert found == sorted(found)
    assert order[-2:] == ["shutdown", "pybuda_reset"]


def test_devices_are_made_in_pipeline_order(pybuda):
    measured("staged")
    made = [
        arguments["name"]
        for call in pybuda.standin.calls
        if call.name.endswith("Device.__init__")
        for arguments in [call.arguments]
    ]
    assert made == ["cpu-pre", "tt0", "cpu-post"]


@pytest.mark.parametrize("loops", [True, False])
def test_a_pass_is_one_call_and_one_program_only_if_pybuda_loops(pybuda, loops):
    if loops:
        os.environ["PYBUDA_MICROBATCH_LOOPING"] = "1"
    measured(loop_count=16, passes=2, warmup=2, verify=False)
    counts = [call["input_count"] for call in pybuda.standin.arguments_of("pybuda.run_forward")]
    assert counts[0] == 1
    assert counts[-2:] == [16, 16]
    assert pybuda.standin.programs == (counts if loops else [1] * sum(counts))


def test_outputs_come_in_the_order_of_their_inputs(backend, pybuda):
    with opened(backend) as (session, model):
        inputs = [[torch.full_like(model.inputs[0], float(number))] for number in range(20)]
        expected = [model.stages.device(one[0]) for one in inputs]
        got = []
        session.expect(20)
        for number, one in enumerate(inputs):
            if len(got) + session.depth <= number:
                got.append(session.pop())
            session.push(one)
        got += [session.pop() for _ in range(20 - len(got))]
    assert all(torch.equal(mine[0], right) for mine, right in zip(got, expected, strict=True))


@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("dense", {}),
        ("staged", {}),
        ("dense", {"single_thread": True}),
        ("dense", {"device": "golden"}),
        ("dense", {"training": True}),
        ("staged", {"training": True, "microbatch_count": 3}),
        ("speaker", {}),
    ],
)
def test_every_session_keeps_the_contract(backend, pybuda, model, options):
    with opened(backend, model, **options) as (session, built):
        check_session(session, built.inputs)


def test_the_users_module_stays_as_it_is(backend, pybuda):
    with opened(backend) as (session, model):
        session.push(model.inputs)
        session.pop()
    module = model.stages.device
    assert not hasattr(module, "original_forward")
    assert "forward" not in vars(module)


def test_64_bit_integers_are_sent_to_the_card_as_32_bit(backend, pybuda):
    with opened(backend, "counted") as (session, model):
        session.push(model.inputs)
        session.pop()
    (pushed,) = pybuda.standin.arguments_of("pybuda.TTDevice.push_to_inputs")
    assert pushed["tensors"][0][0].dtype == torch.int32
    assert model.inputs[0].dtype == torch.int64


def test_integers_are_sent_to_a_stage_on_the_host_unchanged(backend, pybuda):
    with opened(backend, "staged") as (session, model):
        session.push(model.inputs)
        session.pop()
    (pushed,) = pybuda.standin.arguments_of("pybuda.CPUDevice.push_to_inputs")
    assert pushed["tensors"][0][0].dtype == torch.int64


def test_files_of_the_user_are_not_removed_with_those_of_pybuda(pybuda, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mine = [tmp_path / f"{name}.py" for name in ("model", "device", "cpu_pre", "loss", "through")]
    for file in mine:
        file.touch()
    assert measured("staged").ok
    assert measured(training=True).ok
    assert all(file.exists() for file in mine)


def test_two_runs_do_not_build_in_one_folder(pybuda):
    measured()
    measured()
    folders = [
        call["backend_output_dir"]
        for call in pybuda.standin.arguments_of("pybuda.config.set_configuration_options")
        if call["backend_output_dir"]
    ]
    assert len(set(folders)) == 2
    assert not any(Path(folder).exists() for folder in folders)
    os.environ["PYBUDA_BUILD_DIR"] = str(Path(folders[0]).parent)
    measured()
    assert configured(pybuda)["backend_output_dir"] == folders[1]


def test_two_runs_in_one_process_are_independent(pybuda):
    assert measured().ok
    assert measured(dataformat="Fp16_b").ok


# ----- modes -----------------------------------------------------------------------------------


def test_single_thread_counts_what_was_really_run(pybuda):
    result = measured(single_thread=True, loop_count=3)
    assert result.in_flight == 1
    assert result.total_samples == 3 * 4
    counts = [call["input_count"] for call in pybuda.standin.arguments_of("pybuda.run_forward")]
    assert set(counts) == {1}
    # first call, warm-up, two passes, verification
    assert len(counts) == 1 + 1 + 2 * 3 + 1


def test_without_a_card_inputs_are_pushed_before_they_are_run(pybuda):
    pybuda.standin.configure(cards=())
    result = measured(device="golden")
    assert result.ok
    assert result.effective["sequential"]
    assert "golden imitates a card on the host: its speed is not a card's" in result.notes
    assert result.effective["emulated_device"] is True
    assert not result.is_comparable
    (made,) = pybuda.standin.arguments_of("pybuda.TTDevice.__init__")
    assert made["devtype"] is pybuda.BackendType.Golden


def test_devtype_means_the_same_as_device(pybuda):
    pybuda.standin.configure(cards=())
    result = measured(devtype="golden", arch="wormhole_b0")
    assert (result.devices[0]["kind"], result.arch) == ("golden", "wormhole_b0")


def test_the_model_device_fails_as_a_record(pybuda):
    with pytest.raises(BenchmarkError, match="first_call: DeviceFailedError"):
        measured(devtype="model")


def test_training_goes_forward_and_backward_in_groups(pybuda):
    result = measured(training=True, microbatch_count=2, loop_count=4, passes=1, warmup=0)
    assert result.ok
    groups = pybuda.standin.arguments_of("pybuda.run_backward")
    assert all(call["zero_grad"] for call in groups)
    assert [call["input_count"] for call in groups] == [1, 2, 2]
    (compiled,) = pybuda.standin.arguments_of("pybuda.initialize_pipeline")
    assert compiled["microbatch_count"] == 2
    assert compiled["training"]


def test_an_output_that_the_loss_ignores_does_not_break_training(pybuda):
    assert measured("ignoring", training=True).ok


def test_a_failure_in_the_last_backward_pass_is_a_failed_record(pybuda):
    pybuda.standin.configure(fail="backward", after=4)
    with pytest.raises(BenchmarkError, match="passes: DeviceFailedError"):
        measured(training=True, warmup=0, passes=1, loop_count=4)


def test_a_training_pass_ends_after_the_last_backward_pass(backend, pybuda):
    with opened(backend, training=True) as (session, model):
        drive(session, model.inputs, 3)
        assert names(pybuda).count("sync") == 1
        assert names(pybuda)[-1] == "sync"


def test_the_loss_equals_that_of_torch(backend, pybuda):
    for model in ("dense", "staged"):
        with opened(backend, model, training=True) as (session, built):
            session.push(built.inputs)
            (loss,) = session.pop()
            outputs = [*built.inputs]
            for stage in [built.stages.cpu_pre, built.stages.device, built.stages.cpu_post]:
                if stage is not None:
                    outputs = stage(*outputs)
                    outputs = list(outputs.values()) if isinstance(outputs, dict) else outputs
                    outputs = outputs if isinstance(outputs, list) else [outputs]
            expected = built.stages.loss(*outputs, *built.targets)
        assert loss == pytest.approx(expected.item(), rel=1e-5)


def test_recompute_is_set_in_the_compiler(pybuda):
    measured(training=True, recompute=True)
    assert configured(pybuda)["enable_recompute"] is True


def test_a_generator_counts_its_tokens(pybuda):
    result = measured("speaker", generative=True, loop_count=1, verify=None)
    assert result.ok
    assert result.model["unit"] == "token"
    assert result.total_samples == 35
    assert result.model["parameters"] == 0


def test_a_generator_generates_the_same_tokens_every_time(backend, pybuda):
    with opened(backend, "speaker") as (session, model):
        found = []
        for _ in range(2):
            session.push(model.inputs)
            (tokens,) = session.pop()
            found.append(tokens.tolist())
    assert found[0] == found[1]
    assert len(found[0][0]) == 35
    assert float(model.inputs[3].sum()) == 1.0


def test_a_generator_rotates_its_cache_after_each_tile_of_tokens(backend, pybuda):
    with opened(backend, "speaker") as (session, model):
        session.push(model.inputs)
        session.pop()
    order = [
        call["subgraph_index"]
        for call in pybuda.standin.arguments_of("pybuda.TTDevice.set_active_subgraph")
    ]
    assert order == [0, 1] + [2] * 31 + [3] + [2] * 3
    rotations = [
        call
        for call in pybuda.standin.arguments_of("pybuda.run_generate")
        if call["input_count"] == 0
    ]
    assert len(rotations) == 1


def test_a_speech_generator_runs_without_tokens_as_inputs(pybuda):
    result = measured("listener", loop_count=1)
    assert result.ok
    assert result.total_samples == 5


def test_generative_needs_a_model_that_generates(pybuda):
    with pytest.raises(RequestError, match="does not generate tokens: leave out --generative"):
        measured("dense", generative=True)


# ----- images ----------------------------------------------------------------------------------


def test_an_image_is_saved_without_a_measurement(pybuda, tmp_path):
    result = measured(save_tti=str(tmp_path / "new" / "dense.tti"))
    assert result.ok
    assert result.samples_per_sec is None
    assert result.image["file"] == str(tmp_path / "new" / "dense.tti")
    assert result.image["size_bytes"] == (tmp_path / "new" / "dense.tti").stat().st_size
    assert result.verdict is None
    assert ("saved to", f"{result.image['file']}") in [
        (label, text.partition(" (")[0]) for label, text in result.summary()
    ]


def test_an_image_can_be_compiled_while_no_card_is_there(pybuda, tmp_path):
    pybuda.standin.configure(cards=(), wheel_family="gs")
    options = {"arch": "grayskull", "device_config": "gs_e150"}
    assert measured(save_tti=str(tmp_path / "dense.tti"), **options).ok


def test_a_saved_image_runs(pybuda, tmp_path):
    path = str(tmp_path / "dense.tti")
    measured(save_tti=path, seed=3)
    result = measured(load_tti=path, seed=3)
    assert result.ok
    assert result.verification["passed"]
    assert result.effective["image"] == path


def test_a_loaded_image_runs_in_the_folder_of_its_own_binaries(backend, pybuda, tmp_path):
    path = tmp_path / "dense.tti"
    measured(save_tti=str(path))
    with opened(backend, load_tti=str(path)):
        config = pybuda.config._get_global_compiler_config()
        folder = Path(config.backend_output_dir)
    assert folder == tmp_path / "unzipped_tti" / "backend_build_binaries"
    assert (folder / "runtime_data.yaml").is_file()  # nobody has emptied it


def test_an_image_that_is_not_there_is_a_wrong_request(pybuda, tmp_path):
    with pytest.raises(RequestError, match=r"--load_tti .*none.tti: there is no such file"):
        measured(load_tti=str(tmp_path / "none.tti"))


def test_an_image_of_another_wheel_is_a_failed_record(pybuda, tmp_path):
    path = str(tmp_path / "dense.tti")
    measured(save_tti=path)
    pybuda.standin.configure(wheel_family="wh_b0")
    from pybuda.standin import images

    image = images.load(path, None)
    image.pybuda_pip_version_id = "0.1.240101+dev.wh_b0.1234567"
    images.save(image, path)
    pybuda.pybuda_reset()
    with pytest.raises(BenchmarkError, match="compile: AssertionError: .*does not match"):
        measured(load_tti=path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dataformat": "Fp32"}, "compiled with -df Bfp8_b, and Float32 was asked"),
        ({"math_fidelity": "HiFi4"}, "compiled with -mf LoFi, and HiFi4 was asked"),
        ({"training": True}, "compiled with -t False, and True was asked"),
        ({"microbatch": 8}, r"takes inputs of \[\[4, 8\]\], and those of this request are \[\[8"),
        ({"chips": 2}, "compiled with --chips 1, and 2 was asked"),
    ],
)
def test_an_image_that_is_not_what_was_asked_is_refused(pybuda, tmp_path, options, message):
    path = str(tmp_path / "dense.tti")
    measured(save_tti=path)
    with pytest.raises(RequestError, match=message):
        measured(load_tti=path, **options)


@pytest.mark.parametrize(
    ("saved", "asked", "message"),
    [
        ({"device": "golden"}, {}, "compiled with --devtype golden, and silicon was asked"),
        ({}, {"device": "golden"}, "compiled with --devtype silicon, and golden was asked"),
        (
            {"device": "golden", "arch": "grayskull"},
            {"device": "golden"},
            "compiled with --arch grayskull, and wormhole_b0 was asked",
        ),
    ],
)
def test_an_image_for_another_device_is_refused(pybuda, tmp_path, saved, asked, message):
    path = str(tmp_path / "dense.tti")
    measured(save_tti=path, **saved)
    with pytest.raises(RequestError, match=message):
        measured(load_tti=path, **asked)


def test_an_image_for_both_chips_of_an_n300_runs_on_both(pybuda, tmp_path):
    path = str(tmp_path / "dense.tti")
    os.environ["PYBUDA_N300_DATA_PARALLEL"] = "1"
    measured(save_tti=path, seed=3)
    assert measured(load_tti=path, seed=3).verification["passed"]
    del os.environ["PYBUDA_N300_DATA_PARALLEL"]
    with pytest.raises(RequestError, match=r"takes inputs of \[\[2, 8\], \[2, 8\]\], and those of"):
        measured(load_tti=path)


def test_an_image_for_an_emulated_card_runs_on_one(pybuda, tmp_path):
    path = str(tmp_path / "dense.tti")
    measured(save_tti=path, device="golden")
    assert measured(load_tti=path, device="golden").effective["devtype"] == "golden"


def test_an_image_runs_on_the_card_that_was_asked_for(pybuda, tmp_path):
    pybuda.standin.configure(cards=("Wormhole_B0",) * 2)
    path = str(tmp_path / "dense.tti")
    measured(save_tti=path)
    result = measured(load_tti=path, device="silicon:1")
    assert result.devices[0]["index"] == 1
    loaded = pybuda.standin.arguments_of("pybuda.TTDeviceImage.load_from_disk")
    assert loaded[-1]["device_id_overrides"] == [1]


def test_a_loaded_image_can_be_traced(pybuda, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    measured(save_tti="dense.tti")
    files = measured(load_tti="dense.tti", trace="light").trace["files"]
    assert any(name.endswith("perf_postprocess.json") for name in files)


def test_saving_an_image_checks_its_files_before_it_compiles(pybuda, tmp_path):
    with pytest.raises(RequestError, match="it is a folder; name a file in it"):
        measured(save_tti=str(tmp_path))
    with pytest.raises(RequestError, match="--runtime_params_yaml nope.yaml: there is no such"):
        measured(save_tti=str(tmp_path / "d.tti"), runtime_params_yaml="nope.yaml")
    with pytest.raises(RequestError, match="--save_tti measures nothing: leave out --trace"):
        measured(save_tti=str(tmp_path / "d.tti"), trace="light")
    assert "pybuda.initialize_pipeline" not in pybuda.standin.names()


@pytest.fixture
def ends_slowly(pybuda, monkeypatch):
    """Cards that need longer to end than a run that was broken off waits for them."""
    from ttbench_core.backends.pybuda import multicard_session

    monkeypatch.setattr(multicard_session, "_SHUTDOWN_TIMEOUT_S", 0.05)
    pybuda.standin.configure(ending_s=0.3)


def test_cards_that_end_slowly_after_a_good_run_are_waited_for(pybuda, ends_slowly, tmp_path):
    assert measured(parallel_tti=str(tmp_path)).ok


def test_cards_that_end_slowly_after_a_run_that_broke_off_are_left(
    backend, pybuda, ends_slowly, tmp_path, monkeypatch
):
    from pybuda.tools.tti_data_parallel import MultiCardRunner

    def broken_off(self, all_inputs):
        raise KeyboardInterrupt

    monkeypatch.setattr(MultiCardRunner, "run", broken_off)

    def run():
        with opened(backend, parallel_tti=str(tmp_path), loop_count=1) as (session, model):
            session.expect(1)
            with pytest.raises(KeyboardInterrupt):
                session.push(model.inputs)

    with pytest.raises(SessionError, match="letting go of the cards did not return within 0.05 s"):
        run()


@pytest.mark.parametrize("flag", ["save_tti", "parallel_tti"])
def test_an_image_is_not_compiled_where_rsync_is_missing(pybuda, tmp_path, monkeypatch, flag):
    monkeypatch.setenv("PATH", str(tmp_path))
    message = f"--{flag}: PyBuda saves an image with the program rsync, which is not on PATH: inst"
    with pytest.raises(RequestError, match=message):
        measured(**{flag: str(tmp_path / "new")})
    assert "pybuda.initialize_pipeline" not in pybuda.standin.names()


def test_an_image_that_was_saved_before_needs_no_rsync(pybuda, tmp_path, monkeypatch):
    pybuda.standin.configure(cards=("Wormhole_B0",) * 2)
    path = str(tmp_path / "dense.tti")
    measured(save_tti=path, microbatch=2)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert measured(load_tti=path, microbatch=2).ok
    assert measured(load_tti=path, parallel_tti=str(tmp_path / "cards"), microbatch=4).ok


def test_the_availability_says_that_rsync_is_missing(pybuda, monkeypatch, tmp_path):
    from ttbench_core.backends.pybuda import backend, cards

    (tmp_path / "0").touch()
    monkeypatch.setattr(cards, "DRIVER_NODES", tmp_path)
    assert backend.PybudaBackend().availability().reason == ""
    monkeypatch.setenv("PATH", str(tmp_path))
    found = backend.PybudaBackend().availability()
    assert (found.usable, found.automatic) == (True, True)
    assert "rsync" in found.reason
    assert "install rsync" in found.remedy
    (tmp_path / "0").unlink()
    found = backend.PybudaBackend().availability()
    assert not found.automatic
    assert found.reason.startswith("no card is there")
    assert "rsync" in found.reason


@pytest.mark.parametrize("number", [1, 2])
def test_every_card_runs_its_share(pybuda, tmp_path, number):
    pybuda.standin.configure(cards=("Wormhole_B0",) * number)
    result = measured(parallel_tti=str(tmp_path), loop_count=3, microbatch=4)
    assert result.ok
    assert result.verification["passed"]
    assert len(result.devices) == number
    assert result.total_samples == 3 * 4
    # there are no times of single inputs
    assert (result.latency, result.steady, result.output_interval) == (None, None, None)
    assert "fill" not in [finding["rule"] for finding in result.verdict["findings"]]
    assert (tmp_path / "parallel_tti_run.tti").is_file()


def test_every_card_can_run_an_image_that_was_saved_before(pybuda, tmp_path):
    pybuda.standin.configure(cards=("Wormhole_B0",) * 2)
    path = str(tmp_path / "dense.tti")
    measured(save_tti=path, microbatch=2)
    result = measured(load_tti=path, parallel_tti=str(tmp_path / "cards"), microbatch=4)
    assert result.ok


@pytest.mark.parametrize(
    ("saved", "asked", "message"),
    [
        ({"device": "golden"}, {}, "compiled with --devtype golden, and silicon was asked"),
        ({"dataformat": "Fp16_b"}, {}, "compiled with -df Float16_b, and Bfp8_b was asked"),
        (
            {},
            {"microbatch": 8},
            r"inputs of \[\[2, 8\]\], and those of this request are \[\[4, 8\]\] for each card",
        ),
    ],
)
def test_an_image_that_is_not_for_the_cards_that_were_asked_for_is_refused(
    pybuda, tmp_path, saved, asked, message
):
    pybuda.standin.configure(cards=("Wormhole_B0",) * 2)
    path = str(tmp_path / "dense.tti")
    measured(save_tti=path, microbatch=2, **saved)
    options = {"microbatch": 4, **asked}
    with pytest.raises(RequestError, match=message):
        measured(load_tti=path, parallel_tti=str(tmp_path / "cards"), **options)


def test_an_input_that_cannot_be_split_over_the_cards_is_refused(pybuda, tmp_path):
    pybuda.standin.configure(cards=("Wormhole_B0",) * 3)
    with pytest.raises(RequestError, match="over 3 cards, and 4 samples cannot be: use -mb 3"):
        measured(parallel_tti=str(tmp_path), microbatch=4)


def test_a_model_with_host_stages_is_refused_on_several_cards(pybuda, tmp_path):
    with pytest.raises(RequestError, match="device stage alone, and this model has cpu_pre"):
        measured("staged", parallel_tti=str(tmp_path))


def test_a_generator_runs_on_every_card(pybuda, tmp_path):
    pybuda.standin.configure(cards=("Wormhole_B0",) * 2)
    result = measured("speaker", parallel_tti=str(tmp_path), loop_count=1)
    assert result.ok
    assert result.total_samples == 2 * 35


# ----- what is set, and undone -----------------------------------------------------------------


def test_what_the_builder_passes_is_applied_and_recorded(pybuda):
    result = measured("tuned")
    tuning = result.effective["tuning"]
    assert tuning["environment"]["PYBUDA_OWN_RULE"] == "1"
    assert tuning["settings"] == ["balancer_policy=Ribbon"]
    assert measured("tuned", dataformat="Fp32").effective["tuning"]["settings"] == []


def test_the_environment_is_undone_after_a_run(pybuda):
    before = dict(os.environ)
    measured("tuned")
    assert dict(os.environ) == before


def test_the_environment_is_undone_after_a_failure(pybuda):
    before = dict(os.environ)
    pybuda.standin.configure(fail="compile")
    with pytest.raises(BenchmarkError, match="Backend compile failed"):
        measured("tuned")
    assert dict(os.environ) == before


def test_variables_that_the_user_has_set_stay_and_are_noted(pybuda, monkeypatch):
    monkeypatch.setenv("PYBUDA_OWN_RULE", "0")
    result = measured("tuned")
    assert result.effective["tuning"]["kept_environment"] == {"PYBUDA_OWN_RULE": "0"}
    assert any(note.startswith("PYBUDA_OWN_RULE is 0 as you have set it") for note in result.notes)


def test_a_policy_that_was_asked_for_wins_over_a_recommendation(pybuda):
    result = measured("tuned", balancer_policy="CNN")
    assert result.effective["tuning"]["settings"] == []
    assert configured(pybuda)["balancer_policy"] == "CNN"


def test_harvested_cards_are_emulated_on_wormhole(pybuda):
    environment = measured().effective["tuning"]["environment"]
    assert environment["PYBUDA_FORCE_EMULATE_HARVESTED"] == "1"
    assert environment["TT_BACKEND_PUSH_TIMEOUT"] == "500"
    pybuda.standin.configure(cards=("Grayskull",), wheel_family="gs")
    assert "PYBUDA_FORCE_EMULATE_HARVESTED" not in measured().effective["tuning"]["environment"]


@pytest.mark.parametrize(
    ("rules", "fault"),
    [
        ([{"when": {"colour": ["red"]}}], "unknown 'colour'"),
        ([{"set": {"no_such_setting": 1}}], "no_such_setting=1: AttributeError: PyBuda's compiler"),
        ([{"calls": [{"name": "shutdown"}]}], "no function that rules may call: _internal_"),
        ([{"calls": [{"name": "dont_fuse", "args": [], "kwargs": {"x": 1}}]}], "dont_fuse"),
    ],
)
def test_rules_that_cannot_be_applied_name_the_pack_and_the_rule(pybuda, rules, fault):
    from ttbench_core import StagedModel, Stages

    def broken(training: bool):
        return StagedModel(
            Stages(torch.nn.Linear(2, 2)),
            [torch.rand(1, 2)],
            tuning={"pybuda": {"rules": rules}},
        )

    with pytest.raises(RequestError, match=fault):
        measure(request_of(broken, {"backend": "pybuda"}))


def test_the_flags_reach_the_compiler(pybuda, tmp_path):
    yaml = tmp_path / "board.yaml"
    yaml.touch()
    measured(
        auto_transpose=True,
        runtime_params_yaml=str(yaml),
        dataformat="Fp16_b",
        math_fidelity="HiFi3",
        backend_opt_level=2,
    )
    given = configured(pybuda)
    assert given["enable_auto_transposing_placement"] is True
    assert given["backend_runtime_params_path"] == str(yaml)
    assert given["default_df_override"] is pybuda.DataFormat.Float16_b
    assert given["math_fidelity"] is pybuda.MathFidelity.HiFi3
    assert given["backend_opt_level"] == 2


def test_the_environment_can_switch_fusing_off(pybuda):
    os.environ["PYBUDA_DISABLE_FUSE_OPS"] = "1"
    measured()
    assert configured(pybuda)["enable_auto_fusing"] is False


def test_fusing_and_recomputing_are_not_written_unless_asked_for(pybuda):
    measured()
    assert not {"enable_auto_fusing", "enable_recompute"} & configured(pybuda).keys()


@pytest.mark.parametrize("fuses", [True, False])
def test_fusing_is_as_the_rules_of_a_model_say(backend, pybuda, fuses):
    from ttbench_core import StagedModel, Stages

    rules = [] if fuses else [{"set": {"enable_auto_fusing": False}}]
    tuning = {"pybuda": {"rules": rules}}
    model = StagedModel(Stages(torch.nn.Linear(2, 2)), [torch.rand(1, 2)], tuning=tuning)
    with backend.compile(model, plan(options_from("m", {"backend": "pybuda"}), backend)):
        config = pybuda.config._get_global_compiler_config()
        assert config.enable_auto_fusing is fuses


def test_halves_of_several_outputs_are_joined_with_their_own(pybuda):
    class Different(torch.nn.Module):
        def forward(self, tensor):
            return tensor, tensor[:, :2], tensor.unsqueeze(1)

    def several(training: bool):
        return [Different()], [torch.rand(4, 8)]

    os.environ["PYBUDA_N300_DATA_PARALLEL"] = "1"
    result = measure(request_of(several, {"backend": "pybuda", **QUICK}))
    assert result.verification["passed"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {"num_chips": 1, "chip_ids": None}),
        ({"chips": 0}, {"num_chips": 2, "chip_ids": None}),
        ({"device": "silicon:1"}, {"num_chips": None, "chip_ids": [1]}),
        ({"chips": 3}, {"num_chips": 3, "chip_ids": None}),
    ],
)
def test_chips_are_counted_and_named(pybuda, options, expected):
    pybuda.standin.configure(cards=("Wormhole_B0",) * 2)
    result = measured(**options)
    (made,) = pybuda.standin.arguments_of("pybuda.TTDevice.__init__")
    assert {name: made[name] for name in expected} == expected
    assert result.args["chips"] == (expected["num_chips"] or 1)


def test_a_galaxy_has_its_33_chips(pybuda):
    result = measured(galaxy=True)
    (made,) = pybuda.standin.arguments_of("pybuda.TTDevice.__init__")
    assert sorted(made["chip_ids"]) == list(range(33))
    assert len(result.devices) == 33
    assert "PYBUDA_FORCE_EMULATE_HARVESTED" not in result.effective["tuning"]["environment"]


# ----- traces ----------------------------------------------------------------------------------


def test_a_trace_is_taken_after_the_timed_passes(pybuda, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = measured(trace="verbose")
    levels = [
        call["performance_trace"]
        for call in pybuda.standin.arguments_of("pybuda.config.set_configuration_options")
        if call["performance_trace"] is not None
    ]
    assert levels == [pybuda.config.PerfTraceLevel.NONE, pybuda.config.PerfTraceLevel.VERBOSE]
    folder = Path(result.trace["folder"])
    assert result.trace["files"][0] == str(folder / "files.txt")
    assert any(name.endswith("perf_postprocess.json") for name in result.trace["files"])
    assert all(Path(name).is_file() for name in result.trace["files"])
    assert "perf_postprocess.json" in (folder / "files.txt").read_text()


def test_an_analysis_is_written_to_the_folder_in_the_record(pybuda, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = measured(perf_analysis=True)
    files = [Path(name).name for name in result.trace["files"]]
    assert "op_perf.csv" in files
    assert not (tmp_path / "op_perf.csv").exists()
    assert any("analyzer_results" in name for name in result.trace["files"])
    assert "PYBUDA_OP_PERF" not in os.environ


def test_an_image_is_traced_from_its_relative_path(pybuda, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    measured(save_tti="dense.tti")
    assert measured(load_tti="dense.tti", trace="light").ok


def test_cards_in_processes_of_their_own_record_no_trace(pybuda, tmp_path):
    with pytest.raises(RequestError, match="--parallel_tti runs cards in processes that record"):
        measured(parallel_tti=str(tmp_path), trace="light")


# ----- what fails ------------------------------------------------------------------------------


def test_a_device_error_is_a_failed_record_with_the_passes_before_it(pybuda):
    pybuda.standin.configure(fail="run", after=8)
    with pytest.raises(BenchmarkError, match="in passes: DeviceFailedError: PyBuda raised") as it:
        measured(passes=5, warmup=2)
    assert it.value.result.status == "failed"
    assert len(it.value.result.passes) == 1
    assert len(it.value.result.partial_pass["pop_ns"]) == 1


def test_an_output_that_pybuda_gives_up_before_the_timeout_names_the_reason(pybuda):
    pybuda.standin.configure(delay_s=0.2, tries_s=0.1)
    with pytest.raises(BenchmarkError, match=r"gives up an output after 10 s, whatever --timeout"):
        measured(timeout=60)


def test_a_device_without_output_is_a_failed_record_after_the_timeout(pybuda):
    pybuda.standin.configure(hang=True, after=8)
    with pytest.raises(BenchmarkError, match=r"nothing arrived from the device for 0.5 s"):
        measured(passes=5, warmup=2, timeout=0.5)
    pybuda.standin.violations.clear()  # a hanging pipeline cannot be ended cleanly


def test_a_push_to_a_card_that_does_not_return_is_overdue(backend, pybuda, monkeypatch):
    with opened(backend, timeout=0.01) as (session, model):
        overdue = []
        run_forward = pybuda.run_forward

        def slowly(input_count):
            time.sleep(0.02)
            overdue.append(CALL_DEADLINE.overdue())
            run_forward(input_count=input_count)

        monkeypatch.setattr(pybuda, "run_forward", slowly)
        session.push(model.inputs)
    assert overdue == ["running an input did not return within 0.01 s"]


def test_a_pipeline_that_cannot_be_ended_does_not_block_the_run(pybuda, monkeypatch):
    pybuda.standin.configure(stuck=True, after=8)
    from ttbench_core.backends.pybuda import waiting

    monkeypatch.setattr(waiting, "_SHUTDOWN_TIMEOUT_S", 0.2)
    with pytest.raises(BenchmarkError, match="nothing arrived"):
        measured(passes=5, warmup=2, timeout=0.5)
    pybuda.standin.release()


def test_lost_inputs_are_a_failed_record(pybuda):
    pybuda.standin.configure(starve=True, after=3)
    with pytest.raises(BenchmarkError, match="nothing arrived"):
        measured(timeout=0.5)
    pybuda.standin.violations.clear()


@pytest.mark.parametrize("fault", ["compile", "initialize", "push"])
def test_whatever_pybuda_raises_is_a_failed_record(pybuda, fault):
    pybuda.standin.configure(fail=fault)
    with pytest.raises(BenchmarkError, match="RuntimeError") as ended:
        measured()
    assert ended.value.phase in ("compile", "first_call")
    assert ended.value.result.status == "failed"


@pytest.mark.parametrize(
    ("settings", "options", "reason"),
    [
        ({"cards": ()}, {}, "PyBuda finds no Tenstorrent card"),
        ({}, {"arch": "grayskull"}, "--arch grayskull is not what is there: .* are wormhole_b0"),
        ({"wheel_family": "gs"}, {}, "is built for grayskull, and the cards are wormhole_b0"),
        ({}, {"device": "silicon:5"}, "device 'silicon:5' is not there: PyBuda finds silicon:0"),
    ],
)
def test_cards_that_are_not_as_asked_are_a_failed_record(pybuda, settings, options, reason):
    pybuda.standin.configure(**settings)
    with pytest.raises(BenchmarkError, match=reason) as ended:
        measured(**options)
    result = ended.value.result
    assert result.status == "failed"
    assert result.failure["phase"] == "devices"
    assert result.run_id


def test_a_pybuda_that_cannot_be_imported_is_a_failed_record(pybuda, monkeypatch):
    monkeypatch.setitem(sys.modules, "pybuda", None)
    with pytest.raises(BenchmarkError, match="the installed PyBuda cannot be imported"):
        measured()


def test_a_stage_that_cannot_be_pickled_is_refused_by_name(pybuda):
    with pytest.raises(RequestError, match=r"stage cpu_pre \(Local\) runs in a process of PyBuda"):
        measured("unpicklable")


def test_a_stage_that_is_no_module_is_refused(pybuda):

    def strange(training: bool):
        return [lambda tensor: tensor], [torch.rand(1, 2)]

    with pytest.raises(RequestError, match="stage device is a function"):
        measure(request_of(strange, {"backend": "pybuda"}))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"device": "cuda"}, "unknown device 'cuda': backend 'pybuda' has silicon, golden, model"),
        ({"device": "silicon:0", "chips": 2}, "names one chip"),
        ({"device": "silicon:"}, "unknown device 'silicon:'"),
        ({"device": "golden:3"}, "golden imitates cards, and has none by number"),
        ({"devtype": "golden", "galaxy": True}, "no Galaxy and no several of them"),
        ({"galaxy": True, "chips": 4}, "--galaxy names its 33 chips: leave out --chips"),
        ({"threads": 2}, "no choice of --threads"),
    ],
)
def test_a_wrong_request_is_refused(pybuda, options, message):
    with pytest.raises(RequestError, match=message):
        measured(**options)


def test_a_push_beyond_the_depth_is_refused(backend, pybuda):
    with opened(backend) as (session, model):
        for _ in range(session.depth):
            session.push(model.inputs)
        with pytest.raises(SessionError, match="in flight already"):
            session.push(model.inputs)
        for _ in range(session.depth):
            session.pop()


# ----- the contract ----------------------------------------------------------------------------
