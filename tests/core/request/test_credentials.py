"""What looks like a credential is hidden, and ordinary words are not."""

from __future__ import annotations

import pytest

from ttbench_core.errors import OptionError
from ttbench_core.record.environment import is_recorded
from ttbench_core.request.credentials import (
    hide_credentials,
    hide_in_record,
    hide_in_word,
    secrets_of_environment,
)
from ttbench_core.request.named_values import parse_named_values
from ttbench_core.request.options import RunOptions
from ttbench_core.testing import example_result

CREDENTIALS = [
    ("postgresql://u:SECRET@h/x", "postgresql://u:***@h/x"),
    ("postgresql://u:SEC/RET@h:1/x", "postgresql://u:***@h:1/x"),
    ("postgresql:u:SECRET@h", "postgresql:***@h"),
    ("postgresql:u:SECRET@cafe", "postgresql:u:***@cafe"),
    ("postgresql:/u:SECRET@h", "postgresql:/u:***@h"),
    ("postgresql//u:SECRET@h", "postgresql//u:***@h"),
    ("u:SECRET@host", "u:***@host"),
    ("https://SECRET@host/x", "https://***@host/x"),
    ("db://u@h?password=SECRET&x=1", "db://u@h?password=***&x=1"),
    ("hook://h?key=SECRET", "hook://h?key=***"),
    ("hook://h?access_token=SECRET", "hook://h?access_token=***"),
    ("API_TOKEN=SECRET", "API_TOKEN=***"),
    ("--api-key=SECRET", "--api-key=***"),
    ("hf_token=SECRET", "hf_token=***"),
    ("Authorization: Bearer SECRETSECRET", "Authorization: Bearer ***"),
    ("hf_SECRETSECRETSECRET", "***"),
]
ORDINARY = [
    "lanes=4",
    "num_frames=8",
    "--new_tokens=16",
    "new_tokens=16",
    "passes=9",
    "runs/lr=0.1/perf.json",
    "OMP_NUM_THREADS=8",
    "TOKENIZERS_PARALLELISM=false",
    "monkey=big",
    "author=me",
    "keywords=a",
    "PWD=/work",
    "sqlite:///perf.db@-1",
    "sqlite:///perf.db@1a2b3c",
    "mlflow:nightly@-1",
    "mlflow:nightly@0",
    "mlflow:nightly@1a2b3c4d",
    "perf.json@-1",
    "C:\\perf.json@0",
    "postgresql://USER@HOST/NAME",
    "postgresql://USER:PASSWORD@HOST/NAME",
    "ttbench_fake_engine:steady",
    "toy 1.0: builder raised ValueError at 12:30",
    "PASSWORD=<not recorded>",
]


@pytest.mark.parametrize(("word", "shown"), CREDENTIALS)
def test_a_credential_is_hidden_in_a_word_and_in_a_message(word, shown):
    assert hide_in_word(word) == shown
    assert hide_credentials(f"cannot use {word}: no") == f"cannot use {shown}: no"
    assert hide_credentials(f"cannot use {word!r}: no") == f"cannot use {shown!r}: no"


@pytest.mark.parametrize("word", ORDINARY)
def test_an_ordinary_word_stays_as_it_is(word):
    assert hide_credentials(word) == word
    assert hide_credentials(f"cannot use {word}: no") == f"cannot use {word}: no"


def test_a_password_of_a_word_may_have_spaces():
    assert hide_in_word("postgresql://u:SE CRET@h/x") == "postgresql://u:***@h/x"


@pytest.mark.parametrize("said", ["it is p@ss", "it is p%40ss", "IT IS P@SS"])
def test_a_known_secret_is_hidden_however_it_is_spelled(said):
    assert hide_credentials(said, ["p@ss"]).lower() == "it is ***"


def test_secret_variables_of_an_environment_are_known_by_their_names(tmp_path):
    environment = {
        "HF_TOKEN": "SECRET",
        "PWD": "/work",
        "SSL_KEY": str(tmp_path),
        "HOME": "/root",
        "DEBUG_TOKEN": "1",
    }
    assert secrets_of_environment(environment) == {"SECRET"}


def test_a_variable_with_a_secret_name_is_never_recorded():
    assert is_recorded("NPU_MODE", ["NPU_*"])
    assert not is_recorded("NPU_TOKEN", ["NPU_*"])


def test_a_record_without_secrets_stays_as_it_is():
    record = example_result().to_record()
    assert hide_in_record(record) == record


def test_a_record_hides_secrets_wherever_they_are():
    record = {"args": {"model_options": {"hf_token": "SECRET"}}, "notes": ["db://u:SECRET@h"]}
    assert "SECRET" not in str(hide_in_record(record))


@pytest.mark.parametrize("env", ["TOK-EN=SECRET", "TOKEN='SECRET", "a:SECRET", ["T=SECRET"]])
def test_variables_that_cannot_be_read_are_not_quoted(env):
    with pytest.raises(OptionError) as refused:
        RunOptions("m", env=env)
    assert "SECRET" not in str(refused.value)


def test_a_named_value_that_cannot_be_read_is_not_quoted():
    with pytest.raises(OptionError, match="-B 'TOK-EN=\\*\\*\\*' sets no option"):
        parse_named_values("-B", ["TOK-EN=SECRET"])
