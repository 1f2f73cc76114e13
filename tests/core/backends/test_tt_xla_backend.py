"""The backend `tt_xla` in this process, on the stand-in: what it asks of tt-xla, in what order."""

from __future__ import annotations

import importlib
import json
import os
import time

import pytest

from ttbench_core import BenchmarkError, RequestError, StagedModel, Stages, benchmark_model
from ttbench_core.running.measuring import measure
from ttbench_core.running.request import request_of
from ttbench_core.testing import check_backend

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

QUICK = {"passes": 2, "warmup": 1, "loop_count": 4, "roofline": False}
STATUS = {
    "host": {"Driver": "TT-KMD 2.6.0"},
    "devices": [
        {"index": 0, "board_type": "n150 L", "temperature_c": 41.5, "power_w": 17.0, "bus_id": None}
    ],
    "warnings": [],
}


def measured(model="dense", **options):
    return measure(request_of(model, {"backend": "tt_xla", **QUICK, **options}))


def calls():
    return importlib.import_module("tt_xla_standin").calls


def arguments_of(name):
    return [argument for called, argument in calls() if called == name]


def compile_options():
    return arguments_of("torch_xla.set_custom_compile_options")[-1]


def is_refused(match, model="dense", **options):
    with pytest.raises(RequestError, match=match):
        measured(model, **options)
    return True


# ----- one run ---------------------------------------------------------------------------------


def test_a_run_goes_through_and_its_outputs_are_right(tt_cards):
    result = measured()
    assert result.ok
    assert result.verification["passed"]
    assert result.arch == "wormhole_b0"
    (device,) = result.devices
    assert device["kind"] == "tt"
    assert device["memory_bytes"] == 12 * 2**30
    assert result.args["dataformat"] == "Fp16_b"
    assert result.effective["dtype"] == "bfloat16"
    assert result.effective["device_type"] == "TT"
    assert result.effective["emulated"] is False
    assert result.effective["mesh_shape"] is None
    assert result.effective["graphs"] == 1
    assert result.effective["graph_breaks"] == 0
    assert result.effective["compilations"] == 1
    assert result.effective["graphs_per_input"] == 1
    assert any("without a card" in note for note in result.notes)
    assert result.versions["pjrt-plugin-tt"] == "0.1.260821+dev.95c1c1ce"
    assert result.versions["torch-xla"] == "2.9.0+gited8a445"


def test_the_device_type_comes_before_the_cards_and_the_options_before_the_model(tt_cards):
    measured()
    order = [name for name, _ in calls()]
    steps = [
        "torch_xla.runtime.set_device_type",
        "open",
        "torch_xla.set_custom_compile_options",
        "torch_xla.device",
        "torch.compile",
    ]
    found = [order.index(step) for step in steps]
    assert found == sorted(found)


def test_a_default_is_not_handed_to_the_compiler(tt_cards):
    result = measured()
    assert compile_options() == {}
    assert arguments_of("torch.compile") == [{}]
    assert result.effective["compile_options"] == {}


def test_the_contract_of_a_backend_is_kept(tt_cards):
    tt_cards(chips=2)
    check_backend("tt_xla")


def test_stages_on_the_host_run_around_that_of_the_card(tt_cards):
    assert measured("staged").verification["passed"]


def test_a_training_step_gives_its_loss(tt_cards):
    result = measured(training=True)
    assert result.ok
    assert result.args["training"] is True
    names = [name for name, _ in calls() if name.startswith("torch_xla.") or name == "run"]
    assert names[-2:] == ["torch_xla.sync", "torch_xla.core.xla_model.wait_device_ops"]
    assert result.total_samples == 4 * 4


def test_a_blackhole_is_named_so(tt_cards):
    tt_cards(arch="Blackhole")
    assert measured().arch == "blackhole"


# ----- formats and options ---------------------------------------------------------------------


@pytest.mark.parametrize(("dataformat", "dtype"), [("Fp32", "float32"), ("Fp16_b", "bfloat16")])
def test_a_format_is_the_dtype_of_the_model(tt_cards, dataformat, dtype):
    result = measured(dataformat=dataformat)
    assert result.effective["dtype"] == result.effective["weight_dtype"] == dtype


