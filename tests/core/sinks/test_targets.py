"""Which sink a target belongs to; a mistyped scheme is no file, and a secret is never shown."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ttbench_core.errors import ResultsFileError, TargetError
from ttbench_core.record.run_errors import ResultNotStoredError
from ttbench_core.results.reading import load
from ttbench_core.sinks.redaction import HIDDEN, hide_secrets, shown_place
from ttbench_core.sinks.storing import store_result
from ttbench_core.sinks.targets import Target, check_target, check_targets
from ttbench_core.testing import example_result

STREAMS = ["-", "/dev/stdout", "/dev/fd/1", "/dev/full"]
KEY = "T0K3N"
HOOK = f"hook:https://hooks.example/services/{KEY}"
SHOWN = "hook:https://hooks.example/services/***"
#: A sink whose places are webhooks, and which says the secret whenever it fails.
HOOK_SINK = """
import json, pathlib
from ttbench_core.sinks.protocol import Sink

FAILS = ""

class Hook(Sink):
    takes_url = True

    def __init__(self, place):
        if "open" in FAILS:
            raise ConnectionError(f"POST {place} gives 404")
        self.key = place.rpartition("/")[2]

    @staticmethod
    def redact(place):
        return place.rpartition("/")[0] + "/***"

    @staticmethod
    def check(place):
        if "check" in FAILS:
            raise RuntimeError(f"no host at {place}")

    def write(self, result):
        if "write" in FAILS:
            raise RuntimeError(f"the key {self.key} has expired")

    @staticmethod
    def records(place):
        key = place.rpartition("/")[2]
        if "read" in FAILS:
            raise OSError(f"nothing answers at /services/{key}")
        yield f"{key}, line 1", {"samples_per_sec": "fast"}
