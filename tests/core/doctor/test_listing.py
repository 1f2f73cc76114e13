"""`ttbench --list` shows every pack, whatever one of them does when it is imported."""

from __future__ import annotations

import json

import pytest

from ttbench_core.doctor.listing import list_installed_models

FINE = "def m(training): ..."
ENDS = "import ctypes; ctypes.CDLL(None)._exit({})"
#: What a module does when it is imported, and what the row of its model says.
HOSTILE = {
    "raises no Exception": ("class Odd(BaseException): pass\nraise Odd('boo')", "Odd: boo"),
    "exits": ("import sys; sys.exit(3)", "SystemExit: 3"),
    "leaves": ("import os; os._exit(0)", "SystemExit: called os._exit(0)"),
    "leaves unseen by Python": (ENDS.format(0), "ended with code 0 instead of answering"),
    "crashes": ("import ctypes; ctypes.string_at(0)", "was ended by SIGSEGV"),
    "hangs": ("import time; time.sleep(600)", "did not answer within 10 s"),
    "closes stdout": ("import sys; sys.stdout.close()\nraise ValueError('odd')", "ValueError: odd"),
}
#: Time limits of those that are ended; others may take as long as a busy machine needs.
LIMITS = {"hangs": {"timeout_s": 10.0}}


@pytest.fixture
def fine(fake_pack):
    fake_pack("aaa", "[ttbench.models]\nfirst = aaa_mod:m\n", aaa_mod=FINE)
    fake_pack("zzz", "[ttbench.models]\nlast = zzz_mod:m\n", zzz_mod=FINE)


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_module_is_a_row_and_hides_no_other_model(fine, fake_pack, what):
    source, reason = HOSTILE[what]
    fake_pack("mmm", "[ttbench.models]\nmiddle = mmm_mod:m\n", mmm_mod=source)
    found = {entry.name: entry.error for entry in list_installed_models(**LIMITS.get(what, {}))}
    assert found["first"] is found["last"] is None
    assert reason in found["middle"]


def test_several_that_end_the_process_are_a_row_each(fine, fake_pack):
    names = ("bad_one", "bad_two", "bad_three")
    for name in names:
        fake_pack(name, f"[ttbench.models]\n{name} = {name}:m\n", **{name: ENDS.format(9)})
    found = {entry.name: entry.error for entry in list_installed_models()}
    assert all("ended with code 9" in found[name] for name in names)
    assert found["first"] is found["last"] is None


def test_a_hostile_zoo_is_a_row_too(fine, fake_pack):
    fake_pack("zoo", "[ttbench.zoos]\nz = zoo_mod:open\n", zoo_mod=ENDS.format(4))
    found = {entry.name: entry.error for entry in list_installed_models()}
    assert "ended with code 4" in found["z"]
    assert found["first"] is found["last"] is None


def test_the_command_lists_what_the_process_found(fine, ttbench):
    entries = {entry["name"]: entry for entry in json.loads(ttbench("--list", "--json").out)}
    assert entries["first"]["pack"] == "aaa"
    assert "last" in ttbench("--list", "zzz").out


def test_binary_metadata_of_a_distribution_hides_no_model(fine, fake_pack, fake_engine, ttbench):
    site = fake_pack("cut", "[ttbench.models]\ncut = cut_mod:m\n")
    file = site / "cut-1.0.dist-info" / "entry_points.txt"
    file.write_bytes(b"[ttbench.models]\n\xff\xfe\x00 = x\n")
    assert "first" in ttbench("--list").out
    quick = ["--backend", "fake", "--passes", "1", "--warmup", "0"]
    assert ttbench("-m", "plain", *quick).code == 0
    done = ttbench("info", "nothing")
    assert done.code == 2
    assert "unknown model 'nothing'" in done.complaint
