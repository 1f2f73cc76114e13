"""No secret of a command line or an environment is shown, recorded, or part of a name."""

from __future__ import annotations

import json
import os
import subprocess
import traceback

import pytest

import ttbench_core
from ttbench_core.cli.secrets import secrets_of_words
from ttbench_core.testing import example_result

S = [f"pl4nted-s3cret-{number}x" for number in range(10)]
RUN = ("-m", "steady", "--backend", "fake", "--passes", "2")


def found_in(*texts: str) -> list[str]:
    return [one for one in S if any(one in text for text in texts)]


def files_of(folder) -> str:
    texts = [str(path) for path in folder.rglob("*")]
    return "\n".join(texts + [path.read_text() for path in folder.rglob("*") if path.is_file()])


@pytest.fixture
def folder(tmp_path, monkeypatch, fake_engine):
    place = tmp_path / "here"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


@pytest.fixture
def arguments_of_children(monkeypatch):
    """Collect the arguments of every process that is started."""
    started: list[str] = []
    start = subprocess.Popen.__init__

    def noted(self, args, *rest, **options):
        started.extend(map(str, [args] if isinstance(args, str) else args))
        start(self, args, *rest, **options)

    monkeypatch.setattr(subprocess.Popen, "__init__", noted)
    return started


@pytest.mark.parametrize(
    "words",
    [
        ("-m", "nope", f"postgresql://u:{S[0]}@h/x"),
        (*RUN, f"API_TOKEN={S[1]}"),
        (*RUN, f"MY_VARIABLE={S[1]}"),
        (*RUN, "-o", f"postgresql:u:{S[2]}@h"),
        (*RUN, "-o", f"postgresql//u:{S[2]}@h"),
        (*RUN, "-o", f"postgresqlx://u:{S[2]}@h/db"),
        (*RUN, "-o", f"postgresql://u:two {S[2]}@h:x/db"),
        (*RUN, "-e", f"TOK-EN={S[3]}"),
        (*RUN, "-e", f"TOKEN='{S[3]}"),
        (*RUN, f"-eTOK-EN={S[3]}"),
        (*RUN, f"--env=my-db={S[3]}"),
        (*RUN, "--vs", f"-e 'API_TOKEN={S[4]}"),
        (*RUN, "--vs", f"-e TOK-EN={S[4]}"),
        (*RUN, "--vs", f"-o postgresql:u:{S[4]}@h"),
        (*RUN, "--evn", f"DB=x MYDB={S[5]}"),
        (*RUN, f"--evn=my_db={S[5]}"),
        (*RUN, "--api-key", S[5]),
        (*RUN, "-B", f"TOK-EN={S[6]}"),
        (*RUN, "-M", f"hf_token={S[6]}"),
        (*RUN, "-c", f"https://u:{S[7]}@h"),
        (*RUN, "--loop_count", f"API_TOKEN={S[7]}"),
        (*RUN, "--scenario", f"API_TOKEN={S[7]}"),
        ("show", f"postgresql:u:{S[8]}@h"),
        ("show", f"postgresql:u:{S[8]}@cafe"),
        ("show", "perf.json", "-o", f"postgresql//u:{S[8]}@h"),
        ("compare", f"postgresql:u:{S[8]}@h", "x", f"API_TOKEN={S[8]}"),
        ("report", f"nosuch://u:{S[9]}@h/x"),
        ("info", "steady", f"API_TOKEN={S[9]}"),
        ("doctor", f"postgresql://u:{S[9]}@h"),
        ("new", "pack", "a b", "--in", f"https://{S[9]}@host/x"),
    ],
)
@pytest.mark.parametrize("debug", [(), ("--debug",)])
def test_a_refused_command_line_shows_no_secret(ttbench, folder, words, debug):
    outcome = ttbench(*words, *(debug if words[0] not in {"info", "new"} else ()))
    assert outcome.code == 2, outcome
    assert found_in(outcome.out, outcome.err, files_of(folder)) == []


@pytest.mark.parametrize("scheme", ["postgresql", "nosuch"])
def test_a_report_is_written_to_no_file_that_is_named_like_a_url(ttbench, folder, scheme):
    (folder / "perf.json").write_text(example_result().to_json())
    place = f"{scheme}:u:{S[0]}@h"
    outcome = ttbench("report", "perf.json", "--format", "markdown", "-o", place)
    assert outcome.code == 2
    assert f"{scheme}: is the start of a URL: name a file, such as report.html" in outcome.complaint
    assert [one.name for one in folder.iterdir()] == ["perf.json"]
    assert found_in(outcome.out, outcome.err) == []