@pytest.mark.parametrize(("dataformat", "name"), [("Bfp8_b", "bfp_bf8"), ("Bfp4_b", "bfp_bf4")])
def test_a_block_format_is_of_the_weights_alone_and_the_record_says_so(tt_cards, dataformat, name):
    result = measured(dataformat=dataformat)
    assert compile_options() == {"experimental_weight_dtype": name}
    assert result.effective["dtype"] == "bfloat16"
    assert result.effective["weight_dtype"] == name
    assert any("weights of matrix products alone" in note for note in result.notes)


@pytest.mark.parametrize("dataformat", ["Fp16", "Bfp8", "Bfp4"])
def test_other_formats_are_refused(tt_cards, dataformat):
    assert is_refused("no data format", dataformat=dataformat)


@pytest.mark.parametrize("fidelity", ["LoFi", "HiFi2", "HiFi3", "HiFi4"])
def test_a_fidelity_is_the_compilers(tt_cards, fidelity):
    measured(math_fidelity=fidelity)
    assert compile_options() == {"math_fidelity": fidelity.lower()}


def test_options_reach_compiler_and_torch_by_their_own_names(tt_cards):
    asked = {
        "optimization_level": 2,
        "enable_const_eval": False,
        "fp32_dest_acc_en": "false",
        "experimental_enable_dram_space_saving_optimization": True,
        "tt_use_aot_autograd": False,
    }
    result = measured(engine_options=asked)
    assert compile_options() == {
        "optimization_level": 2,
        "enable_const_eval": False,
        "fp32_dest_acc_en": False,
        "experimental-enable-dram-space-saving-optimization": True,
    }
    assert arguments_of("torch.compile")[0] == {"tt_use_aot_autograd": False}
    assert result.effective["compile_options"] == compile_options()
    assert result.effective["torch_compile_options"] == {"tt_use_aot_autograd": False}


def test_a_level_of_another_scale_is_refused_with_the_option_that_is_meant(tt_cards):
    assert is_refused("-B optimization_level=0, 1 or 2", backend_opt_level=2)
    options = {"optimization_level": 1}
    assert is_refused("leave out -opt", backend_opt_level=0, engine_options=options)


@pytest.mark.parametrize(
    ("asked", "match"),
    [
        ({"engine_options": {"optimization_level": 3}}, "optimization_level"),
        ({"engine_options": {"enable_create_d2m_subgraphs": True}}, "optimization_level=1"),
        ({"engine_options": {"experimental_kv_cache_dtype": "bfp_bf8"}}, "generates nothing"),
        ({"engine_options": {"dry_run": True}}, "dry_run"),
        ({"trace": "light"}, "trace light"),
        ({"training": True, "chips": 2}, "training on several chips"),
        ({"device": "tt:x"}, "cards by number"),
        ({"device": "tt:²"}, "cards by number"),
        ({"device": "tt:" + "9" * 5000}, "cards by number"),
        ({"device": "cuda"}, "backend torch has the others"),
    ],
)
def test_what_it_does_not_have_is_refused(tt_cards, asked, match):
    assert is_refused(match, **asked)


def test_a_build_without_compile_options_refuses_them_and_runs_without(tt_cards):
    tt_cards(plain=True)
    assert measured().ok
    assert is_refused("hands no options to the compiler", dataformat="Bfp8_b")


def test_a_trace_reserves_memory_before_the_cards_are_opened(tt_cards):
    measured(engine_options={"enable_trace": True})
    assert arguments_of("open")[0]["TT_RUNTIME_TRACE_REGION_SIZE"] == "10000000"
    assert compile_options() == {"enable_trace": True}


def test_memory_for_traces_is_the_users_where_he_has_set_it(tt_cards, monkeypatch):
    monkeypatch.setenv("TT_RUNTIME_TRACE_REGION_SIZE", "20000000")
    result = measured(engine_options={"enable_trace": True})
    assert arguments_of("open")[0]["TT_RUNTIME_TRACE_REGION_SIZE"] == "20000000"
    assert result.environment["TT_RUNTIME_TRACE_REGION_SIZE"] == "20000000"


