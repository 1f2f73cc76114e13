"""Nothing is ever lost: not by eight writers, not by a crash, not by a full disk."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from forks import raised_in_fork

from ttbench_core.errors import TargetError
from ttbench_core.record.run_errors import ResultNotStoredError, RunInterrupted
from ttbench_core.results.reading import load
from ttbench_core.sinks import rescuing
from ttbench_core.sinks.json import JsonSink
from ttbench_core.sinks.jsonl import JsonLinesSink
from ttbench_core.sinks.storing import store_result, store_results
from ttbench_core.sinks.targets import Target, check_target, check_targets
from ttbench_core.testing import example_result

OLD = example_result(run_id="old").to_json()
KINDS = ["perf.json", "perf.jsonl"]


def read(path: Path):
    text = path.read_text()
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in text.splitlines()]
    return json.loads(text)


def save(path, **changes):
    store_result(example_result(**changes), check_target(path))


def save_unchecked(path: Path, **changes):
    """Store a result as where a file was broken after its target was checked."""
    sink = {".json": JsonSink, ".jsonl": JsonLinesSink}[path.suffix]
    store_result(example_result(**changes), Target(path, sink))


def leftovers(folder: Path):
    return [entry.name for entry in folder.iterdir() if entry.name.endswith(".tmp")]


@pytest.mark.parametrize("name", KINDS)
def test_results_are_appended_in_order(tmp_path, name):
    for run_id in "abc":
        save(tmp_path / name, run_id=run_id)
    assert [record["run_id"] for record in read(tmp_path / name)] == ["a", "b", "c"]
    assert not leftovers(tmp_path)


def test_a_json_list_has_one_record_a_line(tmp_path):
    save(tmp_path / "perf.json")
    save(tmp_path / "perf.json")
    lines = (tmp_path / "perf.json").read_text().splitlines()
    assert [lines[0], len(lines), lines[-1]] == ["[", 4, "]"]


@pytest.mark.parametrize("before", ["[]", "[\n]\n", f'[{OLD[:-1]}, "own": 1e400, "steady": NaN}}]'])
def test_existing_content_of_a_list_stays_byte_for_byte(tmp_path, before):
    path = tmp_path / "perf.json"
    path.write_text(before)
    save(path)
    assert path.read_text().startswith(before.rstrip().rstrip("]").rstrip())
    assert read(path)[-1]["machine_name"] == "example-host"


def test_a_name_without_a_known_suffix_gets_json_as_in_the_original(tmp_path):
    assert check_target(tmp_path / "perf").place.name == "perf.json"
    assert check_target(tmp_path / "perf.v1.2").place.name == "perf.v1.2.json"
    assert check_target(tmp_path / "PERF.JSON").place.name == "PERF.JSON"


def test_a_link_stays_a_link_and_its_file_grows(tmp_path):
    (tmp_path / "real").mkdir()
    link = tmp_path / "perf.json"
    link.symlink_to(tmp_path / "real" / "all.json")
    save(link)
    save(link)
    assert link.is_symlink()
    assert len(read(tmp_path / "real" / "all.json")) == 2


def test_permissions_of_a_file_stay(tmp_path):
    path = tmp_path / "perf.json"
    save(path)
    path.chmod(0o640)
    save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_new_file_has_the_permissions_that_the_user_gives_files(tmp_path):
    before = os.umask(0o027)
    try:
        save(tmp_path / "perf.json")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "perf.json").stat().st_mode) == 0o640


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "is empty: it holds no list of results"),
        ("  \n", "is empty: it holds no list of results"),
        ("[{", "is no JSON: "),
        ('[{"samples_per_sec": 1}', "is no result: it has no total_time"),
        ("\x00\xff", "is no JSON: it is not UTF-8"),
        ("[" * 100_000, "nested too deeply for a result"),
        ('{"samples_per_sec": 1}', "is no result: it has no total_time"),
        ("[1, 2]", "@0 is no result: it is no JSON object"),
        ('[{"name": "someone else\'s"}]', "@0 is no result: it has no total_time"),
        ('"text"', "JSON but no list of results"),
    ],
)
def test_a_file_that_is_no_list_of_results_is_untouched_and_the_result_rescued(
    tmp_path, content, reason
):
    path = tmp_path / "perf.json"
    path.write_text(content, encoding="latin-1")
    before = path.read_bytes()
    with pytest.raises(TargetError, match=reason):
        check_target(path)
    with pytest.raises(ResultNotStoredError, match=reason) as kept:
        save_unchecked(path)
    assert path.read_bytes() == before
    assert kept.value.rescued == tmp_path / "post_error_perf.json"
    assert len(read(tmp_path / "post_error_perf.json")) == 1
    assert str(kept.value.rescued) in str(kept.value)


def test_a_second_rescue_is_appended_to_the_first(tmp_path):
    (tmp_path / "perf.json").write_text("broken")
    for _ in range(2):
        with pytest.raises(ResultNotStoredError):
            save_unchecked(tmp_path / "perf.json")
    assert len(read(tmp_path / "post_error_perf.json")) == 2


def test_a_broken_rescue_file_is_untouched(tmp_path):
    for name in ("perf.json", "post_error_perf.json"):
        (tmp_path / name).write_text("broken")
    with pytest.raises(ResultNotStoredError) as kept:
        save_unchecked(tmp_path / "perf.json")
    assert kept.value.rescued.name == "post_error_2_perf.json"
    assert (tmp_path / "post_error_perf.json").read_text() == "broken"


def test_a_foreign_json_lines_file_is_untouched_and_the_result_rescued(tmp_path):
    path = tmp_path / "perf.jsonl"
    for content in ('{"other": 1}\n', "[]\n", f'{OLD}\n{{"samp'):
        path.write_text(content)
        with pytest.raises(ResultNotStoredError, match="line [12] is no"):
            save_unchecked(path)
        assert path.read_text() == content
    assert len(read(tmp_path / "post_error_perf.jsonl.json")) == 3


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_a_list_in_another_encoding_is_untouched(tmp_path, encoding):
    path = tmp_path / "perf.json"
    path.write_text(f"[{OLD}]", encoding=encoding)
    before = path.read_bytes()
    with pytest.raises(ResultNotStoredError, match="is no JSON"):
        save_unchecked(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", KINDS)
def test_ctrl_c_while_a_result_is_stored_rescues_it(tmp_path, monkeypatch, name):
    class Interrupted:
        def __init__(self, path):
            raise KeyboardInterrupt

    with pytest.raises(RunInterrupted, match="what was measured is kept in .*post_error_") as kept:
        store_result(example_result(run_id="mine"), Target(tmp_path / name, Interrupted))
    assert read(kept.value.rescued)[0]["run_id"] == "mine"


def test_invalid_file_names_are_refused_before_anything_runs(tmp_path):
    with pytest.raises(TargetError, match="File name too long"):
        check_target(tmp_path / ("x" * 300 + ".json"))
    with pytest.raises(TargetError, match="its name is longer than 200 bytes"):
        check_target(tmp_path / ("x" * 240 + ".json"))
    with pytest.raises(TargetError, match="cannot write results to .*null"):
        check_target("a\0b.json")


def test_the_temporary_file_of_another_file_is_not_removed(tmp_path):
    draft = tmp_path / f".perf.json.jsonl.{'0' * 16}.tmp"
    own = tmp_path / f".perf.json.{'0' * 16}.tmp"
    for file in (draft, own):
        file.touch()
    save(tmp_path / "perf.json")
    assert draft.exists()
    assert not own.exists()


def test_json_lines_may_end_without_a_newline_or_be_empty(tmp_path):
    path = tmp_path / "perf.jsonl"
    path.write_text(OLD)
    save(path)
    assert len(read(path)) == 2
    path.write_text("")
    save(path)
    assert len(read(path)) == 1


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (".", "name a file"),
        ("", "name a file"),
        ("no/such/perf.json", "there is no folder .*no/such; make it first"),
        ("/dev/full", "not a regular file"),
        ("/dev/null", "not a regular file"),
    ],
)
def test_a_target_that_can_never_work_is_refused_before_anything_runs(
    tmp_path, monkeypatch, target, message
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TargetError, match=message):
        check_target(target)


def as_ordinary_user(action) -> str:
    """Run an action without root's right to write anywhere; gives what it raised."""

    def become_and_act() -> None:
        if os.geteuid() == 0:
            os.setgid(65534)
            os.setuid(65534)
        action()

    return raised_in_fork(become_and_act)