LEAKY_PACK = """
import os
from ttbench_core import benchmark_model

@benchmark_model()
def leaky(training):
    raise ValueError(f"401 for {os.environ['HF_TOKEN']} and {os.environ.get('MY_DB')}")
"""


def test_ten_planted_secrets_are_in_no_output_record_name_or_argument(
    ttbench, folder, fake_pack, monkeypatch, arguments_of_children
):
    fake_pack("leaky", "[ttbench.models]\nleaky = leaky_pack:leaky\n", leaky_pack=LEAKY_PACK)
    monkeypatch.setenv("HF_TOKEN", S[0])
    monkeypatch.setenv("FAKE_PASSWORD", S[1])
    variables = f"MY_DB={S[2]} OTHER_TOKEN='{S[3]}' URL=https://u:{S[4]}@host"
    stored = ("-o", "perf.json", "-o", "perf.csv")
    outcomes = [
        ttbench(*RUN, "-e", variables, *stored),
        ttbench(*RUN, "-e", variables, "--json", "--processes", "2"),
        ttbench("-m", "leaky", "--backend", "fake", "-e", variables, *stored),
        ttbench("-m", "leaky", "--backend", "fake", *stored, "--debug"),
        ttbench(*RUN, "--processes", "1", "--vs", f"-e 'API_TOKEN={S[5]} X={S[6]}'", *stored),
        ttbench(*RUN, "-o", f"nosuch:{S[7]}"),
        ttbench(*RUN, "-e", f"A={S[8]}", "-o", f"postgresql:u:{S[9]}@h"),
        ttbench("show", "perf.json", "--columns", "all"),
        ttbench("compare", "perf.json", "perf.json"),
    ]
    assert [one.code for one in outcomes] == [0, 0, 1, 1, 0, 2, 2, 0, 0], outcomes
    records = json.loads((folder / "perf.json").read_text())
    assert len(records) == 5
    assert "401 for *** and ***" in records[1]["error"]
    texts = [text for one in outcomes for text in (one.out, one.err)]
    assert found_in(*texts, files_of(folder)) == []
    assert len(arguments_of_children) > 0
    assert found_in(*arguments_of_children) == []
    assert "HF_TOKEN" in os.environ


@pytest.mark.parametrize(
    "variables",
    ["CHECK=ok STAMP=2026 MODE=stable", "FOO=fake BAR=small", "JAX_PLATFORMS=cpu NUM_KEY=float32"],
)
def test_variables_with_values_that_are_words_of_a_record_change_nothing_else_in_it(
    ttbench, folder, monkeypatch, variables
):
    monkeypatch.setenv("AUTH_KIND", "fake")
    monkeypatch.setenv("SESSION_KEY", "steady")
    words = ("-m", "steady", "-c", "small", "--backend", "fake", "--passes", "3")
    assert ttbench(*words, "-e", variables, "-o", "c.json").code == 0
    [record] = json.loads((folder / "c.json").read_text())
    assert record["requested"]["env"].count("<not recorded>") == len(variables.split())
    del record["requested"]["env"], record["args"]["env"]
    assert "***" not in str(record)
    assert (record["status"], record["backend"], record["args"]["config"]) == (
        "ok",
        "fake",
        "small",
    )


NOTING_PACK = """
import os
from ttbench_core import StagedModel, Stages, benchmark_model
from ttbench_fake_engine import ShapedTensor, echo

@benchmark_model()
def noting(training, cache=os.environ.get("HF_TOKEN", "")):
    said = f"opened {os.environ['MY_DB']} and {os.environ['HF_TOKEN']}"
    return StagedModel(Stages(device=echo), [ShapedTensor(2, 3)], notes=[said])
"""


def test_notes_beside_the_bar_and_options_of_a_model_show_no_secret(
    folder, fake_pack, monkeypatch, capfd
):
    fake_pack("noting", "[ttbench.models]\nnoting = noting_pack:noting\n", noting_pack=NOTING_PACK)
    monkeypatch.setenv("HF_TOKEN", S[0])
    options = {"backend": "fake", "passes": 2, "env": f"MY_DB={S[1]}", "progress": True}
    record = ttbench_core.run("noting", **options).to_record()
    shown = capfd.readouterr().err
    assert "note: opened *** and ***" in shown
    assert found_in(shown, json.dumps(record)) == []


def test_the_traceback_from_another_process_shows_no_secret(folder, fake_pack, monkeypatch):
    fake_pack("leaky", "[ttbench.models]\nleaky = leaky_pack:leaky\n", leaky_pack=LEAKY_PACK)
    monkeypatch.setenv("HF_TOKEN", S[0])
    with pytest.raises(ttbench_core.BenchmarkError) as failed:
        ttbench_core.run("leaky", backend="fake", env=f"MY_DB={S[1]}")
    text = "".join(traceback.format_exception(failed.value))
    assert "ValueError: 401 for *** and ***" in text
    assert found_in(text) == []


