"""Loaders without a network: the hub is not asked, so that nobody waits for it in vain."""

from __future__ import annotations

import importlib
import os
import socket
import sys
import threading

import pytest

from ttbench_core.models.loaders import offline
from ttbench_core.models.loaders.failures import LoaderError, NetworkError
from ttbench_core.models.loaders.offline import NOTE, without_waiting

HUB = "import os\nHF_HUB_OFFLINE = os.environ.get('HF_HUB_OFFLINE') == '1'\n"


@pytest.fixture(autouse=True)
def asked(tmp_path, monkeypatch):
    """Install a hub's library that is not imported yet, without a network; give what is asked."""
    (tmp_path / "huggingface_hub").mkdir()
    (tmp_path / "huggingface_hub" / "__init__.py").write_text("")
    (tmp_path / "huggingface_hub" / "constants.py").write_text(HUB)
    monkeypatch.syspath_prepend(tmp_path)
    for name in [one for one in sys.modules if _is_of_hub(one)]:
        monkeypatch.delitem(sys.modules, name)
    for name in (*offline.VARIABLES, "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    hosts = []

    def unknown(host, *_):
        hosts.append(host)
        raise socket.gaierror("Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    monkeypatch.setattr("urllib.request.getproxies", dict)
    yield hosts
    for name in [one for one in sys.modules if _is_of_hub(one)]:
        del sys.modules[name]


def _is_of_hub(module):
    return module.partition(".")[0] in ("huggingface_hub", "transformers")


def hub():
    return importlib.import_module("huggingface_hub.constants")


def test_without_a_network_the_cache_of_the_hub_alone_is_used_with_a_note(asked):
    with without_waiting() as notes:
        assert hub().HF_HUB_OFFLINE
        assert os.environ["HF_HUB_OFFLINE"] == "1"
    assert notes == [NOTE]
    assert asked == ["huggingface.co"]


def test_it_is_used_also_where_the_library_is_imported_already():
    assert not hub().HF_HUB_OFFLINE
    with without_waiting():
        assert hub().HF_HUB_OFFLINE


def test_the_process_is_as_it_was_afterwards():
    with without_waiting():
        hub()
    assert not hub().HF_HUB_OFFLINE
    assert "HF_HUB_OFFLINE" not in os.environ


def test_a_loader_that_needs_no_hub_gets_no_note():
    with without_waiting() as notes:
        pass
    assert notes == []


def test_a_network_changes_nothing(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: [])
    with without_waiting() as notes:
        assert not hub().HF_HUB_OFFLINE
        assert "HF_HUB_OFFLINE" not in os.environ
    assert notes == []


def test_a_name_server_that_does_not_answer_in_time_changes_nothing(monkeypatch):
    answer = threading.Event()

    def slow(*_):
        answer.wait()
        raise socket.gaierror("Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    monkeypatch.setattr(offline, "LIMIT_S", 0.01)
    with without_waiting() as notes:
        assert not hub().HF_HUB_OFFLINE
    answer.set()
    assert notes == []


@pytest.mark.parametrize("name", offline.VARIABLES)
@pytest.mark.parametrize("value", ["0", "1"])
def test_a_variable_that_is_set_decides_and_nothing_is_looked_up(asked, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with without_waiting():
        assert os.environ[name] == value
    assert asked == []


def test_a_proxy_knows_hosts_that_are_unknown_here(asked, monkeypatch):
    monkeypatch.setattr("urllib.request.getproxies", lambda: {"https": "proxy:8080"})
    with without_waiting() as notes:
        assert not hub().HF_HUB_OFFLINE
    assert (asked, notes) == ([], [])


def test_the_host_that_is_looked_up_is_that_of_the_hub_in_use(asked, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.invalid:8443/hub")
    with without_waiting():
        pass
    assert asked == ["mirror.invalid"]


def test_nothing_is_looked_up_where_the_library_of_the_hub_is_not_installed(asked, monkeypatch):
    monkeypatch.setattr(offline, "_HUB", "hub_that_is_not_here")
    with without_waiting():
        pass
    assert asked == []


def test_a_file_that_the_cache_lacks_says_why_it_was_not_downloaded():
    with pytest.raises(NetworkError, match=f"it wants files; {NOTE}"), without_waiting():
        raise NetworkError("it wants files")


def test_any_other_fault_of_a_loader_does_not_speak_of_the_network():
    with pytest.raises(LoaderError, match="^it lacks timm$"), without_waiting():
        raise LoaderError("it lacks timm")
