"""The suite tests installed distributions, not a folder that looks like one."""

from __future__ import annotations

from pathlib import Path

import importlib_metadata
import pytest

import ttbench_core


def test_the_core_is_installed_and_not_shadowed_by_its_folder():
    origin = ttbench_core.__spec__.origin
    assert origin is not None, "ttbench-core is not installed here: run nox, which installs it"
    assert Path(origin).name == "__init__.py"


def test_the_version_is_the_distributions():
    assert ttbench_core.__version__ == importlib_metadata.version("ttbench-core")


def test_every_public_name_is_there_and_documented():
    for name in ttbench_core.__all__:
        assert getattr(ttbench_core, name).__doc__, name


def test_completion_shows_the_public_names_only():
    assert set(dir(ttbench_core)) == {*ttbench_core.__all__, "__version__"}


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = ttbench_core.nothing