"""


@pytest.fixture
def hook(fake_pack, monkeypatch, tmp_path):
    """Install the sink `hook:`; call it with the steps in which it fails."""
    fake_pack("hook-pack", "[ttbench.sinks]\nhook = hook_sink:Hook\n", hook_sink=HOOK_SINK)
    monkeypatch.chdir(tmp_path)

    def failing_in(*steps):
        import hook_sink

        monkeypatch.setattr(hook_sink, "FAILS", steps)

    return failing_in


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("sqlit:perf.db", r"no sink is registered for sqlit: \(did you mean 'sqlite'\?\)"),
        ("slack:x", r"no sink is registered for slack:; there are mlflow:, postgresql:, sqlite:"),
        ("my_sink:x", "no sink is registered for my_sink:"),
        ("C:\\perf.json", "no sink is registered for C:"),
        ("nosuch://x", "no sink is registered for nosuch://"),
        ("json:perf", "json: is no scheme, because the sink 'json' writes files"),
    ],
)
def test_a_word_before_a_colon_that_is_no_scheme_is_refused(tmp_path, monkeypatch, target, said):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TargetError, match=said):
        check_target(target)
    with pytest.raises(ResultsFileError, match=said):
        load(target)
    assert os.listdir(tmp_path) == []


def test_the_refusal_of_a_scheme_shows_how_to_write_a_file_of_that_name():
    with pytest.raises(TargetError, match=r"begins with slack: is written \./slack:\.\.\."):
        check_target("slack:x")


def test_the_refusal_of_a_scheme_hides_the_rest_which_may_be_secret():
    with pytest.raises(TargetError) as refused:
        check_target(HOOK)
    assert KEY not in str(refused.value)


@pytest.mark.parametrize("name", ["./a:b.json", "runs/a:b.json", "1:2.json"])
def test_a_path_with_a_colon_is_a_file(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    for target in (name, tmp_path / name, str(tmp_path / name)):
        store_result(example_result(), check_target(target))
    assert len(load(name)) == 3


def test_a_path_object_is_a_file_whatever_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert check_target(Path("slack:x")).place == Path("slack:x.json").absolute()


@pytest.mark.parametrize("written", ["slack:x", "slack:x.json"])
def test_a_file_that_exists_is_read_whatever_stands_before_its_colon(
    tmp_path, monkeypatch, written
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / written).write_text(f"[{example_result().to_json()}]")
    assert len(load("slack:x")) == 1


def test_a_sink_that_cannot_be_loaded_breaks_no_other(hook, fake_pack):
    fake_pack("broken", "[ttbench.sinks]\nbroken = broken_sink:S\n", broken_sink="1/0")
    assert str(check_target(HOOK)) == SHOWN
    with pytest.raises(TargetError, match="no sink is registered for other:"):
        check_target("other:x")


def test_a_stored_result_is_named_without_the_secret(hook, ttbench, fake_engine):
    outcome = ttbench("-m", "steady", "--backend", "fake", "--passes", 1, "-o", HOOK)
    assert outcome.code == 0, outcome.err
    assert f"appended to  {SHOWN}" in outcome.out
    assert KEY not in outcome.out + outcome.err


@pytest.mark.parametrize("step", ["check", "open", "write"])
@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_a_failing_sink_shows_no_secret_and_its_result_is_rescued(
    hook, ttbench, fake_engine, tmp_path, step, flags
):
    hook(step)
    outcome = ttbench("-m", "steady", "--backend", "fake", "--passes", 1, "-o", HOOK, *flags)
    assert outcome.code == (2 if step == "check" else 1)
    assert SHOWN in outcome.err
    assert KEY not in outcome.out + outcome.err
    assert not [name for name in os.listdir(tmp_path) if KEY in name]
    rescued = tmp_path / "post_error_hook.json"
    assert rescued.exists() == (step != "check")
    assert step == "check" or KEY not in rescued.read_text()


def test_results_that_are_copied_to_a_failing_sink_show_no_secret(hook, ttbench, tmp_path):
    hook("write")
    (tmp_path / "perf.json").write_text(f"[{example_result().to_json()}]")
    outcome = ttbench("show", "perf.json", "-o", HOOK)
    assert "the key *** has expired; the result is in" in outcome.complaint
    assert KEY not in outcome.complaint


@pytest.mark.parametrize("command", ["show", "compare", "history", "report"])
@pytest.mark.parametrize("selector", ["", "@-1"])
def test_a_place_that_cannot_be_read_is_named_without_its_secret(hook, ttbench, command, selector):
    hook("read")
    words = [f"{HOOK}{selector}"] * (2 if command == "compare" else 1)
    # a page of charts needs libraries that are not everywhere
    flags = ["--format", "markdown"] if command == "report" else []
    outcome = ttbench(command, *words, *flags)
    assert outcome.code == 2
    assert outcome.complaint == (
        f"ttbench: error: cannot read {SHOWN}: OSError: nothing answers at /services/***"
    )


def test_a_record_that_is_none_is_named_without_the_secret(hook, ttbench):
    outcome = ttbench("show", HOOK)
    assert f"cannot read {SHOWN}: ***, line 1 is no result" in outcome.complaint


@pytest.mark.parametrize("error", [RuntimeError, SystemExit, ConnectionRefusedError])
def test_whatever_a_reader_raises_the_place_is_named(hook, ttbench, monkeypatch, error):
    import hook_sink

    def dead(place):
        raise error(f"gone: {place}")
        yield

    monkeypatch.setattr(hook_sink.Hook, "records", staticmethod(dead))
    outcome = ttbench("show", HOOK)
    assert outcome.code == 2
    assert outcome.complaint.startswith(f"ttbench: error: cannot read {SHOWN}: {error.__name__}")
    assert KEY not in outcome.complaint


def test_a_sink_that_cannot_read_back_is_named_without_the_secret(hook, ttbench, monkeypatch):
    hook()
    import hook_sink

    monkeypatch.delattr(hook_sink.Hook, "records")
    outcome = ttbench("show", HOOK)
    assert f"{SHOWN}: the sink that writes it cannot read it back" in outcome.complaint


def test_of_two_places_that_are_shown_alike_the_one_that_was_written_is_reported(
    hook, ttbench, fake_engine, monkeypatch
):
    hook()
    import hook_sink

    def write(self, result):
        if self.key == KEY:
            raise OSError("full")

    monkeypatch.setattr(hook_sink.Hook, "write", write)
    words = ("-m", "steady", "--backend", "fake", "--passes", 1, "-o", HOOK, "-o", f"{HOOK}-2")
    outcome = ttbench(*words)
    assert f"appended to  {SHOWN}\n" in outcome.out


def redacting(function):
    class Factory:
        redact = staticmethod(function)

    return Factory


def _raises(place):
    raise ValueError(place)


@pytest.mark.parametrize("redact", [_raises, lambda place: None, lambda place: "", "no function"])
def test_a_redact_that_fails_shows_the_scheme_alone(redact):
    class Factory:
        pass

    Factory.redact = staticmethod(redact) if callable(redact) else redact
    assert shown_place(HOOK, Factory) == "hook:***"
    assert shown_place("hook://user/x", Factory) == "hook://***"
    assert shown_place(Path("folder/secret.hook"), Factory) == "***.hook"


def test_a_place_is_also_hidden_in_the_representation_of_its_target():
    target = Target(HOOK, redacting(lambda place: "hook:***"))
    assert KEY not in f"{target} {target!r} {[target]}"


def test_a_password_is_hidden_whether_or_not_the_sink_redacts():
    url = f"db://me:{KEY}@host/perf"
    assert shown_place(url) == "db://me:***@host/perf"
    assert shown_place(url, redacting(lambda place: place)) == "db://me:***@host/perf"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("failed at db://me:p%40ss@host/x", "failed at db://me:***@host/x"),
        ("user me, password p%40ss", "user me, password ***"),
        ("user me, password p@ss", "user me, password ***"),
        ("nothing secret", "nothing secret"),
    ],
)
def test_an_error_hides_each_part_that_the_place_hides(said, shown):
    place = "db://me:p%40ss@host/x"
    assert hide_secrets(said, place, shown_place(place)) == shown


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("refused hook:x?key=x", "refused hook:x?key=***"),
        ("refused HOOK:X?KEY=X", "refused ***"),
        ("wrong key x", "wrong key ***"),
    ],
)
def test_a_secret_that_is_also_another_part_of_the_place_is_hidden(said, shown):
    assert hide_secrets(said, "hook:x?key=x", "hook:x?key=***") == shown


@pytest.mark.parametrize("secret", [r"a\bcde", "d'e\"fgh", "\u00e9\u00e8gh", '\u00e9"gh', "pl'ain"])
@pytest.mark.parametrize("escape", [repr, json.dumps, str])
def test_a_secret_is_hidden_however_it_is_escaped(secret, escape):
    place, shown = f"hook:box?key={secret}", "hook:box?key=***"
    assert hide_secrets(escape(secret), place, shown).strip("'\"") == HIDDEN
    assert hide_secrets(escape(place), place, shown).strip("'\"") == shown
    beside_quotes = hide_secrets(escape(f"'\"{secret}"), place, shown)
    assert beside_quotes.strip("'\"\\") == HIDDEN


def test_a_short_secret_is_hidden_as_a_word_and_not_within_others():
    place = "db://me:as@host/x"
    assert hide_secrets("as fast as a class", place, shown_place(place)) == "*** fast *** a class"


class Down:
    """A sink that hides its place and takes nothing."""

    def __init__(self, path):
        raise OSError("down")

    @staticmethod
    def redact(path):
        return "***.hook"


def test_the_rescue_file_of_a_secret_file_name_does_not_show_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    place = tmp_path / KEY / "secret.hook"
    with pytest.raises(ResultNotStoredError) as lost:
        store_result(example_result(), Target(place, Down))
    assert lost.value.rescued == tmp_path / "post_error_results.json"
    assert len(json.loads(lost.value.rescued.read_text())) == 1


@pytest.mark.parametrize(
    ("name", "rescued"),
    [
        ("perf.json", "post_error_perf.json"),
        ("sub/perf.jsonl", "sub/post_error_perf.jsonl.json"),
        ("./sub/my r\u00e4sults 1.json", "sub/post_error_my r\u00e4sults 1.json"),
        ("./run:12.json", "post_error_run:12.json"),
        ("../run", "../post_error_run.json"),
    ],
)
@pytest.mark.parametrize("moves", [False, True])
@pytest.mark.usefixtures("broken_after_the_check")
def test_the_rescue_file_of_a_relative_target_is_next_to_it_and_has_its_name(
    tmp_path, monkeypatch, name, rescued, moves
):
    here = tmp_path / "here"
    (here / "sub").mkdir(parents=True)
    monkeypatch.chdir(here)
    target = check_target(name)
    target.place.write_text("broken")
    if moves:
        monkeypatch.chdir("/")
    with pytest.raises(ResultNotStoredError) as lost:
        store_result(example_result(), target)
    assert os.path.realpath(lost.value.rescued) == os.path.realpath(here / rescued)
    assert len(json.loads(lost.value.rescued.read_text())) == 1


def test_the_rescue_file_of_a_relative_secret_name_does_not_show_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    named = Path(KEY) / "secret.hook"
    with pytest.raises(ResultNotStoredError) as lost:
        store_result(example_result(), Target(tmp_path / named, Down, named))
    assert lost.value.rescued == tmp_path / "post_error_results.json"


def test_a_sink_that_ends_the_process_loses_no_result(tmp_path):
    class Ends:
        def __init__(self, path):
            raise SystemExit(3)

    with pytest.raises(ResultNotStoredError, match="SystemExit: 3"):
        store_result(example_result(), Target(tmp_path / "perf.db", Ends))
    assert (tmp_path / "post_error_perf.db.json").exists()


@pytest.mark.parametrize("url", ["sqlite:///perf.db", "sqlite+pysqlite:///sub/m\u00e4 1.db"])
def test_a_relative_url_of_a_file_is_stored_where_it_was_named_and_shown_as_typed(
    tmp_path, monkeypatch, url
):
    pytest.importorskip("sqlalchemy")
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path)
    target = check_target(url)
    monkeypatch.chdir("/")
    store_result(example_result(), target)
    monkeypatch.chdir(tmp_path)
    assert len(load(url)) == 1
    assert str(target) == url


def test_two_urls_of_one_file_are_one_target(tmp_path, monkeypatch):
    pytest.importorskip("sqlalchemy")
    monkeypatch.chdir(tmp_path)
    assert len(check_targets(["sqlite:///perf.db", f"sqlite:///{tmp_path}/perf.db"])) == 1


def test_a_folder_that_no_url_can_hold_keeps_the_url_relative(tmp_path, monkeypatch):
    pytest.importorskip("sqlalchemy")
    (tmp_path / "a?b%20").mkdir()
    monkeypatch.chdir(tmp_path / "a?b%20")
    store_result(example_result(), check_target("sqlite:///perf.db"))
    assert (tmp_path / "a?b%20" / "perf.db").exists()


@pytest.mark.parametrize("moves", [False, True])
def test_the_rescue_file_of_a_url_is_in_the_folder_in_which_it_was_named(
    hook, tmp_path, monkeypatch, moves
):
    hook("write")
    target = check_target(HOOK)
    if moves:
        monkeypatch.chdir("/")
    with pytest.raises(ResultNotStoredError) as lost:
        store_result(example_result(), target)
    assert lost.value.rescued.parent == tmp_path


def test_a_working_folder_that_was_removed_costs_no_result(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    monkeypatch.chdir(gone)

    class Down:
        def __init__(self, url):
            raise OSError("down")

    gone.rmdir()
    with pytest.raises(ResultNotStoredError) as lost:
        store_result(example_result(), Target("db://host/perf", Down))
    monkeypatch.chdir(tmp_path)
    assert lost.value.rescued.parent == tmp_path / "temporary"


@pytest.mark.parametrize("name", [*STREAMS, ""])
def test_a_stream_or_nothing_is_no_target(name):
    with pytest.raises(TargetError, match="cannot write results to"):
        check_target(name)
