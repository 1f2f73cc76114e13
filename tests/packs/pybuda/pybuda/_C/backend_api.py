"""Where the released library has the enums of devices."""

from pybuda.standin.values import BackendDevice, BackendType, DeviceMode

__all__ = ["BackendDevice", "BackendType", "DeviceMode"]
