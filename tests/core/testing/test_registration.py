"""What `check_backend` checks before it runs anything: how a backend is registered and imported."""

from __future__ import annotations

import pytest

from ttbench_core.errors import BackendUnavailableError, UnknownNameError
from ttbench_core.plugins.registry import Plugin
from ttbench_core.testing import BrokenPromiseError, check_backend
from ttbench_core.testing.light_import import check_light_import
from ttbench_core.testing.promises import Contract

SOURCE = """
from ttbench_core.backends.protocol import Availability, Capabilities
from ttbench_core import DataFormat

class Heavy:
    name = "heavy"

    def __init__(self):
        {made}

    def capabilities(self):
        {asked}
        return Capabilities(
            device_kinds=("heavy",), data_formats=(DataFormat.FP32,), default_format=DataFormat.FP32
        )

    def availability(self):
        return Availability({usable}, "no card", "plug one in")

    def devices(self):
        from ttbench_core.backends.helpers import cpu_device
        return [cpu_device("heavy")]

    def versions(self):
        return {{"fractions": "1"}}

    def seeded(self, seed, devices): ...
    def compile(self, model, options): ...
"""


@pytest.fixture
def heavy(fake_pack):
    def install(*, top="", made="pass", asked="pass", usable=True):
        return fake_pack(
            "heavy-engine",
            "[ttbench.backends]\nheavy = heavy_mod:Heavy\n",
            heavy_mod=top + SOURCE.format(made=made, asked=asked, usable=usable),
        )

    return install


def found(backend):
    with pytest.raises(BrokenPromiseError) as broken:
        check_backend(backend)
    return str(broken.value)


@pytest.mark.parametrize(
    "where",
    [
        {"top": "import fractions\n"},
        {"made": "import fractions"},
        {"asked": "print('loading'); import fractions"},
    ],
)
def test_a_library_that_it_reports_the_version_of_is_not_imported_early(heavy, where):
    heavy(**where)
    assert found("heavy").endswith("import no engine: fractions was imported")


@pytest.mark.torch
def test_torch_is_not_imported_early_by_any_engine(heavy):
    heavy(asked="import torch")
    assert found("heavy").endswith("import no engine: torch was imported")


def test_an_engine_that_is_imported_when_it_is_needed_is_in_order(heavy):
    heavy()
    check_light_import(Contract("it"), plugin_of("heavy_mod:Heavy"), ["fractions"])


def test_a_backend_that_only_this_process_can_make_is_named(heavy):
    heavy(made="import sys; assert 'pytest' in sys.modules, 'no pytest'")
    assert "made in a fresh interpreter without an error: AssertionError: no pytest" in found(
        "heavy"
    )


@pytest.mark.parametrize("value", ["no_such_module:Backend", "heavy_mod:make.<locals>.Backend"])
def test_a_class_that_a_fresh_interpreter_cannot_find_is_left_out(heavy, value):
    heavy(top="import fractions\n")
    check_light_import(Contract("it"), plugin_of(value), ["fractions"])


def plugin_of(value):
    return Plugin("ttbench.backends", "it", value, "nowhere", "1.0")


def test_a_registered_backend_is_found_by_its_name_and_by_its_class(heavy, fake_pack):
    heavy(usable=False)
    import heavy_mod

    for given in ("heavy", "heavy-engine:heavy", heavy_mod.Heavy, heavy_mod.Heavy()):
        with pytest.raises(BackendUnavailableError, match="'heavy' cannot be checked here"):
            check_backend(given)


def test_a_class_with_another_name_than_it_is_registered_under_is_found_out(heavy):
    site = heavy(usable=False)
    info = site / "heavy_engine-1.0.dist-info" / "entry_points.txt"
    info.write_text(info.read_text().replace("heavy =", "light ="))
    import heavy_mod

    for given in ("light", heavy_mod.Heavy):
        assert "its name is 'heavy' and it is registered as 'light'" in found(given)


def test_a_name_that_is_not_registered_is_no_broken_promise():
    with pytest.raises(UnknownNameError, match="unknown backend 'nothing'"):
        check_backend("nothing")


def test_a_backend_that_cannot_be_imported_is_named(fake_pack):
    fake_pack("gone", "[ttbench.backends]\ngone = gone_mod:Gone\n")
    assert "backend 'gone' breaks its contract: raised PackLoadError" in found("gone")
