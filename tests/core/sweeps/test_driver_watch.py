"""The process of a cell whose driver was killed: it ends last of all that it has started."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import psutil
import pytest

from ttbench_core.sweeps.cells.leftovers import MARK

#: A process with a child, and with one that is no child of it any more; both sleep.
STARTING = """
import json, os, subprocess, sys
from ttbench_core.sweeps.cells.driver_watch import DriverWatch

child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
detached = subprocess.run(
    ["sh", "-c", "exec 3>&1 >/dev/null; setsid sleep 600 3>&- & echo $! >&3"],
    stdout=subprocess.PIPE,
)
print(json.dumps([child.pid, int(detached.stdout)]), flush=True)
watch = DriverWatch()
watch.start()
"""
#: What its main thread does when its child has been killed.
GOING_ON = """
child.wait()
watch.end_if_ended()
print("went on", flush=True)
"""
#: Says at the end of the process what is left then.
ENDING = """
import threading, psutil

def exit_of(code):
    print(json.dumps([psutil.pid_exists(child.pid), code]), flush=True)
    real_exit(code)

real_exit, os._exit = os._exit, exit_of
threading.Event().wait()
"""


@pytest.fixture
def cell():
    """Start a process of a cell by its code; gives it, and the processes that it has started."""
    started = []

    def start(code):
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, MARK: f"test of {os.getpid()}"},
        )
        started.append(process)
        others = [psutil.Process(one) for one in json.loads(process.stdout.readline())]
        started.extend(others)
        return process, others

    yield start
    for one in started:
        if has_not_ended(one.pid):
            one.kill()


def has_not_ended(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_all_that_it_has_started_ends_before_it_does(cell):
    process, others = cell(STARTING + ENDING)
    out, _ = process.communicate()
    assert json.loads(out) == [False, 1]
    assert [has_not_ended(one.pid) for one in others] == [False, False]


def test_what_comes_of_a_cell_whose_processes_were_killed_is_not_told(cell):
    process, _ = cell(STARTING + GOING_ON)
    out, _ = process.communicate()
    assert (process.returncode, out) == (1, "")
