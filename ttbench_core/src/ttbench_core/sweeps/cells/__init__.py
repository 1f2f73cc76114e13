"""The cells that run on this machine: their processes, devices and locks."""
