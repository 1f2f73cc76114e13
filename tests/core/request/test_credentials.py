"""What looks like a credential is hidden, and ordinary words are not."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttbench_core.errors import OptionError
from ttbench_core.record.environment import is_recorded
from ttbench_core.request.credentials import (
    hide_credentials,
    hide_in_word,
    secrets_of_environment,
)
from ttbench_core.request.named_values import parse_named_values
from ttbench_core.request.options import RunOptions
from ttbench_core.running.record_secrets import hide_in_record
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
    ("--password=SECRET", "--password=***"),
    ("--token=SECRET", "--token=***"),
    ("KEY=SECRET", "KEY=***"),
    ("api_key=abcdefgh", "api_key=***"),
    ("private_key=abcdefgh", "private_key=***"),
    ("secret_token=abcdefgh", "secret_token=***"),
    ("key=a1b2c3d4e5", "key=***"),
    ("token=planted20261129", "token=***"),
    ("sort_token=a1b2c3d4e5", "sort_token=***"),
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
    "num_key=1024",
    "key=torch.float32",
    "key=layer1.conv2.weight",
    "cache_key=float32",
    "key=flash_attention_2",
    "next_token=50256",
    "pad_token=<pad>",
    "token=resnet50",
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


@pytest.mark.parametrize(
    "said",
    ["reviewing it", "previews", "2review", "review3"],
)
def test_a_known_value_is_not_hidden_within_a_longer_word(said):
    assert hide_credentials(said, ["review"]) == said


@pytest.mark.parametrize(
    "said",
    [
        "a review_x",
        "/review/",
        r"'a\nreview'",
        "x%3Dreview",
        "\x1b[31mreview",
        "(review)",
        "=review",
    ],
)
def test_a_known_value_is_hidden_whatever_separates_it_from_words(said):
    assert hide_credentials(said, ["review"]) == said.replace("review", "***")


def test_a_known_value_that_is_longer_than_words_is_hidden_within_one():
    assert hide_credentials("xpl4nted-s3cret-0xy", ["pl4nted-s3cret-0x"]) == "x***y"


def test_a_known_value_is_hidden_as_json_escapes_it():
    assert hide_credentials(json.dumps("it is sëcret\n1"), ["sëcret\n1"]) == '"it is ***"'


def test_secret_variables_of_an_environment_are_known_by_their_names(tmp_path):
    environment = {
        "HF_TOKEN": "SECRET",
        "PWD": "/work",
        "SSL_KEY": str(tmp_path),
        "HOME": "/root",
        "DEBUG_TOKEN": "1",
        "AUTH_KIND": "fake",
        "KEY_FOLDERS": f"{tmp_path}:/",
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


#: What a record has of a run of the fake engine, beside texts of packs and engines.
FIXED = {
    "status": "ok",
    "started_at": "2026-11-29T09:06:28+00:00",
    "date": "26-11-29",
    "run_id": "359db25026f244dfb14f28548584ba5f",
    "machine_name": "nightly-host1",
    "args": {"model": "steady", "config": "small", "backend": "fake", "device": "cpu", "chips": 1},
    "requested": {"model": "steady", "config": "small", "env": "MODE='<not recorded>'"},
    "backend": "fake",
    "arch": "wormhole_b0",
    "devices": [{"kind": "fake", "name": "Wormhole_B0 12345678"}],
    "versions": {"torch": "2.13.0+cpu", "fake": "9.9"},
    "environment": {"OMP_PROC_BIND": "close-2345"},
    "model": {"name": "steady", "config": "small", "pack": "pack-20261129"},
    "phases_ns": {"compile": 1},
    "verdict": {"verdict": "unstable", "findings": [{"rule": "interval-wide", "level": "noisy"}]},
    "stopping": {"rule": "fixed", "reason": "passes"},
    "passes": [{"e2e_ns": 2026}],
    "failure": {"phase": "compile", "kind": "RuntimeError"},
}


def texts_of(value):
    if isinstance(value, (dict, list)):
        for one in value.values() if isinstance(value, dict) else value:
            yield from texts_of(one)
    else:
        yield str(value)


@given(st.data())
def test_a_value_from_a_fixed_field_of_a_record_changes_no_fixed_field(data):
    text = data.draw(st.sampled_from([*texts_of(FIXED), "stable", "2026", "11-29"]))
    start = data.draw(st.integers(0, len(text) - 1))
    value = text[start : data.draw(st.integers(start + 1, len(text)))]
    secrets = frozenset({text, value, value.upper()})
    said = {"error": "compile: it is pl4nted", "notes": ["it is pl4nted"]}
    hidden = hide_in_record({**FIXED, **said}, secrets | {"pl4nted"})
    assert {name: hidden[name] for name in FIXED} == FIXED
    assert "pl4nted" not in str(hidden)


@pytest.mark.parametrize("field", ["effective", "model", "verification", "args.model_options"])
def test_what_looks_like_a_secret_is_hidden_in_what_packs_and_engines_give(field):
    outer, _, inner = field.partition(".")
    facts = {
        "mode": "inductor",
        "at": "abc12345",
        "of": "correcthorsebattery",
        "why": "an abcdefgh",
    }
    record = {outer: {inner: facts} if inner else facts}
    known = {"inductor", "abc12345", "correcthorsebattery", "abcdefgh"}
    hidden = hide_in_record(record, frozenset(known))
    shown = hidden[outer][inner] if inner else hidden[outer]
    assert shown == {"mode": "inductor", "at": "***", "of": "***", "why": "an ***"}


def test_a_word_of_the_record_is_no_secret_in_what_a_pack_says():
    record = {"status": "failed", "args": {"config": "medium"}, "error": "build: no medium here"}
    assert hide_in_record(record, frozenset({"medium"}))["error"] == "build: no medium here"
    assert hide_in_record({**record, "args": {}}, frozenset({"medium"}))["error"].endswith(
        "*** here"
    )


@pytest.mark.parametrize("env", ["TOK-EN=SECRET", "TOKEN='SECRET", "a:SECRET", ["T=SECRET"]])
def test_variables_that_cannot_be_read_are_not_quoted(env):
    with pytest.raises(OptionError) as refused:
        RunOptions("m", env=env)
    assert "SECRET" not in str(refused.value)


def test_a_named_value_that_cannot_be_read_is_not_quoted():
    with pytest.raises(OptionError, match="-B 'TOK-EN=\\*\\*\\*' sets no option"):
        parse_named_values("-B", ["TOK-EN=SECRET"])
