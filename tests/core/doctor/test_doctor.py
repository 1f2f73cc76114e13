"""`ttbench doctor`: what is usable here, whatever engines and packs do when they are asked."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import importlib_metadata
import pytest

from ttbench_core.cli.doctor import _show
from ttbench_core.doctor.backends import BROKEN, NOT_HERE, USABLE, DeviceReport, probe_backend
from ttbench_core.doctor.diagnosis import Diagnosis
from ttbench_core.doctor.host import host_advice, read_host
from ttbench_core.doctor.installed import Extra, Interpreter, extras, software
from ttbench_core.doctor.packs import BrokenModel, probe_pack
from ttbench_core.doctor.probe import Probe
from ttbench_core.plugins.registry import BACKENDS, discover

#: Long enough for a fake that answers, on a machine that stalls.
LIMIT_S = 60.0
ENGINE = """
import os, signal, subprocess, sys, time
from ttbench_core import DataFormat
from ttbench_core.backends.protocol import Availability, Capabilities, Device

class Good:
    name = "mine"
    seeded = compile = print

    def availability(self):
        return Availability(True)

    def capabilities(self):
        return Capabilities(
            device_kinds=("card",),
            data_formats=(DataFormat.FP32,),
            default_format=DataFormat.FP32,
        )

    def devices(self):
        return [Device("card", 0, "A card", "v1", 2**30), Device("card", 1, "A card", "v1")]

    def versions(self):
        return {"engine": "9.9"}