def test_a_read_only_file_and_folder_are_refused_before_anything_runs():
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        path = Path(folder) / "perf.json"
        path.write_text("[]")
        path.chmod(0o444)
        assert (
            "its folder is read-only"
            in as_ordinary_user(lambda: check_target(Path(folder) / "new.json"))
            or os.geteuid() != 0
        )
        assert "perf.json is read-only" in as_ordinary_user(lambda: check_target(path))


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("failing", ["open", "write", "fsync", "rename"])
def test_a_disk_that_fails_at_any_step_loses_nothing(
    tmp_path, tmp_path_factory, monkeypatch, name, failing
):
    path = tmp_path / name
    save(path, run_id="earlier")
    before = path.read_bytes()
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.chdir(elsewhere)
    fail_in(monkeypatch, tmp_path, failing)
    with pytest.raises(ResultNotStoredError, match="No space left on device") as kept:
        save(path, run_id="later")
    assert path.read_bytes() == before
    assert not leftovers(tmp_path)
    # a rescue file is new, so it is not renamed into place
    assert kept.value.rescued.parent == (tmp_path if failing == "rename" else elsewhere)
    assert read(kept.value.rescued)[0]["run_id"] == "later"


def fail_in(monkeypatch, folder: Path, step: str):
    """Let one step of replacing a file fail as a full disk does, in one folder alone."""
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    real_open, real_fsync, real_replace, real_fdopen = os.open, os.fsync, Path.replace, os.fdopen

    def opened(path, flags, *rest):
        if Path(path).parent == folder and flags & os.O_EXCL:
            raise full
        return real_open(path, flags, *rest)

    def in_folder(descriptor) -> bool:
        return Path(os.readlink(f"/proc/self/fd/{descriptor}")).parent == folder

    def fsynced(descriptor):
        if in_folder(descriptor):
            raise full
        return real_fsync(descriptor)

    def replaced(self, target):
        if Path(target).parent == folder:
            raise full
        return real_replace(self, target)

    class Full:
        def __init__(self, file):
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *exc_info):
            self.file.close()

        def write(self, part):
            self.file.write(part[: len(part) // 2])
            raise full

    def fdopened(descriptor, *rest):
        file = real_fdopen(descriptor, *rest)
        return Full(file) if in_folder(descriptor) else file

    patches = {
        "open": (os, "open", opened),
        "fsync": (os, "fsync", fsynced),
        "rename": (Path, "replace", replaced),
        "write": (os, "fdopen", fdopened),
    }
    monkeypatch.setattr(*patches[step])


def test_a_file_size_limit_of_the_system_loses_nothing(tmp_path, python):
    path = tmp_path / "perf.json"
    for _ in range(40):
        save(path, notes=["x" * 1000])
    before = path.read_bytes()
    script = (
        "import resource, signal\n"
        "from ttbench_core.sinks.storing import store_result\n"
        "from ttbench_core.sinks.targets import check_target\n"
        "from ttbench_core.testing import example_result\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        f"store_result(example_result(), check_target({str(path)!r}))\n"
    )
    done = python("-c", script)
    assert "ResultNotStoredError" in done.stderr
    assert "File too large" in done.stderr
    assert path.read_bytes() == before
    assert len(read(tmp_path / "post_error_perf.json")) == 1


def test_when_nothing_can_be_written_the_result_is_in_the_error(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def never(*_):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    target = check_target(tmp_path / "perf.json")
    monkeypatch.setattr("ttbench_core.sinks.rescuing.create_file", never)
    monkeypatch.setattr("ttbench_core.sinks.json.replace_file", never)
    with pytest.raises(ResultNotStoredError, match="no other place could be written") as kept:
        store_result(example_result(), target)
    assert kept.value.rescued is None
    assert kept.value.result.samples_per_sec == 80.0


def test_whatever_a_third_party_sink_raises_the_result_is_rescued(tmp_path):
    class Database:
        def __init__(self, path):
            raise ConnectionError("database is down")

    with pytest.raises(ResultNotStoredError, match="database is down") as kept:
        store_result(example_result(), Target(tmp_path / "perf.db", Database))
    assert kept.value.rescued == tmp_path / "post_error_perf.db.json"


def append_many(path: Path, writer: int, count: int) -> None:
    for number in range(count):
        save(path, run_id=f"{writer}-{number}")


@pytest.mark.parametrize("name", KINDS)
def test_eight_processes_appending_at_once_lose_nothing(tmp_path, name):
    path = tmp_path / name
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=append_many, args=(path, w, 10)) for w in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0
    run_ids = [record["run_id"] for record in read(path)]
    assert sorted(run_ids) == sorted(f"{w}-{n}" for w in range(8) for n in range(10))


@pytest.mark.parametrize("name", KINDS)
def test_a_killed_writer_leaves_a_file_with_every_acknowledged_result(
    start_process, tmp_path, name
):
    path = tmp_path / name
    script = (
        "import sys\n"
        "from ttbench_core.sinks.storing import store_result\n"
        "from ttbench_core.sinks.targets import check_target\n"
        "from ttbench_core.testing import example_result\n"
        f"target = check_target({str(path)!r})\n"
        "for number in range(10_000):\n"
        "    store_result(example_result(run_id=str(number), notes=['x' * 20_000]), target)\n"
        "    print(number, flush=True)\n"
    )
    kept = 0
    for attempt in range(8):
        writer = start_process([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
        assert writer.stdout.readline() == "0\n"
        time.sleep(0.013 * attempt)
        writer.send_signal(signal.SIGKILL)
        acknowledged = 1 + len(writer.communicate()[0].splitlines())
        kept += acknowledged
        # the one in hand when the writer died may be there as well
        assert kept <= len(read(path)) <= kept + 1
        kept = len(read(path))
    save(path)
    assert len(read(path)) == kept + 1
    assert not leftovers(tmp_path)


def test_sinks_are_context_managers(tmp_path):
    for kind, name in ((JsonSink, "a.json"), (JsonLinesSink, "a.jsonl")):
        with kind(tmp_path / name) as sink:
            sink.write(example_result())
        assert len(read(tmp_path / name)) == 1


class CtrlC:
    """A sink in whose writing Ctrl-C comes."""

    def __init__(self, path):
        self.path = path

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        pass

    def write(self, result):
        raise KeyboardInterrupt


def test_ctrl_c_in_one_target_loses_no_result_of_the_others(tmp_path):
    targets = [Target(tmp_path / "one.jsonl", CtrlC), check_target(tmp_path / "two.json")]
    both = [example_result(run_id="a"), example_result(run_id="b")]
    with pytest.raises(RunInterrupted) as interrupted:
        store_results(both, targets)
    assert [one["run_id"] for one in read(tmp_path / "two.json")] == ["a", "b"]
    rescued = read(tmp_path / "post_error_one.jsonl.json")
    assert [one["run_id"] for one in rescued] == ["a", "b"]
    assert interrupted.value.rescued == tmp_path / "post_error_one.jsonl.json"


def test_a_second_ctrl_c_during_the_rescue_loses_no_result(tmp_path, monkeypatch):
    create, interrupted = rescuing.create_file, []

    def once(path, content):
        if not interrupted:
            interrupted.append(path)
            raise KeyboardInterrupt
        create(path, content)

    monkeypatch.setattr(rescuing, "create_file", once)
    targets = [Target(tmp_path / "one.json", CtrlC), check_target(tmp_path / "two.json")]
    with pytest.raises(RunInterrupted) as ended:
        store_result(example_result(run_id="a"), *targets)
    assert ended.value.rescued == tmp_path / "post_error_one.json"
    for path in (ended.value.rescued, tmp_path / "two.json"):
        assert [one["run_id"] for one in read(path)] == ["a"]


def test_all_failed_targets_are_reported(tmp_path):
    (tmp_path / "foreign.json").write_text("{}")
    targets = [Target(tmp_path / name, JsonSink) for name in ("foreign.json", "perf.json")]
    with pytest.raises(ResultNotStoredError) as lost:
        store_result(example_result(run_id="a"), *targets)
    assert lost.value.targets == (str(tmp_path / "foreign.json"),)
    assert len(read(tmp_path / "perf.json")) == 1


def test_a_file_by_two_names_gets_a_result_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert len(check_targets(["perf.json", tmp_path / "perf.json"])) == 1


def test_what_was_written_is_read_by_the_same_name(tmp_path):
    save(tmp_path / "perf")
    assert len(load(tmp_path / "perf")) == 1


@pytest.mark.parametrize("name", ["\u6027" * 90, "a" * 300, "..", "/"])
def test_a_url_of_any_name_has_a_rescue_file(tmp_path, monkeypatch, name):
    class Down:
        takes_url = True

        def __init__(self, url):
            raise ConnectionError("down")

    monkeypatch.chdir(tmp_path)
    with pytest.raises(ResultNotStoredError) as lost:
        store_result(example_result(), Target(f"db://host/{name}", Down))
    assert lost.value.rescued.parent == tmp_path


@pytest.mark.parametrize("name", ["perf.jsno", "perf.jsonll", "perf.parqet", "perf.cvs"])
def test_a_misspelled_suffix_is_refused(tmp_path, name):
    with pytest.raises(TargetError, match="did you mean .*perf"):
        check_target(tmp_path / name)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="this system has no /proc")
def test_a_folder_in_which_no_file_can_be_created_is_refused():
    with pytest.raises(TargetError, match="its folder"):
        check_target("/proc/perf.json")
