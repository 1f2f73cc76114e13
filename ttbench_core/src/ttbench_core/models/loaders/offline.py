"""Without a network: the cache of the hub alone, so that nobody waits for the hub in vain.

Its library tries each file again and again where its host is unknown, which takes minutes.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import socket
import sys
import threading
import urllib.request
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from ttbench_core.models.loaders.failures import NetworkError

__all__ = ["LIMIT_S", "NOTE", "VARIABLES", "without_waiting"]

NOTE: Final = "no network: the cache of the hub alone was used"
#: Variables of the hub's libraries; with any of them set, whatever its value, it decides.
VARIABLES: Final = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
#: A name server may take longer; then the network is taken to be there.
LIMIT_S = 5.0
_HUB: Final = "huggingface_hub"
_DEFAULT_ENDPOINT: Final = "https://huggingface.co"
#: Where libraries keep the variable that they read when they were imported.
_KEPT: Final = (
    ("huggingface_hub.constants", VARIABLES[0]),
    ("transformers.utils.hub", "_is_offline_mode"),
)


@contextlib.contextmanager
def without_waiting() -> Iterator[list[str]]:
    """Let the hub's libraries use their cache alone, where the host of the hub is unknown.

    Nothing changes where it is known, where a variable decides, behind a proxy, and where the
    library is not installed. Afterwards the process is as it was.

    Yields:
        Notes for the record, which are complete afterwards.

    Raises the `NetworkError` of what is done within, with the note.
    """
    notes: list[str] = []
    if not _may_ask_the_hub() or not _is_unknown(_host()):
        yield notes
        return
    os.environ[VARIABLES[0]] = "1"
    before = _kept()
    _keep(dict.fromkeys(before, True))
    try:
        yield notes
    except NetworkError as error:
        raise NetworkError(f"{error}; {NOTE}") from error
    finally:
        os.environ.pop(VARIABLES[0], None)
        _keep({name: before.get(name, False) for name in _kept()})
        if _HUB in sys.modules:
            notes.append(NOTE)


def _may_ask_the_hub() -> bool:
    is_decided = any(name in os.environ for name in VARIABLES)
    if is_decided or {"https", "all"} & urllib.request.getproxies().keys():
        return False
    try:
        return importlib.util.find_spec(_HUB) is not None
    except ValueError:  # a module that was put in place by hand
        return True


def _host() -> str:
    return urlsplit(os.environ.get("HF_ENDPOINT") or _DEFAULT_ENDPOINT).hostname or ""


def _is_unknown(host: str) -> bool:
    """Return whether looking up a host fails in time."""
    failed = threading.Event()

    def look_up() -> None:
        try:
            socket.getaddrinfo(host, None)
        except OSError:
            failed.set()

    # a look-up cannot be ended: its thread may live on, and must not keep the process
    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(LIMIT_S)
    return failed.is_set()


def _kept() -> dict[tuple[str, str], bool]:
    """Give what imported libraries keep of the variable, by module and name."""
    return {
        (module, name): bool(getattr(sys.modules[module], name))
        for module, name in _KEPT
        if hasattr(sys.modules.get(module), name)
    }


def _keep(values: dict[tuple[str, str], bool]) -> None:
    for (module, name), value in values.items():
        setattr(sys.modules[module], name, value)
