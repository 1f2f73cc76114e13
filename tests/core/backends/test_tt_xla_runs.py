"""Runs of `tt_xla` on the stand-in as a user starts them: own processes, exit codes, exports."""

from __future__ import annotations

import json
import os
import time

import pytest

pytest.importorskip("torch")
pytestmark = pytest.mark.torch

QUICK = ["--passes", "2", "--warmup", "1", "--loop_count", "3", "--no-roofline"]


@pytest.fixture(autouse=True)
def nothing_left_behind(left_behind):
    yield
    deadline = time.monotonic() + 5
    while left := left_behind():
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


def records(path):
    return json.loads(path.read_text())


def test_a_card_is_preferred_to_the_cpu(tt_cards, ttbench, tmp_path):
    outcome = ttbench("-m", "dense", *QUICK, "-o", tmp_path / "perf.json")
    assert outcome.code == 0, outcome.err
    (record,) = records(tmp_path / "perf.json")
    assert record["backend"] == "tt_xla"
    assert record["arch"] == "wormhole_b0"


def test_a_card_by_number_is_chosen_in_the_process_of_the_run_alone(tt_cards, ttbench, tmp_path):
    tt_cards(cards=2, log=str(tmp_path / "calls"))
    for spec in ("tt:1", "tt:0"):
        outcome = ttbench("-m", "dense", "-d", spec, *QUICK, "-o", tmp_path / "perf.json")
        assert outcome.code == 0, outcome.err
    first, second = records(tmp_path / "perf.json")
    assert first["environment"]["TT_VISIBLE_DEVICES"] == "1"
    assert second["environment"]["TT_VISIBLE_DEVICES"] == "0"


def test_the_record_can_be_exported_for_tenstorrents_tools(tt_cards, ttbench, tmp_path):
    options = ["-B", "optimization_level=1", "-B", "enable_trace=true", "-df", "Bfp8_b"]
    card = {"index": 0, "board_type": "n150 L", "temperature_c": 40.5, "power_w": 20}
    os.environ["TT_STANDIN_STATUS"] = json.dumps({"devices": [card]})
    path = tmp_path / "perf.json"
    assert ttbench("-m", "dense", *QUICK, *options, "-o", path).code == 0
    exported = json.loads(ttbench("show", path, "--format", "tt-forge").out)
    exported = exported[0] if isinstance(exported, list) else exported
    assert exported["config"]["experimental_weight_dtype"] == "bfp_bf8"
    assert exported["measurements"][0]["device_temperature"] == 40.5
    assert exported["measurements"][0]["device_power"] == 20
    assert exported["device_info"]["arch"] == "wormhole"
    assert exported["config"]["optimization_level"] == 1
    assert exported["config"]["trace_enabled"] is True
    assert exported["config"]["torch_xla_enabled"] is True


def test_a_level_of_another_scale_is_one_line_and_exit_code_2(tt_cards, ttbench):
    outcome = ttbench("-m", "dense", "--backend", "tt_xla", "-opt", 4)
    assert outcome.code == 2
    assert "-B optimization_level=0, 1 or 2" in outcome.complaint


def test_a_card_that_cannot_be_opened_is_a_failed_record_and_exit_code_1(
    tt_cards, ttbench, tmp_path
):
    tt_cards(fail="open")
    outcome = ttbench("-m", "dense", "--backend", "tt_xla", *QUICK, "-o", tmp_path / "perf.json")
    assert outcome.code == 1
    (record,) = records(tmp_path / "perf.json")
    assert record["status"] == "failed"
    assert "tt device status" in record["error"]