"""
CALM_HOST = {
    "cpu": "A processor",
    "usable_cores": 8,
    "logical_cores": 8,
    "cpu_quota_cores": None,
    "cpu_throttled_ns": 0,
    "governors": ["performance"],
    "memory_bytes": 2**33,
    "load_1min": 0.5,
}


def backend(called: str = "mine", **methods: str) -> str:
    """Source of a module whose `Mine` does these things in these methods."""
    bodies = [f"    def {name}(self):\n        {body}\n" for name, body in methods.items()]
    return f"{ENGINE}\nclass Mine(Good):\n    name = {called!r}\n{''.join(bodies)}"


@pytest.fixture
def examined(fake_pack):
    """Install one backend, and give the report about it."""

    def examine(source: str, timeout_s: float = LIMIT_S):
        fake_pack("one", "[ttbench.backends]\nmine = one_mod:Mine\n", one_mod=source)
        (plugin,) = [plugin for plugin in discover(BACKENDS) if plugin.name == "mine"]
        return probe_backend(plugin, Probe(timeout_s))

    return examine


@pytest.mark.torch
def test_the_torch_backend_is_there_with_its_version_and_the_cpu(ttbench):
    backends = json.loads(ttbench("doctor", "--json").out)["backends"]
    (torch,) = [one for one in backends if one["name"] == "torch"]
    assert (torch["state"], torch["pack"], torch["reason"]) == ("usable", "ttbench-core", "")
    assert torch["versions"]["torch"].startswith(importlib_metadata.version("torch"))
    cpu = torch["devices"][-1]
    assert cpu["spec"] == "cpu:0"
    assert cpu["memory_bytes"] > 0


def test_a_usable_backend_is_reported_with_devices_and_versions(examined):
    report = examined(backend())
    assert (report.state, report.pack, report.pack_version) == (USABLE, "one", "1.0")
    assert report.versions == {"engine": "9.9"}
    assert report.devices == (
        DeviceReport("card:0", "A card", "v1", 2**30),
        DeviceReport("card:1", "A card", "v1", None),
    )


def test_a_backend_that_cannot_run_here_gives_reason_and_remedy(examined):
    report = examined(
        backend(
            availability="return Availability(False, 'no card', 'plug one in')",
            devices="os._exit(1)",
        )
    )
    assert (report.state, report.reason, report.remedy) == (NOT_HERE, "no card", "plug one in")


def test_a_backend_without_a_device_is_not_here(examined):
    report = examined(backend(devices="return []"))
    assert (report.state, report.reason) == (NOT_HERE, "it finds no device here")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import nowhere", "import: ModuleNotFoundError: No module named 'nowhere'"),
        ("Mine = 3", "import: is not a backend: register a class"),
        ("raise SystemExit(0)", "import: SystemExit: 0"),
        (backend(__init__="raise ValueError"), "import: ValueError"),
        (backend(capabilities="raise OSError('a\\nb')"), "capabilities(): OSError: a b"),
        (backend(availability="1 / 0"), "availability(): ZeroDivisionError: division by zero"),
        (backend(availability="return None"), "availability(): AttributeError: 'NoneType' "),
        (backend(devices="raise OSError('bus')"), "devices(): OSError: bus"),
        (backend(devices="return [1]"), "devices(): AttributeError: 'int' object has no "),
        (backend(versions="raise OSError('bus')"), "versions(): OSError: bus"),
        (backend(availability="os._exit(3)"), "availability(): ended with code 3 instead of "),
        (backend(devices="os._exit(0)"), "devices(): ended with code 0 instead of answering"),
        (backend(devices="os.abort()"), "devices(): was ended by SIGABRT"),
        ("import os; os.kill(os.getpid(), 11)", "import: was ended by SIGSEGV"),
    ],
)
def test_a_backend_that_fails_is_broken_with_its_reason(examined, source, reason):
    report = examined(source)
    assert report.state == BROKEN
    assert report.reason.startswith(reason)


def test_what_was_reported_before_a_failure_is_kept(examined):
    report = examined(backend(versions="raise OSError('bus')"))
    assert [device.spec for device in report.devices] == ["card:0", "card:1"]


def test_a_crash_is_reported_with_the_last_line_of_output(examined):
    last = "print('no huge pages\\n', file=sys.stderr, flush=True); os.abort()"
    assert examined(backend(availability=last)).reason.endswith("; it said last: no huge pages")


def test_a_backend_that_never_answers_is_broken_after_the_timeout(examined):
    report = examined(backend(devices="time.sleep(600)"), timeout_s=1)
    assert report.state == BROKEN
    assert report.reason.endswith("did not answer within 1 s")


def test_processes_that_an_engine_started_are_ended_with_it(examined, tmp_path):
    pid_file = tmp_path / "pid"
    start = (
        "started = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
        f" open({str(pid_file)!r}, 'w').write(str(started.pid)); return super().devices()"
    )
    assert examined(backend(devices=start)).state == USABLE
    assert has_ended(int(pid_file.read_text()))


def test_a_crash_is_noticed_while_another_process_holds_the_pipe(examined):
    fork = "import ctypes; ctypes.CDLL(None).fork() or time.sleep(600); os._exit(7)"
    report = examined(backend(devices=fork))
    assert report.reason.startswith("devices(): ended with code 7")


def test_a_backend_may_print_more_than_a_pipe_holds(examined):
    assert examined(backend(devices="print('x' * 10**6); return super().devices()")).devices


def test_a_backend_that_is_used_only_by_name_says_why(examined, capsys):
    later = "return Availability(True, 'no card', 'plug one in', automatic=False)"
    report = examined(backend(availability=later))
    assert (report.state, report.automatic) == (USABLE, False)
    _show(diagnosis(backends=(report,)))
    assert "only with --backend mine: no card" in capsys.readouterr().out


def test_a_backend_that_cannot_run_at_all_is_not_offered_by_name(examined, capsys):
    never = "return Availability(False, 'no card', 'plug one in', automatic=False)"
    _show(diagnosis(backends=(examined(backend(availability=never)),)))
    assert "only with" not in capsys.readouterr().out


def test_a_probe_that_cannot_start_a_process_reports_it(examined, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    report = examined(backend())
    assert report.state == BROKEN
    assert report.reason.startswith("no process could be started to ask it: FileNotFoundError")


def test_the_child_finds_what_the_parent_finds_and_not_its_variables(examined):
    told = "os.environ['SPOILT'] = '1'; return {'engine': os.path.basename(__file__)}"
    assert examined(backend(versions=told)).versions == {"engine": "one_mod.py"}
    assert "SPOILT" not in os.environ


def test_broken_backends_hide_no_usable_one(ttbench, fake_pack, fake_engine):
    bad = {
        "raises": backend("raises", availability="1 / 0"),
        "crashes": backend("crashes", devices="os._exit(3)"),
        "hangs": backend("hangs", devices="time.sleep(600)"),
        "prints": backend(
            "prints", availability="os.write(1, b'}{\\n'); print('}{'); return Availability(1)"
        ),
    }
    points = "".join(f"{name} = {name}_mod:Mine\n" for name in bad)
    modules = {f"{name}_mod": source for name, source in bad.items()}
    fake_pack("bad", f"[ttbench.backends]\n{points}", **modules)
    # torch may need longer than this to be imported: then that is its row
    outcome = ttbench("doctor", "--json", "--timeout", 5)
    states = {one["name"]: one["state"] for one in json.loads(outcome.out)["backends"]}
    assert states.keys() >= {"torch"}
    assert {name: states[name] for name in (*bad, "fake", "absent")} == {
        "raises": "broken",
        "crashes": "broken",
        "hangs": "broken",
        "prints": "usable",
        "fake": "usable",
        "absent": "not_here",
    }
    assert (outcome.code, outcome.err) == (1, "")


@pytest.mark.usefixtures("asked_engines")
def test_with_a_usable_backend_the_exit_code_is_0_and_the_table_says_why(ttbench, fake_engine):
    outcome = ttbench("doctor")
    lines = [line.split() for line in outcome.out.splitlines()]
    assert ["fake", "usable", "ttbench-fake-engine", "1.5", "fake", "9.9"] in lines
    assert ["fake:0", "Fake", "card", "(fake_v1)"] in lines
    assert ["ttbench-fake-engine", "1.5", "13", "fine"] in lines
    assert lines[-1][:2] == ["ready", "yes:"]
    assert outcome.code == 0


@pytest.mark.usefixtures("asked_engines")
def test_a_broken_pack_is_a_row_and_the_exit_code_is_1(ttbench, fake_engine, fake_pack):
    fake_pack(
        "poor", "[ttbench.models]\nfirst = poor_mod:m\nsecond = fine_mod:m\n",
        poor_mod="import nowhere", fine_mod="def m(training): ...",
    )  # fmt: skip
    outcome = ttbench("doctor")
    (row,) = [line for line in outcome.out.splitlines() if line.startswith("poor ")]
    assert row.split()[:3] == ["poor", "1.0", "2"]
    assert "broken: first: ModuleNotFoundError: No module named 'nowhere'" in row
    assert "poor cannot be loaded completely" in outcome.out.splitlines()[-1]
    assert outcome.code == 1


def test_a_pack_that_ends_its_process_or_never_answers_is_broken(fake_pack):
    ends = "import ctypes; ctypes.CDLL(None)._exit(5)"
    fake_pack("exits", "[ttbench.models]\ngone = exits_mod:m\n", exits_mod=ends)
    fake_pack(
        "hangs", "[ttbench.models]\nlong = hangs_mod:m\n", hangs_mod="import time; time.sleep(600)"
    )
    assert probe_pack("exits", "1.0", 1, Probe(LIMIT_S)).fault.startswith("gone: ended with code 5")
    hung = probe_pack("hangs", "1.0", 1, Probe(1))
    assert hung.is_broken
    assert hung.fault.endswith("did not answer within 1 s")


def test_a_model_that_is_no_builder_is_broken(fake_pack):
    fake_pack("number", "[ttbench.models]\nn = number_mod:m\n", number_mod="m = 3")
    report = probe_pack("number", "1.0", 1, Probe())
    reason = "is of type int, not a builder: register a function"
    assert report.broken_models == (BrokenModel("n", "number_mod:m", reason),)


@pytest.mark.usefixtures("asked_engines")
def test_a_distribution_with_unreadable_metadata_is_a_broken_row(ttbench, fake_engine, fake_pack):
    site = fake_pack("cut", "[ttbench.models]\ncut = cut_mod:m\n")
    (site / "cut-1.0.dist-info" / "entry_points.txt").write_bytes(
        b"[ttbench.models]\n\xff\xfe = x\n"
    )
    outcome = ttbench("doctor", "--json")
    packs = {one["name"]: one for one in json.loads(outcome.out)["packs"]}
    (bad,) = [pack for name, pack in packs.items() if "cut" in name]
    assert bad["broken_models"][0]["reason"].startswith("its metadata cannot be read")
    assert "ttbench-fake-engine" in packs
    assert outcome.code == 1


def test_without_any_backend_the_exit_code_is_1_and_the_table_says_what_helps(ttbench, monkeypatch):
    monkeypatch.setattr("importlib_metadata.entry_points", lambda **_: [])
    outcome = ttbench("doctor")
    last = outcome.out.splitlines()[-1]
    assert last.startswith("ready")
    assert "no: no backend is registered (pip install --force-reinstall ttbench-core)" in last
    assert outcome.code == 1


def test_the_json_is_one_document_whatever_packs_print(python, tmp_path, fake_pack):
    noise = "import os; print('}{'); os.write(1, b'}{'); os.write(2, b'}{')\n"
    entries = "[ttbench.models]\nm = noisy_mod:m\n[ttbench.backends]\nb = noisy_mod:Mine\n"
    site = fake_pack("noisy", entries, noisy_mod=f"{noise}{backend('b')}\ndef m(training): ...")
    done = python("-m", "ttbench_core", "doctor", "--json", path=site)
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert found["ready"] is True
    assert "noisy" in {pack["name"] for pack in found["packs"]}


def test_debug_shows_what_packs_print_and_their_tracebacks_on_stderr(python, fake_pack):
    source = f"print('hello')\n{backend(devices='raise OSError(4)')}"
    site = fake_pack("noisy", "[ttbench.backends]\nb = noisy_mod:Mine\n", noisy_mod=source)
    done = python("-m", "ttbench_core", "doctor", "--json", "--debug", path=site)
    assert "hello\n" in done.stderr
    assert "Traceback (most recent call last)" in done.stderr
    json.loads(done.stdout)


def test_doctor_imports_no_engine_in_its_own_process(python, fake_engine):
    done = python(
        "-c",
        "import sys; from ttbench_core.cli import main; main(['doctor']); print(*sys.modules)",
        path=fake_engine,
    )
    modules = set(done.stdout.splitlines()[-1].split())
    assert "ttbench_core.doctor" in modules
    assert modules & {"torch", "transformers", "numpy", "ttbench_fake_engine"} == set()


@pytest.mark.usefixtures("asked_engines")
def test_control_characters_of_a_pack_are_escaped(ttbench, fake_pack):
    source = backend(
        "evil\x1b[2J",
        availability="return Availability(False, 'red \\x1b[31m', 'up \\x1b[A')",
    )
    fake_pack("evil", "[ttbench.backends]\nevil\x1b[2J = evil_mod:Mine\n", evil_mod=source)
    outcome = ttbench("doctor")
    assert "\x1b" not in outcome.out
    assert r"evil\x1b[2J" in outcome.out
    assert r"red \x1b[31m" in outcome.out
    assert r"up \x1b[A" in outcome.out


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({}, []),
        ({"governors": []}, []),
        ({"load_1min": 4.0}, []),
        ({"cpu_quota_cores": 8.0}, []),
        # other cores than those this process may use count as well: the load is of all
        ({"load_1min": 6.0, "usable_cores": 2, "logical_cores": 64}, []),
        (
            {"governors": ["performance", "powersave"]},
            [("frequency", "(governor powersave)", "cpupower frequency-set -g performance")],
        ),
        ({"cpu_quota_cores": 2.5}, [("quota", "2.5 cores and runs on 8", "--threads 2")]),
        ({"cpu_quota_cores": 0.5}, [("quota", "0.5 cores and runs on 8", "--threads 1")]),
        ({"load_1min": 4.5}, [("load", "4.5 on 8 cores", "stop them")]),
    ],
)
def test_what_makes_numbers_unstable_is_reported_with_a_remedy(facts, said):
    advice = host_advice({**CALM_HOST, **facts})
    assert [one.about for one in advice] == [about for about, _, _ in said]
    for one, (_, message, remedy) in zip(advice, said, strict=True):
        assert message in one.message
        assert remedy in one.remedy


def test_advice_and_the_time_of_throttling_are_shown(capsys):
    host = {**CALM_HOST, "cpu_quota_cores": 2.0, "cpu_throttled_ns": 1_500_000_000}
    _show(diagnosis(host=host, advice=host_advice(host)))
    out = capsys.readouterr().out
    assert "cpu quota  2 cores; throttled 1.5 s so far" in out
    assert "unstable   quota: the control group may use the time of 2 cores" in out


def test_the_facts_of_this_host_are_enough_for_advice():
    assert isinstance(host_advice(read_host()), tuple)


def test_missing_software_is_reported_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr("importlib_metadata.version", missing)
    versions = {one.name: (one.version, one.remedy) for one in software()}
    assert versions["torch"] == (None, "pip install 'ttbench-core[torch]'")
    assert versions.keys() >= {"ttbench-core", "transformers", "numpy"}
    assert "timm" not in versions


def test_an_extra_that_would_replace_torch_is_installed_in_an_interpreter_of_its_own():
    declared = importlib_metadata.distribution("ttbench-core").requires or []
    pinning = {text.rpartition("==")[2].strip(" '\"") for text in declared if "torch==" in text}
    remedies = {extra.name: extra.remedy for extra in extras()}
    assert pinning == {"xla"}
    for name in pinning:
        assert remedies[name] == f"ttbench env create {name} --backend {name}"
    assert remedies["torch"] == "pip install 'ttbench-core[torch]'"


def test_extras_are_those_of_the_installed_core():
    parts = {extra.name: set(extra.distributions) for extra in extras()}
    assert parts["notebook"] == {"cloudpickle", "ipywidgets"}
    assert parts["nvml"] == {"nvidia-ml-py"}
    declared = importlib_metadata.metadata("ttbench-core").get_all("Provides-Extra")
    assert parts.keys() == set(declared)


def test_a_missing_extra_is_reported_with_its_command(capsys):
    absent = Extra("nvml", "energy of NVIDIA GPUs", {"nvidia-ml-py": None})
    _show(diagnosis(extras=(absent,)))
    row = "extra nvml  not installed: nvidia-ml-py (energy of NVIDIA GPUs); pip install "
    assert f"{row}'ttbench-core[nvml]'" in capsys.readouterr().out


def test_without_a_pack_the_table_says_how_to_get_one(capsys):
    _show(diagnosis())
    assert "packs  none is installed; pip install ttbench-models-nlp" in capsys.readouterr().out


def test_help_lists_the_exit_codes(ttbench):
    outcome = ttbench("doctor", "--help")
    assert outcome.code == 0
    assert "exit codes: 0 at least one backend is usable, and no backend and no" in outcome.out


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--timeout", "0"], "--timeout must be above 0 and at most 86400 seconds"),
        (["--timeout", "nan"], "--timeout must be above 0 and at most 86400 seconds"),
        (["torch"], "unrecognized arguments: torch (ttbench doctor --help shows every option)"),
    ],
)
def test_a_wrong_request_is_one_line_and_exits_with_2(ttbench, words, line):
    outcome = ttbench("doctor", *words)
    assert outcome.code == 2
    assert line in outcome.complaint


def test_ctrl_c_ends_doctor_and_the_engine_that_it_waits_for(fake_pack, start_process, tmp_path):
    mark = tmp_path / "pid"
    wait = f"open({str(mark)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    # a name that comes before all others
    site = fake_pack("slow", "[ttbench.backends]\nAAA = slow_mod:Mine\n", slow_mod=backend("AAA",
        availability=wait))  # fmt: skip
    doctor = start_process(
        [sys.executable, "-m", "ttbench_core", "doctor"],
        env={**os.environ, "PYTHONPATH": str(site)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (mark.exists() and mark.read_text()):
        assert doctor.poll() is None
        time.sleep(0.05)
    doctor.send_signal(signal.SIGINT)
    _, err = doctor.communicate(timeout=60)
    assert (doctor.returncode, err) == (130, "ttbench: interrupted\n")
    assert has_ended(int(mark.read_text()))


def missing(name: str) -> str:
    raise importlib_metadata.PackageNotFoundError(name)


def has_ended(pid: int) -> bool:
    """Wait until a process is gone; whoever adopts it may be slow to bury it."""
    for _ in range(200):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state in "ZX":
            return True
        time.sleep(0.05)
    return False


def diagnosis(**found) -> Diagnosis:
    """A diagnosis of nothing but this."""
    nothing = dict.fromkeys(("software", "backends", "packs", "sinks", "advice", "extras"), ())
    python = Interpreter("CPython", "3.11.7", "/usr/bin/python3")
    return Diagnosis(
        **{"python": python, "platform": "Linux", "host": CALM_HOST, **nothing, **found}
    )
