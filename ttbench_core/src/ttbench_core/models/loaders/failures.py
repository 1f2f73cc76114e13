"""What a loader fails for that is no fault of the measurement: a line each, with the remedy."""

from __future__ import annotations

import contextlib
import socket
import traceback
import urllib.error
from collections.abc import Iterator
from typing import Final

from ttbench_core.errors import PackLoadError, RequestError, one_line
from ttbench_core.models.loaders.finding import Found

__all__ = ["LoaderError", "NetworkError", "failures_named", "import_failures_named"]

#: Errors of the libraries that loaders download with, by name: none of them is imported here.
_OF_NETWORK: Final = frozenset(
    {
        *("OfflineModeIsEnabled", "LocalEntryNotFoundError", "HfHubHTTPError", "HTTPError"),
        *("ConnectError", "ConnectTimeout", "ReadTimeout", "ProxyError", "MaxRetryError"),
        *("RepositoryNotFoundError", "NewConnectionError", "NameResolutionError"),
    }
)
_OF_NETWORK_HERE: Final = (ConnectionError, socket.gaierror, urllib.error.URLError)
#: Also of pipes, processes and locks: of the network where a library of it raises them.
_OF_ANYTHING: Final = (
    *(TimeoutError, BrokenPipeError),
    *(ConnectionAbortedError, ConnectionRefusedError, ConnectionResetError),
)
_LIBRARIES_OF_NETWORK: Final = frozenset(
    {
        *("socket", "ssl", "http", "urllib"),
        *("urllib3", "requests", "httpx", "httpcore", "aiohttp", "huggingface_hub"),
    }
)
#: What transformers says where a folder of the cache is not there; it raises a plain OSError.
_HUB_TEXTS: Final = ("huggingface.co", "couldn't connect to", "offline mode")
#: Built for one version of torch each.
_OF_TORCH: Final = frozenset({"torchvision", "torchaudio", "torchtext", "timm"})


class LoaderError(RequestError):
    """A loader cannot give its model in this environment."""


class NetworkError(LoaderError):
    """A loader wants files of the network that are not here."""


@contextlib.contextmanager
def failures_named(found: Found, what: str) -> Iterator[None]:
    """Raise `LoaderError` for what a loader lacks; anything else passes.

    Args:
        found: the loader.
        what: what is done with it, such as `its load_model`.
    """
    try:
        yield
    except RequestError:
        raise
    except ImportError as error:
        raise LoaderError(_missing(found, what, error)) from error
    except EOFError as error:
        raise LoaderError(
            f"{found.where}: {what} asks a question on the terminal ({one_line(error)}), such as"
            " whether code of torch.hub is trusted: run it once by itself, and answer there"
        ) from error
    except Exception as error:
        if not _is_of_network(error):
            raise
        raise NetworkError(_network(found, what, error)) from error


@contextlib.contextmanager
def import_failures_named(found: Found) -> Iterator[None]:
    """Raise `LoaderError` or `PackLoadError` for whatever importing a loader raises."""
    try:
        with failures_named(found, "its module"):
            yield
    except (RequestError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise PackLoadError(found.where, one_line(error)) from error


def _missing(found: Found, what: str, error: ImportError) -> str:
    name = (error.name or "").partition(".")[0]
    if not isinstance(error, ModuleNotFoundError) or not name:
        return f"{found.where}: {what} cannot be imported: {one_line(error)}"
    start = f"{found.where}: {what} needs the Python module {name!r}, which is not installed"
    if name in _OF_TORCH:
        return (
            f"{start}: one that does not fit the installed torch breaks transformers too, so make"
            " an environment with builds that fit each other, and name it by --python"
        )
    if found.module.partition(".")[0] == name:
        return f"{found.where}: {what} needs the module {error.name!r}, which its folder lacks"
    return f"{start}: install it, or name an interpreter that has it by --python"


def _is_of_network(error: BaseException) -> bool:
    return any(
        type(one).__name__ in _OF_NETWORK
        or (isinstance(one, OSError) and any(text in str(one) for text in _HUB_TEXTS))
        or (isinstance(one, _OF_ANYTHING) and _passed_network(one))
        or (isinstance(one, _OF_NETWORK_HERE) and not isinstance(one, _OF_ANYTHING))
        for one in _chain(error)
    )


def _passed_network(error: BaseException) -> bool:
    """Return whether an error was raised in a library of the network, or passed one."""
    frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    names = (str(frame.f_globals.get("__name__")).partition(".")[0] for frame in frames)
    return not _LIBRARIES_OF_NETWORK.isdisjoint(names)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what led to it; each once, because a chain may be a circle."""
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        one = one.__cause__ or one.__context__


def _network(found: Found, what: str, error: Exception) -> str:
    if any(type(one).__name__ == "GatedRepoError" for one in _chain(error)):
        remedy = "accept its terms on the hub, and log in there: hf auth login"
    else:
        remedy = (
            "run it once with a network, which fills the cache of the hub (HF_HOME), or give a"
            " folder of the model by --weights FOLDER; -e HF_HUB_OFFLINE=1 then asks nobody"
        )
    fault = f"{what} wants files of the network that are not here ({_short(error)})"
    return f"{found.where}: {fault}: {remedy}"


def _short(error: Exception, limit: int = 160) -> str:
    text = one_line(error)
    return text if len(text) <= limit else f"{text[:limit]}..."