def test_the_path_of_a_rescue_file_is_shown_though_variables_have_parts_of_it(
    ttbench, folder, monkeypatch, fake_pack
):
    module = "def full(place):\n    raise OSError('no space')\n"
    fake_pack("full", "[ttbench.sinks]\nfull = full_sink:full\n", full_sink=module)
    place = folder / "of review"
    place.mkdir()
    monkeypatch.chdir(place)
    variables = f"CACHE={folder} WHO=review TEAM=nightly"
    outcome = ttbench(*RUN, "-e", variables, "-o", "nightly.full")
    assert outcome.code == 1
    rescued = place / "post_error_nightly.full.json"
    assert rescued.exists()
    assert f"the result is in {rescued}" in outcome.complaint


RAISING_MODULE = """
import os
raise OSError(f"cannot reach https://u:urlpw99@host with {os.environ['HF_TOKEN']}")
"""
ENDING_MODULE = """
import os, signal
print("token", os.environ["HF_TOKEN"], "at https://u:urlpw99@host", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
UNUSABLE_BACKEND = """
import os
from ttbench_core.backends.protocol import Availability
from ttbench_fake_engine import FakeBackend

class Unusable(FakeBackend):
    name = "unusable"

    def availability(self):
        said = f"no {os.environ['HF_TOKEN']} at https://u:urlpw99@host"
        return Availability(False, said, said)
"""


def test_what_broken_packs_and_backends_say_shows_no_secret(
    ttbench, folder, fake_pack, asked_engines, monkeypatch
):
    monkeypatch.setenv("HF_TOKEN", "envsecret77")
    for kind in ("models", "backends", "zoos"):
        for name, module in (("raising", RAISING_MODULE), ("ending", ENDING_MODULE)):
            full = f"{name}_{kind}"
            entry_points = f"[ttbench.{kind}]\n{full} = {full}_module:x\n"
            fake_pack(full, entry_points, **{f"{full}_module": module})
    entry_points = "[ttbench.backends]\nunusable = unusable_module:Unusable\n"
    fake_pack("unusable", entry_points, unusable_module=UNUSABLE_BACKEND)
    commands = [("--list",), ("--list", "--json"), ("doctor",), ("doctor", "--json")]
    for words in commands:
        outcome = ttbench(*words)
        assert "https://u:***@host" in outcome.out
        assert "with ***" in outcome.out
        assert "it said last: token *** at" in outcome.out or "--json" not in words
        for secret in ("envsecret77", "urlpw99"):
            assert secret not in outcome.out + outcome.err


def test_the_name_of_a_variant_shows_its_flags_without_values_of_variables(ttbench, folder):
    flags = f"-e 'API_TOKEN={S[0]} OMP_NUM_THREADS=2' -mb 8"
    outcome = ttbench(*RUN, "--processes", "1", "--vs", flags)
    assert "B: steady large -e 'API_TOKEN=*** OMP_NUM_THREADS=2' -mb 8" in outcome.out


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (("--loop", "2"), "unrecognized arguments: --loop ("),
        (("-B", "lanes"), "lanes"),
        (("stray",), "unrecognized arguments: stray "),
        (("-e", "OMP_NUM_THREADS=4", "four"), "unrecognized arguments: four "),
        (("--colour", "blue", "runs/lr=0.1"), "--colour runs/lr=0.1 "),
    ],
)
def test_ordinary_words_are_shown(ttbench, fake_engine, words, shown):
    assert shown in ttbench(*RUN, *words).complaint


def test_options_by_name_and_small_values_are_no_secrets():
    words = [
        "-B",
        "lanes=4",
        "-M",
        "num_frames=8",
        "-e",
        "FLAG=1 OMP_PROC_BIND=close",
        "--vs",
        "-t",
    ]
    assert secrets_of_words(words) == frozenset()


@pytest.mark.parametrize(
    "words",
    [
        ["--paswd", "S3CR3Tvalue"],
        ["--tokn=S3CR3Tvalue"],
        ["-pS3CR3Tvalue"],
        ["-e", "HF_TOKEN S3CR3Tvalue"],
        ["-e", "DB_PASSWORD=correct S3CR3Tvalue"],
    ],
)
def test_a_value_of_what_nobody_knows_is_not_repeated(ttbench, fake_engine, words):
    done = ttbench(*RUN, *words)
    assert done.code == 2
    assert "S3CR3T" not in done.out + done.err
