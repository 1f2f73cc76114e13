"""The keywords of `run` are the fields of `RunOptions`, and are shown where one looks for them."""

from __future__ import annotations

import inspect

import pytest

import ttbench_core
from ttbench_core.errors import OptionError
from ttbench_core.request import keywords
from ttbench_core.request.options import option_fields

NAMES = [field.name for field in option_fields() if field.name != "model"]


def test_the_typed_keywords_are_the_fields_of_the_options():
    assert list(keywords.KEYWORDS_OF_RUN) == NAMES


@pytest.mark.parametrize("function", [ttbench_core.run, ttbench_core.run_ab])
def test_help_and_completion_show_every_keyword_with_its_default(function):
    parameters = inspect.signature(function).parameters
    assert set(NAMES) < set(parameters)
    assert parameters["roofline"].default is True
    assert parameters["weights"].annotation == "str | Path | None"


@pytest.mark.parametrize("error", [OptionError, TypeError])
@pytest.mark.parametrize("function", [ttbench_core.run, ttbench_core.run_ab])
def test_an_unknown_keyword_is_refused_with_near_misses(function, error):
    variant = () if function is ttbench_core.run else ({"config": "b"},)
    with pytest.raises(error, match=r"unexpected keyword argument 'seq_length'.*'seq_len'"):
        function("no_model", *variant, seq_length=3)
    with pytest.raises(error, match=r"'confg'.*'config'"):
        function("no_model", *variant, confg="tiny")


def test_the_documentation_of_run_names_every_keyword_of_its_own():
    assert [name for name in NAMES if f" {name}: " not in ttbench_core.run.__doc__] == []
