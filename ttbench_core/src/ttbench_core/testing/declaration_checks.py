"""Checks of what a backend says of itself: capabilities, options, devices, versions, seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ttbench_core.backends.loading import checked_backend
from ttbench_core.backends.protocol import (
    Availability,
    Backend,
    Capabilities,
    Device,
    EngineFormat,
    ImagingBackend,
    OptionRole,
)
from ttbench_core.errors import (
    BackendUnavailableError,
    OptionError,
    PackContractError,
    PackLoadError,
    one_line,
)
from ttbench_core.plugins.registry import BACKENDS, Plugin, discover, find, load
from ttbench_core.request.declared_options import DeclaredOption, plain_value
from ttbench_core.request.engine_options import declared_options, make_options
from ttbench_core.request.formats import DataFormat
from ttbench_core.testing.promises import Contract

__all__ = [
    "check_availability",
    "check_declarations",
    "check_devices",
    "check_seeding",
    "check_versions",
    "loaded_backend",
]


def loaded_backend(given: Any, name: str | None) -> tuple[Backend, Capabilities, Plugin]:
    """Make the backend that is to be checked, with the checks that every use of it makes.

    Args:
        given: an instance, a class, or the name that it is registered under.
        name: that it must have; by default the one that it is registered under, if it is.

    Raises `BrokenPromiseError`, and `UnknownNameError` for a name that is not registered.
    """
    if isinstance(given, str):
        plugin = find(BACKENDS, given, "backend")
        contract = Contract(f"backend {given!r}")
        with contract.during("its import"):
            made = load(plugin)
    else:
        plugin = _plugin_of(given, name)
        contract = Contract(f"backend {plugin.name!r}")
        made = given if isinstance(given, type) else lambda: given
    try:
        installed = checked_backend(made, plugin)
    except PackLoadError as error:
        cause = one_line(error.__cause__ or error)
        raise contract.broken(f"raised {cause} when it was made or asked what it can do") from error
    except PackContractError as error:
        raise contract.broken(str(error)) from error
    return installed.backend, installed.capabilities, plugin


def check_declarations(contract: Contract, backend: Backend, capabilities: Capabilities) -> None:
    """Check that the parts of the capabilities fit together, and that options can be set."""
    formats = [one.value for one in capabilities.data_formats]
    contract.require(len(set(formats)) == len(formats), "each of its data_formats has another name")
    for one in capabilities.data_formats:
        if isinstance(one, EngineFormat):
            taken = one.name in {known.value for known in DataFormat}
            contract.require(not taken, f"its format {one.name!r} has a name that is taken")
            contract.require(-1 < one.pcc <= 1, f"the pcc of {one.name} is a correlation")
    fidelity = capabilities.default_fidelity
    contract.require(
        fidelity is None or fidelity in capabilities.math_fidelities,
        f"its default_fidelity {fidelity} is among its math_fidelities",
    )
    contract.require(
        set(capabilities.opt_level_help) <= set(capabilities.opt_levels),
        "its opt_level_help is about levels of its opt_levels",
    )
    contract.require(
        capabilities.patience_s is None or capabilities.own_process,
        "patience_s goes with own_process: only a process of its own can be ended",
    )
    options = declared_options(capabilities.options)
    for option in options:
        _check_option(contract, capabilities, option)
    saves = any(option.role is OptionRole.IMAGE for option in options)
    contract.require(
        saves == isinstance(backend, ImagingBackend),
        "an option with the role IMAGE and the method save_image go together",
    )


def check_availability(contract: Contract, backend: Backend) -> None:
    """Check what it says about running here.

    Raises `BackendUnavailableError` where it cannot: there is nothing more to check.
    """
    with contract.during("availability()"):
        found = backend.availability()
    contract.require(
        isinstance(found, Availability), f"availability() gives an Availability, not {found!r}"
    )
    types = {"usable": bool, "reason": str, "remedy": str, "automatic": bool}
    for name, kind in types.items():
        value = getattr(found, name)
        contract.require(
            isinstance(value, kind), f"the {name} of its Availability is a {kind.__name__}"
        )
    if found.usable:
        return
    contract.require(
        bool(found.reason and found.remedy),
        "an Availability that is not usable has a reason and a remedy",
    )
    raise BackendUnavailableError(
        f"{contract.subject} cannot be checked here: {found.reason}; {found.remedy}"
    )


def check_devices(contract: Contract, backend: Backend, capabilities: Capabilities) -> None:
    """Check the devices that it finds here."""
    with contract.during("devices()"):
        devices = list(backend.devices())
    contract.require(bool(devices), "a backend that can run here has devices")
    for device in devices:
        contract.require(isinstance(device, Device), f"devices() gives Devices, not {device!r}")
        contract.require(
            device.kind in capabilities.device_kinds,
            f"the kind of a device is among its device_kinds: {device.kind!r} is not",
        )
        fits = isinstance(device.index, int) and device.index >= 0
        contract.require(fits, f"the index of a device counts from 0: not {device.index!r}")
        for name in ("name", "arch"):
            value = getattr(device, name)
            contract.require(isinstance(value, str) and value != "", f"a device has its {name}")
        memory = device.memory_bytes
        contract.require(
            memory is None or (isinstance(memory, int) and memory > 0),
            f"memory_bytes of a device is a number of bytes or None, not {memory!r}",
        )
    specs = [device.spec for device in devices]
    contract.require(
        len(set(specs)) == len(specs), f"each device has another kind or index: {', '.join(specs)}"
    )
    order = [capabilities.device_kinds.index(device.kind) for device in devices]
    contract.require(
        order == sorted(order), "devices() gives the best kind first, as device_kinds does"
    )


def check_versions(contract: Contract, backend: Backend) -> Mapping[str, str]:
    """Check the versions that it reports, and give them."""
    with contract.during("versions()"):
        versions = backend.versions()
    contract.require(
        isinstance(versions, Mapping)
        and all(isinstance(one, str) for pair in versions.items() for one in pair),
        f"versions() gives texts by name, not {versions!r}",
    )
    return versions


def check_seeding(contract: Contract, backend: Backend, devices: Sequence[Device]) -> None:
    """Check that random numbers repeat for a seed, and that the caller's go on as before."""
    from ttbench_core.models.reference.torch_state import random_numbers, random_state

    before = random_state()
    with contract.during("seeded()"):
        drawn = []
        for seed in (1, 1, 2):
            with backend.seeded(seed, devices):
                drawn.append(random_numbers())
    # the caller's random numbers must not depend on whether this was broken
    after = random_state()
    contract.require(drawn[0] == drawn[1], "torch's random numbers repeat within seeded()")
    contract.require(drawn[0] != drawn[2], "another seed gives other random numbers")
    contract.require(after == before, "seeded() restores the caller's random state at its end")


