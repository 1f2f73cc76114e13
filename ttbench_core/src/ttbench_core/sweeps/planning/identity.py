"""What identifies a cell and a sweep: hashes that every process computes alike."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ttbench_core.backends.loading import InstalledBackend
from ttbench_core.errors import OptionError
from ttbench_core.models.loaders.finding import find_loader, is_loader
from ttbench_core.plugins.catalogue import ModelEntry
from ttbench_core.record.environment import checkout_of, source_file
from ttbench_core.request.declared_options import plain_value
from ttbench_core.request.engine_options import declared_options
from ttbench_core.request.options import RunOptions
from ttbench_core.sweeps.definition.sweep import Sweep
from ttbench_core.sweeps.planning.engines_here import Engine

__all__ = ["cell_key", "commit_of", "effective_request", "identity_of"]

_BOOLEANS: Final = ("true", "false")


def identity_of(sweep: Sweep) -> str:
    """Give the SHA-256 of what the cells of a sweep are.

    Not of its name, its outputs, its rounds, the order and the time limit: a sweep that is
    continued with more rounds is the same one.
    """
    return _digest(
        {
            "settings": dict(sweep.settings),
            "grid": sweep.grid,
            "zips": sweep.zips,
            "scenarios": [[one.name, one.settings] for one in sweep.scenarios],
            "excludes": sweep.excludes,
            # others keep the identity that they had before there were machines
            **({"machines": sweep.machines} if sweep.machines else {}),
        }
    )


def cell_key(
    request: Mapping[str, Any],
    engine: Engine,
    entry: ModelEntry | None,
    commit: str | None = None,
    hosts: Sequence[str] = (),
) -> str:
    """Give the SHA-256 of what a cell measures and with what.

    That is the effective request, the engine with the versions that decide its speed and the
    devices that it has, version and commit of the model's pack, and the machine: runs that
    differ in one of these are not compared as replicates.

    Args:
        request: of `effective_request`.
        engine: that runs it.
        entry: the model; None for one that only another interpreter has.
        commit: see `commit_of`.
        hosts: what tables of machines say of the name of this one's host: hosts that a sweep
            tells apart are measured each, also if they are alike.
    """
    return _digest(
        {
            "request": request,
            "versions": dict(engine.versions),
            "devices": list(engine.devices),
            "pack": [entry.pack, entry.version] if entry else None,
            "machine": engine.machine,
            **({"commit": commit} if commit else {}),
            **({"hosts": list(hosts)} if hosts else {}),
        }
    )


def commit_of(entry: ModelEntry | None) -> str | None:
    """Give the git commit of the checkout of a model's pack, else of ttbench's, as records do.

    None where neither is in a checkout. Imports no pack.
    """
    checkout = checkout_of([_file_of(entry), source_file("ttbench_core")])
    return None if checkout is None else checkout.hash


def _file_of(entry: ModelEntry | None) -> str | None:
    """Give a file of the pack of a model, or of a loader."""
    if entry is None:
        return None
    if is_loader(entry.runs_as):
        return str(find_loader(entry.runs_as).file)
    with contextlib.suppress(ImportError, ValueError, AttributeError):
        found = importlib.util.find_spec(re.split(r"[.:]", entry.entry_point)[0])
        return found.origin if found else None
    return None


def effective_request(
    options: RunOptions, installed: InstalledBackend | None, entry: ModelEntry | None
) -> dict[str, Any]:
    """Give a request with the defaults of its backend, so that what runs alike is equal.

    Args:
        options: with model, configuration and backend chosen.
        installed: the backend; None for one that cannot be loaded here.
        entry: the model.
    """
    asked = options.as_requested()
    asked["env"] = dict(sorted(options.environment.items()))
    # of a model's options the types are not known before its builder is imported
    asked["model_options"] = {name: _text(one) for name, one in options.model_options.items()}
    if entry is not None:
        asked["model"] = f"{entry.pack}:{entry.name}"
    if installed is None:
        return asked
    capabilities = installed.capabilities
    fidelity = capabilities.default_fidelity
    defaults = {
        "dataformat": capabilities.default_format.value,
        "math_fidelity": fidelity.value if fidelity else None,
        "backend_opt_level": capabilities.default_opt_level,
    }
    for name, default in defaults.items():
        if asked[name] is None:
            asked[name] = default
    asked["engine_options"] = _read_options(options, installed)
    return asked


def _read_options(options: RunOptions, installed: InstalledBackend) -> dict[str, object]:
    """Give the options of an engine that differ from their default, read from their texts."""
    known = {one.name: one for one in declared_options(installed.capabilities.options)}
    read: dict[str, object] = {}
    for name, value in options.engine_options.items():
        if name not in known:
            read[name] = plain_value(value)
            continue
        try:
            found = known[name].read(value)
        except OptionError:  # the cell is refused for it
            found = value
        if found != known[name].default:
            read[name] = plain_value(found)
    return read


def _text(value: object) -> str:
    text = str(value)
    return text.lower() if text.lower() in _BOOLEANS else text


def _digest(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()
