"""Energy counters: their sum, their wrap-around, and a reason where there are none."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from ttbench_core.measure.energy import Energy, EnergyMeter, nvml_names


class Clock:
    """Seconds that move when they are told to."""

    def __init__(self):
        self.now_s = 0.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def zones(tmp_path):
    """Make powercap zones, and set their counters."""

    def write(zone, uj, name=None, range_uj=262_143_328_850):
        folder = tmp_path / zone
        folder.mkdir(exist_ok=True)
        (folder / "energy_uj").write_text(f"{uj}\n")
        if name:
            (folder / "name").write_text(f"{name}\n")
            (folder / "max_energy_range_uj").write_text(f"{range_uj}\n")

    write.root = tmp_path
    return write


class NVMLError(Exception):
    pass


@pytest.fixture
def nvml(monkeypatch):
    """Install a `pynvml` with two GPUs; `counters` are their mJ, by index and UUID."""
    library = SimpleNamespace(
        NVMLError=NVMLError, counters={0: 1000, 1: 5000, "GPU-abc": 7000}, open=0
    )

    def ask(handle):
        if handle not in library.counters:
            raise NVMLError("Not Supported")
        return library.counters[handle]

    def opened(by):
        library.open += by

    library.nvmlInit = lambda: opened(1)
    library.nvmlShutdown = lambda: opened(-1)
    library.nvmlDeviceGetHandleByIndex = library.nvmlDeviceGetHandleByUUID = lambda gpu: gpu
    library.nvmlDeviceGetTotalEnergyConsumption = ask
    monkeypatch.setitem(sys.modules, "pynvml", library)
    return library


def test_the_packages_of_the_machine_add_up(zones, clock):
    zones("intel-rapl:0", 1_000_000, "package-0")
    zones("intel-rapl:1", 5_000_000, "package-1")
    meter = EnergyMeter(zones.root, clock=clock)
    meter.start()
    zones("intel-rapl:0", 3_000_000)
    zones("intel-rapl:1", 5_500_000)
    assert meter.stop() == Energy(2.5, "RAPL", {"package-0": 2.0, "package-1": 0.5})
    assert meter.reason is None


def test_parts_of_packages_and_other_views_of_them_do_not_count_twice(zones, clock):
    zones("intel-rapl:0", 0, "package-0")
    zones("intel-rapl:0:0", 0, "core")
    zones("intel-rapl-mmio:0", 0, "package-0")
    zones("intel-rapl:1", 0, "psys")
    meter = EnergyMeter(zones.root, clock=clock)
    meter.start()
    for zone in ("intel-rapl:0", "intel-rapl:0:0", "intel-rapl-mmio:0", "intel-rapl:1"):
        zones(zone, 1_000_000)
    assert meter.stop().joules == 1


def test_a_counter_that_wraps_goes_on(zones, clock):
    zones("intel-rapl:0", 99_000_000, "package-0", range_uj=100_000_000)
    meter = EnergyMeter(zones.root, clock=clock)
    meter.start()
    zones("intel-rapl:0", 2_000_000)
    assert meter.stop().joules == pytest.approx(3)


def test_updates_follow_a_counter_through_several_wraps(zones, clock):
    zones("intel-rapl:0", 0, "package-0", range_uj=100_000_000_000)
    meter = EnergyMeter(zones.root, clock=clock)
    meter.start()
    for _ in range(3):
        for uj in (60_000_000_000, 10_000_000_000):
            clock.now_s += 60
            zones("intel-rapl:0", uj)
            meter.update()
    assert meter.stop().joules == pytest.approx(310_000)


def test_a_counter_that_may_have_wrapped_twice_gives_nothing(zones, clock):
    zones("intel-rapl:0", 0, "package-0", range_uj=65_000_000_000)
    meter = EnergyMeter(zones.root, clock=clock)
    meter.start()
    clock.now_s += 66
    zones("intel-rapl:0", 1_000_000)
    assert meter.stop() is None
    assert "may have started again more than once in 66 s" in meter.reason


def test_a_machine_without_counters_gives_a_reason(tmp_path):
    meter = EnergyMeter(tmp_path / "powercap")
    meter.start()
    assert meter.stop() is None
    assert meter.reason == f"this machine shows no RAPL counters under {tmp_path}/powercap"


def test_a_counter_without_read_permission_gives_a_reason(zones, monkeypatch):
    zones("intel-rapl:0", 0, "package-0")
    (zones.root / "intel-rapl:0" / "energy_uj").unlink()
    (zones.root / "intel-rapl:0" / "energy_uj").mkdir()  # root may read any file, but no folder
    meter = EnergyMeter(zones.root)
    meter.start()
    assert meter.stop() is None
    assert "energy_uj cannot be read (" in meter.reason


def test_a_counter_that_disappears_gives_nothing(zones):
    zones("intel-rapl:0", 0, "package-0")
    meter = EnergyMeter(zones.root)
    meter.start()
    (zones.root / "intel-rapl:0" / "energy_uj").unlink()
    assert meter.stop() is None
    assert "cannot be read" in meter.reason


def test_a_counter_that_is_no_number_gives_nothing(zones):
    zones("intel-rapl:0", "many", "package-0")
    meter = EnergyMeter(zones.root)
    meter.start()
    assert meter.stop() is None
    assert "holds 'many', not a number" in meter.reason


def test_gpus_count_beside_packages(zones, nvml, clock):
    zones("intel-rapl:0", 0, "package-0")
    meter = EnergyMeter(zones.root, gpus=[1, "GPU-abc"], clock=clock)
    meter.start()
    nvml.counters.update({0: 9000, 1: 5500, "GPU-abc": 9000})
    zones("intel-rapl:0", 1_000_000)
    energy = meter.stop()
    assert energy.source == "NVML + RAPL"
    assert energy.joules == pytest.approx(3.5)
    assert energy.joules_by_counter == {"GPU 1": 0.5, "GPU-abc": 2.0, "package-0": 1.0}


def test_gpus_alone_count_where_packages_cannot_be_read(tmp_path, nvml):
    meter = EnergyMeter(tmp_path, gpus=[0])
    meter.start()
    nvml.counters[0] += 2000
    assert meter.stop() == Energy(2.0, "NVML", {"GPU 0": 2.0})
    assert "no RAPL counters" in meter.reason


def test_packages_that_disappear_leave_the_gpus(zones, nvml):
    zones("intel-rapl:0", 0, "package-0")
    meter = EnergyMeter(zones.root, gpus=[0])
    meter.start()
    (zones.root / "intel-rapl:0" / "energy_uj").unlink()
    nvml.counters[0] += 2000
    assert meter.stop() == Energy(2.0, "NVML", {"GPU 0": 2.0})
    assert "cannot be read" in meter.reason


def test_an_unreadable_gpu_gives_no_energy_although_packages_are_read(zones, nvml):
    zones("intel-rapl:0", 0, "package-0")
    meter = EnergyMeter(zones.root, gpus=[0, 5])
    meter.start()
    assert meter.stop() is None
    assert meter.reason == "NVML tells no energy of GPU 5 (Not Supported)"
    assert nvml.open == 0


def test_a_missing_driver_gives_a_reason(tmp_path, nvml):
    def absent():
        raise NVMLError("NVML Shared Library Not Found")

    nvml.nvmlInit = absent
    meter = EnergyMeter(tmp_path, gpus=[0])
    meter.start()
    assert meter.stop() is None
    assert meter.reason == "NVML cannot be used here (NVML Shared Library Not Found)"


def test_a_missing_library_gives_the_command_that_installs_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", None)
    meter = EnergyMeter(tmp_path, gpus=[0])
    meter.start()
    assert meter.stop() is None
    assert "pip install 'ttbench-core[nvml]'" in meter.reason


def test_without_gpus_nvml_is_not_used(tmp_path, nvml):
    meter = EnergyMeter(tmp_path)
    meter.start()
    meter.stop()
    assert nvml.open == 0


def test_nvml_is_shut_down_when_the_meter_stops(tmp_path, nvml):
    meter = EnergyMeter(tmp_path, gpus=[0])
    meter.start()
    assert nvml.open == 1
    meter.stop()
    assert nvml.open == 0


def test_a_meter_can_be_started_again(zones, clock):
    zones("intel-rapl:0", 0, "package-0")
    meter = EnergyMeter(zones.root, clock=clock)
    meter.start()
    zones("intel-rapl:0", 5_000_000)
    clock.now_s += 1000
    meter.start()
    zones("intel-rapl:0", 6_000_000)
    assert meter.stop().joules == 1


def test_a_meter_that_was_not_started_gives_nothing(tmp_path):
    assert EnergyMeter(tmp_path).stop() is None


@pytest.mark.parametrize(
    ("visible", "names"),
    [
        (None, (0, 1)),
        ("", (0, 1)),
        ("3,2", (3, 2)),
        ("GPU-a, GPU-b", ("GPU-a", "GPU-b")),
    ],
)
def test_cuda_devices_are_named_as_nvml_names_them(visible, names):
    assert nvml_names([0, 1], visible) == names
