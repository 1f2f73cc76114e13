"""What the machine did during passes, by counters: known ones, and those of this host."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace

import pytest

from ttbench_core.measure.cgroup import CpuGroup
from ttbench_core.measure.host_activity import CounterReading, activity_between, read_counters
from ttbench_core.record.environment import usable_cores

S = 1_000_000_000
BEFORE = CounterReading(
    monotonic_ns=0,
    calendar_ns=5 * S,
    busy_s=100.0,
    steal_s=1.0,
    own_s=10.0,
    involuntary_switches=50,
    throttled_ns=0,
)


def after(**changes):
    ten_s_later = replace(BEFORE, monotonic_ns=10 * S, calendar_ns=15 * S, busy_s=118.0, own_s=25.0)
    return replace(ten_s_later, **changes)


def test_others_are_the_busy_cores_less_those_of_this_process():
    seen = activity_between(BEFORE, after(), cores=2)
    assert seen.others_cores == pytest.approx(0.3)
    assert seen.own_cores == pytest.approx(1.5)
    assert seen.wall_s == 10.0


def test_rounding_makes_others_never_negative():
    assert activity_between(BEFORE, after(busy_s=114.9), cores=2).others_cores == 0.0


def test_shares_are_of_the_time_and_of_the_cores():
    seen = activity_between(
        BEFORE, after(steal_s=2.0, throttled_ns=S, involuntary_switches=150), cores=2
    )
    assert seen.steal_share == pytest.approx(0.05)
    assert seen.throttled_share == pytest.approx(0.05)
    assert seen.involuntary_switches_per_s == pytest.approx(10.0)


def test_the_clock_ratio_shows_clocks_that_disagree():
    assert activity_between(
        BEFORE, after(calendar_ns=16 * S), cores=2
    ).clock_ratio == pytest.approx(1.1)


def test_missing_counters_are_none():
    bare = replace(BEFORE, busy_s=None, steal_s=None, throttled_ns=None)
    seen = activity_between(bare, after(busy_s=None, steal_s=None, throttled_ns=None), cores=2)
    assert (seen.others_cores, seen.steal_share, seen.throttled_share) == (None, None, None)


def test_a_counter_that_stands_still_is_none():
    assert activity_between(BEFORE, after(busy_s=100.0), cores=2).others_cores is None


def test_a_time_too_short_for_the_ticks_leaves_others_unknown():
    brief = after(monotonic_ns=S // 10, busy_s=100.01, own_s=10.1)
    assert activity_between(BEFORE, brief, cores=2).others_cores is None


def spin(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def watched(action):
    before = read_counters()
    action()
    return activity_between(before, read_counters(), usable_cores())


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/stat")
def test_own_cores_are_of_this_process_and_of_its_children():
    work = "import time\nwhile time.process_time() < 0.5: pass"

    def both():
        child = subprocess.Popen([sys.executable, "-c", work])
        spin(0.5)
        assert child.wait() == 0

    seen = watched(both)
    assert seen.own_cores * seen.wall_s > 0.9


def test_the_calendar_and_the_clock_agree_here():
    assert watched(lambda: time.sleep(0.05)).clock_ratio == pytest.approx(1.0, abs=0.2)


@pytest.fixture
def group(tmp_path):
    def make(membership, **files):
        for name, text in files.items():
            file = tmp_path / name.replace("__", "/").replace("_DOT_", ".")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        (tmp_path / "membership").write_text(membership)
        return CpuGroup(tmp_path, tmp_path / "membership")

    return make


def test_a_group_of_the_second_version_is_read(group):
    ours = group(
        "0::/box/ours\n",
        box__ours__cpu_DOT_stat="usage_usec 7\nnr_throttled 3\nthrottled_usec 1500\n",
        box__ours__cpu_DOT_max="150000 100000\n",
    )
    assert ours.throttled_ns() == 1_500_000
    assert ours.quota_cores() == 1.5


def test_a_group_of_the_first_version_is_read(group):
    ours = group(
        "5:memory:/x\n4:cpu,cpuacct:/box\n",
        cpu__box__cpu_DOT_stat="nr_periods 1\nnr_throttled 1\nthrottled_time 900\n",
        cpu__box__cpu_DOT_cfs_quota_us="50000\n",
        cpu__box__cpu_DOT_cfs_period_us="100000\n",
    )
    assert ours.throttled_ns() == 900
    assert ours.quota_cores() == 0.5


def test_a_path_that_a_container_hides_is_read_at_the_mount(group):
    ours = group("0::/docker/abc\n", cpu_DOT_stat="throttled_usec 2\n", cpu_DOT_max="max 100000\n")
    assert ours.throttled_ns() == 2000
    assert ours.quota_cores() is None


def test_no_limit_of_the_first_version_is_no_quota(group):
    ours = group(
        "4:cpu:/\n",
        cpu__cpu_DOT_stat="throttled_time 0\n",
        cpu__cpu_DOT_cfs_quota_us="-1\n",
        cpu__cpu_DOT_cfs_period_us="100000\n",
    )
    assert ours.quota_cores() is None


def test_a_machine_without_control_groups_gives_none(tmp_path):
    nothing = CpuGroup(tmp_path / "none", tmp_path / "neither")
    assert nothing.throttled_ns() is None
    assert nothing.quota_cores() is None