# ----- cards and chips -------------------------------------------------------------------------


def test_a_card_by_number_is_the_only_one_that_is_opened(tt_cards):
    tt_cards(cards=3)
    result = measured(device="tt:1")
    assert arguments_of("open")[0]["TT_VISIBLE_DEVICES"] == "1"
    assert [device["index"] for device in result.devices] == [1]
    assert result.effective["visible_devices"] == "1"


def test_several_chips_count_from_0_whatever_their_card_is(tt_cards):
    tt_cards(cards=3, chips=2)
    result = measured(device="tt:1", chips=2)
    assert [device["index"] for device in result.devices] == [0, 1]
    assert result.effective["visible_devices"] == "1"


def test_a_number_counts_the_cards_that_are_visible(tt_cards, monkeypatch):
    tt_cards(cards=4)
    monkeypatch.setenv("TT_VISIBLE_DEVICES", "2,3")
    measured(device="tt:1")
    assert arguments_of("open")[0]["TT_VISIBLE_DEVICES"] == "3"


def test_a_card_that_is_not_there_is_a_failed_run(tt_cards):
    with pytest.raises(BenchmarkError, match="'tt:4' is not there"):
        measured(device="tt:4")


def test_several_chips_each_take_a_share_of_the_microbatch(tt_cards):
    tt_cards(chips=2)
    result = measured(chips=2)
    assert result.verification["passed"]
    assert result.effective["device_count"] == 2
    assert result.effective["mesh_shape"] == [2]
    assert arguments_of("torch_xla.runtime.use_spmd") == ["1"]
    assert arguments_of("torch_xla.distributed.spmd.Mesh") == [[2]]
    assert set(map(tuple, arguments_of("torch_xla.distributed.spmd.mark_sharding"))) == {
        ("data", None)
    }
    order = [name for name, _ in calls()]
    assert order.index("torch_xla.runtime.use_spmd") < order.index("torch_xla.device")


def test_no_mesh_is_made_for_one_chip_of_several(tt_cards):
    tt_cards(chips=2)
    assert len(measured().devices) == 1
    assert arguments_of("torch_xla.runtime.use_spmd") == []


def test_all_chips_are_those_of_chips_0(tt_cards):
    tt_cards(chips=4)
    assert len(measured(chips=0).devices) == 4


@pytest.mark.parametrize(
    ("model", "asked", "match"),
    [
        ("dense", {"chips": 3}, "a mesh has all of them"),
        ("dense", {"chips": 4, "microbatch": 6}, "cannot be divided by 4"),
        ("gated", {"chips": 4}, "not all tensors of the microbatch"),
    ],
)
def test_chips_that_cannot_share_the_work_are_refused(tt_cards, model, asked, match):
    tt_cards(chips=4)
    assert is_refused(match, model, **asked)


@pytest.mark.parametrize(
    "variable",
    ["TT_COMPILE_ONLY_SYSTEM_DESC", "TT_METAL_MOCK_CLUSTER_DESC_PATH", "TT_METAL_SIMULATOR"],
)
def test_a_description_in_place_of_a_card_is_marked(tt_cards, monkeypatch, variable):
    monkeypatch.setenv(variable, "card.yaml")
    result = measured()
    assert result.effective["emulated"] is True
    assert result.effective["emulated_device"] is True
    assert not result.is_comparable
    assert any(f"no card has run: {variable}" in note for note in result.notes)
    assert result.environment[variable] == "card.yaml"


# ----- failures --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "match"), [("import", "cannot be imported"), ("open", "opens no card")]
)
def test_cards_that_cannot_be_opened_are_a_failed_run_with_a_remedy(tt_cards, step, match):
    tt_cards(fail=step)
    with pytest.raises(BenchmarkError, match=match) as failed:
        measured()
    assert failed.value.result.failure["phase"] == "devices"


def test_a_model_that_cannot_be_compiled_is_a_failed_run(tt_cards):
    tt_cards(fail="compile")
    with pytest.raises(BenchmarkError, match="the stand-in fails") as failed:
        measured()
    assert failed.value.result.failure["phase"] == "compile"


