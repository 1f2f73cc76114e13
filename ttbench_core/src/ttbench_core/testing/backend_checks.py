"""A check that a backend follows its contract, `docs/backends.md`."""

from __future__ import annotations

import math
from typing import Any

from ttbench_core.backends.protocol import Backend, CalibratingBackend
from ttbench_core.testing.declaration_checks import (
    check_availability,
    check_declarations,
    check_devices,
    check_seeding,
    check_versions,
    loaded_backend,
)
from ttbench_core.testing.light_import import check_light_import
from ttbench_core.testing.promises import Contract
from ttbench_core.testing.sample_cases import Checked
from ttbench_core.testing.sample_runs import check_runs

__all__ = ["check_backend"]


def check_backend(
    backend: Backend | type[Backend] | str, *, name: str | None = None, **options: Any
) -> None:
    """Check that a backend keeps the promises of its contract, on the devices that are here.

    Small models of PyTorch are compiled and run in every way that its capabilities declare: each
    format, level and fidelity, and where they are declared stages on the host, training,
    generation and traces. Of a backend that measures nothing, what it declares alone is checked.

    Args:
        backend: the name that it is registered under, its class, or an instance.
        name: what it is registered under, where it is not installed.
        options: any field of `RunOptions` but `model`, for every run: `device="toy"`,
            `engine_options={"lanes": 2}`.

    Raises:
        BrokenPromiseError: an `AssertionError` whose message names the first broken promise.
        BackendUnavailableError: it cannot run here.
        UnknownNameError: no backend of this name is registered.
    """
    made, capabilities, plugin = loaded_backend(backend, name)
    contract = Contract(f"backend {plugin.name!r}")
    check_declarations(contract, made, capabilities)
    check_availability(contract, made)
    check_devices(contract, made, capabilities)
    versions = check_versions(contract, made)
    if plugin.entry_point is not None or isinstance(backend, type):
        check_light_import(contract, plugin, versions)
    checked = Checked(plugin.name, made, capabilities, options)
    check_seeding(contract, made, checked.plan(contract).devices)
    if capabilities.measures:
        check_runs(checked)
    if isinstance(made, CalibratingBackend):
        _check_peak(checked, contract, made)


def _check_peak(checked: Checked, contract: Contract, backend: CalibratingBackend) -> None:
    plan = checked.plan(contract)
    with contract.during("peak()"):
        peak = backend.peak(plan.devices[0], plan.data_format, plan.threads)
    for name in ("flops_per_s", "bytes_per_s", "seconds"):
        value = getattr(peak, name, None)
        contract.require(
            isinstance(value, (int, float)) and math.isfinite(value) and value > 0,
            f"{name} of peak() is a number above 0, not {value!r}",
        )
    kernel = getattr(peak, "kernel", None)
    contract.require(isinstance(kernel, str) and kernel != "", "peak() names the kernel")
