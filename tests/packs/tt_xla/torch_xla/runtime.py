"""A stand-in for torch_xla.runtime."""

import os

import tt_xla_standin as _standin

_state = {"opened": False, "spmd": False}


def set_device_type(pjrt_device):
    if _state["opened"] and os.environ.get("PJRT_DEVICE") != pjrt_device:
        raise _standin.StandInError("the device type was set after a device was opened")
    os.environ["PJRT_DEVICE"] = pjrt_device
    _standin.note("torch_xla.runtime.set_device_type", pjrt_device)


def global_runtime_device_attributes():
    _open()
    arch = _standin.settings().get("arch", "Wormhole_b0")
    return [
        {"device_arch": arch, "dram_size_bytes": 12 * _standin.GIGABYTE, "name": f"TT:{index}"}
        for index in range(_standin.chip_count())
    ]


def use_spmd(auto=False):
    _state["spmd"] = True
    _standin.note("torch_xla.runtime.use_spmd", os.environ.get("CONVERT_SHLO_TO_SHARDY"))


def _open():
    if os.environ.get("PJRT_DEVICE") != "TT":
        raise _standin.StandInError("no device type: set_device_type('TT') comes first")
    _standin.fail_if_asked("open")
    if not _state["opened"]:
        _state["opened"] = True
        names = ("TT_VISIBLE_DEVICES", "TT_RUNTIME_TRACE_REGION_SIZE")
        _standin.note("open", {name: os.environ.get(name) for name in names})


def addressable_device_count():
    _open()
    return _standin.chip_count()


def device_type():
    return os.environ.get("PJRT_DEVICE")