def test_without_its_packages_it_says_how_to_install_them():
    from ttbench_core.backends.tt_xla.backend import TtXlaBackend

    found = TtXlaBackend().availability()
    assert not found.usable
    assert "pip install pjrt-plugin-tt --extra-index-url" in found.remedy


def test_without_a_card_it_is_not_chosen_by_itself(tt_cards, tmp_path):
    from ttbench_core.backends.tt_xla.backend import TtXlaBackend

    assert TtXlaBackend().availability().automatic
    (tmp_path / "nodes" / "0").unlink()
    found = TtXlaBackend().availability()
    assert found.usable
    assert not found.automatic


# ----- temperature and power -------------------------------------------------------------------


def test_temperature_and_power_are_read_before_and_after_the_passes(tt_cards):
    os.environ["TT_STANDIN_STATUS"] = json.dumps(STATUS)
    result = measured()
    readings = result.device_readings
    assert readings["source"] == "tt device status"
    for reading in (readings["before"], readings["after"]):
        (card,) = reading
        assert card["board_type"] == "n150 L"
        assert card["temperature_c"] == 41.5
        assert card["power_w"] == 17.0
        assert card["aiclk_mhz"] is None
    assert result.effective["boards"] == ["n150 L"]
    assert result.energy is None or "tt" not in result.energy["source"]


@pytest.mark.parametrize(
    "status",
    [
        {"TT_STANDIN_CODE": "9", "TT_STANDIN_STATUS": '{"error": "no devices"}'},
        {"TT_STANDIN_STATUS": "no JSON"},
        {"TT_STANDIN_STATUS": "[]"},
        {"TT_STANDIN_STATUS": '{"devices": 3}'},
    ],
)
def test_a_command_that_fails_leaves_the_readings_empty(tt_cards, status):
    os.environ.update(status)
    assert measured().device_readings is None