def _plugin_of(given: Any, name: str | None) -> Plugin:
    """Give the entry point of a class or an instance; one that is made up if it has none."""
    made = given if isinstance(given, type) else type(given)
    value = f"{made.__module__}:{made.__qualname__}"
    registered = [one for one in discover(BACKENDS) if one.value.replace(" ", "") == value]
    for plugin in registered:
        if name in (None, plugin.name):
            return plugin
    return Plugin(
        BACKENDS, name or str(getattr(given, "name", made.__name__)), value, "not installed", "?"
    )


def _check_option(contract: Contract, capabilities: Capabilities, option: DeclaredOption) -> None:
    contract.require(option.help != "", f"its option {option.name} has a help")
    values = option.choices or ((True, False) if option.kind is bool else ())
    for value in (*values, option.default):
        text = plain_value(value) if value is None else str(plain_value(value))
        with contract.during(f"reading {option.flag}={text}"):
            read = option.read(text)
        contract.require(
            value in (read, ""), f"{option.flag}={text} is read as {value!r}, not {read!r}"
        )
        # values that contradict the defaults of others are refused, and nothing else is raised
        with contract.during(f"making its options with {option.flag}={text}"):
            try:
                make_options(capabilities.options or object, {option.name: value})
            except OptionError as refused:
                if not isinstance(refused.__cause__, (ValueError, type(None))):
                    raise refused.__cause__ from refused
    if option.role is OptionRole.DEVICE:
        kinds = {str(plain_value(one)) for one in option.choices}
        contract.require(
            kinds <= set(capabilities.device_kinds),
            f"the choices of {option.flag} are kinds of its devices",
        )