def test_a_command_that_hangs_ends_with_all_that_it_has_started(tmp_path, monkeypatch):
    from ttbench_core.backends.tt_xla import device_status

    command, started = tmp_path / "tt", tmp_path / "started"
    command.write_text(f"#!/bin/sh\nsleep 300 &\necho $! > {started}\nwait\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(device_status, "_TIMEOUT_S", 2.0)
    assert device_status.card_readings() is None
    process = int(started.read_text())
    deadline = time.monotonic() + 5
    while is_running(process):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_running(process):
    import psutil

    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("printed", ["9" * 400, "1e999", "NaN", "true", '"hot"'])
def test_a_temperature_that_is_no_number_of_degrees_is_none(tt_cards, printed):
    from ttbench_core.backends.tt_xla.device_status import card_readings

    os.environ["TT_STANDIN_STATUS"] = f'{{"devices": [{{"temperature_c": {printed}}}]}}'
    assert [card["temperature_c"] for card in card_readings()] == [None]


TWO_BOARDS = {
    "devices": [
        {"index": 0, "board_type": "n150 L", "bus_id": "0000:01:00.0"},
        {"index": 1, "board_type": "p150a", "bus_id": "0000:C1:00.0"},
    ]
}


@pytest.mark.parametrize(
    ("visible", "boards"),
    [("0", ["n150 L"]), ("1", ["p150a"]), ("c1:00.0", ["p150a"]), ("7", None)],
)
def test_boards_are_those_of_the_cards_that_are_visible(visible, boards):
    from ttbench_core.backends.tt_xla.device_status import _cards_of, boards_of

    assert boards_of(_cards_of(TWO_BOARDS), visible) == boards
    assert boards_of(_cards_of(TWO_BOARDS), None) == ["n150 L", "p150a"]


def test_the_board_of_a_run_is_that_of_its_card(tt_cards):
    tt_cards(cards=2)
    os.environ["TT_STANDIN_STATUS"] = json.dumps(TWO_BOARDS)
    assert measured(device="tt:1").effective["boards"] == ["p150a"]


def test_no_command_runs_while_a_model_is_compiled(tt_cards, monkeypatch):
    from ttbench_core.backends.planning import plan
    from ttbench_core.backends.selection import choose_backend
    from ttbench_core.backends.tt_xla import device_status
    from ttbench_core.request.options import RunOptions

    os.environ["TT_STANDIN_STATUS"] = json.dumps(STATUS)
    backend = choose_backend("tt_xla")
    model = StagedModel(Stages(device=torch.nn.Linear(4, 4)), [torch.ones(2, 4)])
    planned = plan(RunOptions("any"), backend)
    monkeypatch.setattr(device_status, "_output_of", lambda command: pytest.fail(str(command)))
    with backend.compile(model, planned) as session:
        assert session.effective["boards"] == ["n150 L"]


# ----- generation ------------------------------------------------------------------------------


@benchmark_model
def speaker(training, new_tokens: int = 5):
    """Sums its tokens, with a declared cache of their embeddings."""
    return StagedModel(
        Stages(device=Speaker()),
        [torch.randint(WORDS, (2, 4))],
        generation={"max_length": new_tokens, "prompt_length": 4},
    )


WORDS = 11


class Speaker(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = torch.nn.Embedding(WORDS, 8)
        self.out = torch.nn.Linear(8, WORDS)

    def prefill(self, ids):
        past = self.embed(ids)
        return self.out(past.sum(1)), past

    def decode(self, token, past):
        past = torch.cat([past, self.embed(token)], dim=1)
        return self.out(past.sum(1)), past

    def static_cache(self, inputs, new_tokens):
        from ttbench_core.model import CacheTensor, StaticCache

        rows, prompt = inputs[0].shape
        length = prompt + new_tokens - 1
        seen = CacheTensor((rows, length, 8), length_dimension=1)
        return StaticCache({"seen": seen}, length, prompt_length=prompt)

    def prefill_static(self, inputs, cache):
        places = torch.arange(inputs[0].shape[1])
        seen = cache["seen"].index_copy(1, places, self.embed(inputs[0]))
        return self.out(seen.sum(1)), {"seen": seen}

    def decode_static(self, token, position, cache):
        seen = cache["seen"].index_copy(1, position, self.embed(token))
        return self.out(seen.sum(1)), {"seen": seen}


def test_tokens_are_those_of_the_models_own_cache(tt_cards):
    from ttbench_core.backends.planning import plan
    from ttbench_core.backends.selection import choose_backend
    from ttbench_core.request.options import RunOptions

    backend = choose_backend("tt_xla")
    model = speaker(training=False)
    planned = plan(RunOptions("speaker", dataformat="Fp32"), backend)
    with backend.compile(model, planned) as session:
        session.push(model.inputs)
        logits, tokens = session.pop()
        assert len(session.token_ns) == 5
    module, (ids,) = model.stages.device, model.inputs
    with torch.no_grad():
        expected, past = module.prefill(ids)
        torch.testing.assert_close(logits, expected)
        found = [expected.argmax(-1, keepdim=True)]
        for _ in range(4):
            step, past = module.decode(found[-1], past)
            found.append(step.argmax(-1, keepdim=True))
    assert tokens.tolist() == torch.cat(found, dim=1).tolist()


def test_a_generation_has_two_graphs_and_counts_its_tokens(tt_cards):
    options = {"experimental_kv_cache_dtype": "bfp_bf8"}
    result = measured(speaker, engine_options=options)
    assert result.generation["new_tokens"] == 5
    assert result.generation["decode_tokens_per_s"] > 0
    assert result.effective["graphs"] == 2
    assert result.effective["graphs_per_input"] == 5
    assert result.effective["cache"] == "static"
    assert compile_options() == {"experimental-kv-cache-dtype": "bfp_bf8"}


@benchmark_model
def listener(training, new_tokens: int = 5):
    """Generates with its own past alone."""
    model = speaker(training=False)
    module = torch.nn.Module()
    for name in ("prefill", "decode"):
        setattr(module, name, getattr(model.stages.device, name))
    return StagedModel(Stages(device=module), model.inputs, generation=model.generation)


def test_a_model_without_a_static_cache_does_not_generate(tt_cards):
    assert is_refused("add --no-generative", listener)


def test_generation_on_several_chips_is_refused(tt_cards):
    tt_cards(chips=2)
    assert is_refused("generates on one chip", speaker, chips=2)
