"""`ttbench sweep --on slurm`: the script of a job, without a Slurm; tests/slurm has one."""

from __future__ import annotations

import json
import os
import shlex
import stat
import sys
from pathlib import Path

import pytest
from sweep_plans import make_cell

from ttbench_core.errors import OptionError
from ttbench_core.sweeps.shards.slurm import (
    SlurmError,
    SlurmJob,
    gpus_of,
    read_slurm_options,
    safe_name,
)

QUICK = ("--passes", "2", "--warmup", "0", "--no-roofline", "--no-verify")
ON_SLURM = ("--on", "slurm", "--shards", "4")


@pytest.fixture
def sweep(fake_engine, ttbench, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*words):
        return ttbench("sweep", "-m", "steady", "--backend", "fake", *QUICK, *words)

    return run


@pytest.fixture
def sbatch(tmp_path, monkeypatch):
    """Put a program in the place of sbatch; gives the file of its arguments."""

    def install(script):
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        program = folder / "sbatch"
        program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/arguments\n{script}\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
        return tmp_path / "arguments"

    return install


def job(**changes):
    given = {"name": "nightly", "shards": 4, "folder": Path("/work"), "words": ("nightly.toml",)}
    return SlurmJob(**{**given, **changes})


def command_of(script):
    """Give the words that the shell would make of the last command of a script."""
    _, _, command = script.partition("\nexec ")
    return shlex.split(command.replace("\\\n", " "))


def test_the_whole_script():
    options = {"partition": "gpu", "exclusive": "no", "time": "1:00:00"}
    assert job(gpus=2, options=options, times="nightly-ab.times.json").script() == (
        f"""#!/bin/bash
# The sweep nightly: each task of the array runs one of 4 shards.
# Written by ttbench sweep --on slurm. Submit it again to go on where it ended.
#SBATCH --job-name=nightly
#SBATCH --array=1-4
#SBATCH --chdir=/work
#SBATCH --output=nightly-%A_%a.log
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --gres=gpu:2
#SBATCH --partition=gpu
#SBATCH --time=1:00:00

# exec: the signals of Slurm reach the sweep, which ends as after Ctrl-C, with its
# records, and goes on when the task is queued again.
exec {sys.executable} -m ttbench_core sweep \\
    --shard "$SLURM_ARRAY_TASK_ID/4" \\
    --times nightly-ab.times.json \\
    nightly.toml
"""
    )


def test_words_and_names_with_any_character_are_one_word_each():
    words = ("a b.toml", "-e", "A='x' \"y\" $HOME `id` \\", "-o", "perf-{shard}.jsonl")
    found = command_of(job(words=words, name="../a b\n#SBATCH --x").script())
    assert tuple(found[-len(words) :]) == words
    assert found[3:6] == ["sweep", "--shard", "$SLURM_ARRAY_TASK_ID/4"]
    script = job(name="../a b\n#SBATCH --x").script()
    assert "#SBATCH --job-name=a_b_SBATCH_--x\n" in script
    assert safe_name("...") == "sweep"


def test_a_folder_that_no_script_can_name_is_refused():
    with pytest.raises(SlurmError, match="cannot be named in a script"):
        job(folder=Path("/a\n#SBATCH --x")).script()


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("=gpu", "must be NAME=VALUE"),
        ("--partition=gpu", "must be NAME=VALUE"),
        ("p q=1", "must be NAME=VALUE"),
        ("comment=a\nb", "one line of text"),
        ("comment=", "one line of text"),
        ("array=1-9", "by --shards N"),
        ("chdir=/", "the folder that you submit from"),
    ],
)
def test_an_option_that_cannot_be_one_is_refused(word, message):
    with pytest.raises(OptionError, match=message):
        read_slurm_options([word])


def test_an_option_may_have_no_value_and_the_last_of_two_counts():
    found = read_slurm_options(["contiguous", "partition=a", "partition=b=c"])
    assert found == {"contiguous": None, "partition": "b=c"}
    assert "#SBATCH --contiguous\n#SBATCH --partition=b=c\n" in job(options=found).script()


@pytest.mark.parametrize(
    ("options", "jobs", "gpus"),
    [
        ({}, 1, 0),
        ({"device": "cpu"}, 4, 0),
        ({"device": "cuda"}, 1, 1),
        ({"device": "cuda"}, 4, 4),
        ({"device": "cuda:2"}, 1, 3),
        ({"device": "cuda", "chips": 8}, 2, 8),
    ],
)
def test_a_task_asks_for_the_gpus_that_its_cells_name(options, jobs, gpus):
    assert gpus_of([make_cell(1), make_cell(2, **options)], jobs) == gpus


def test_a_dry_run_prints_the_script_alone_and_writes_nothing(sweep, tmp_path):
    done = sweep("-o", "perf.jsonl", *ON_SLURM, "--slurm=partition=gpu", "--dry-run")
    assert done.code == 0, done.err
    assert done.out.startswith("#!/bin/bash\n")
    assert f"#SBATCH --chdir={tmp_path}\n" in done.out
    assert "#SBATCH --partition=gpu\n" in done.out
    words = ["-m", "steady", "--backend", "fake", *QUICK, "-o", "perf.jsonl"]
    assert command_of(done.out)[6:] == words
    assert list(tmp_path.glob("*.sbatch")) == []


def test_cells_of_machines_that_the_login_node_is_not_count(
    ttbench, fake_engine, sbatch, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    sbatch("echo 123")
    (tmp_path / "fleet.toml").write_text(
        '[machines.h100]\ndevice = "*H100*"\n[grid]\nmachine = ["h100"]\n'
        'model = ["steady", "of_another_pack"]\nbackend = "fake"\ndevice = "cuda"\n'
    )
    done = ttbench("sweep", "fleet.toml", "-o", "perf.jsonl", *ON_SLURM)
    assert done.code == 0, done.err
    assert "job     123: 2 cells in 4 shards" in done.out
    assert "#SBATCH --gres=gpu:1\n" in (tmp_path / "fleet.sbatch").read_text()


def test_the_script_is_kept_for_its_owner_alone_and_its_job_is_named(sweep, sbatch, tmp_path):
    pytest.importorskip("sqlalchemy")
    arguments = sbatch("echo '123;cluster'")
    words = ("-o", "postgresql://bob:hunter2@nowhere/perf", "--name", "a b", *ON_SLURM)
    done = sweep(*words)
    assert done.code == 0, done.err
    file = tmp_path / "a_b.sbatch"
    assert arguments.read_text() == f"--parsable {file}\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "job     123: 1 cells in 4 shards" in done.out
    assert "--status" in done.out
    assert "hunter2" not in done.out
    found = json.loads(sweep(*words, "--json").out)
    assert found == {"job": "123", "script": "a_b.sbatch", "shards": 4}


def test_times_of_the_outputs_are_frozen_in_a_file_that_is_named_by_its_content(
    sweep, sbatch, tmp_path
):
    sbatch("echo 123")
    assert sweep("-mb", "1,2", "-o", "perf.jsonl").code == 0
    for _ in range(2):
        assert sweep("-mb", "1,2", "-o", "perf.jsonl", *ON_SLURM).code == 0
    (file,) = tmp_path.glob("sweep-*.times.json")
    words = command_of((tmp_path / "sweep.sbatch").read_text())
    assert words[words.index("--times") + 1] == file.name
    shard = sweep("-mb", "1,2", "-o", "x.jsonl", "--shard", "1/2", "--times", file.name)
    assert shard.code == 0, shard.err


REFUSAL = """
echo 'sbatch: error: invalid partition specified: x' >&2
echo 'sbatch: error: Batch job submission failed' >&2
exit 1
"""


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (
            REFUSAL,
            "sbatch refuses sweep.sbatch: invalid partition specified: x; Batch job submission",
        ),
        ("exit 3", "sbatch refuses sweep.sbatch: "),
        ("echo what", "sbatch refuses sweep.sbatch: "),
    ],
)
def test_what_sbatch_says_is_one_line(sweep, sbatch, program, message):
    sbatch(program)
    done = sweep("-o", "perf.jsonl", *ON_SLURM)
    assert done.code == 2
    assert message in done.complaint


def test_where_there_is_no_slurm_it_is_one_line(sweep, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    done = sweep("-o", "perf.jsonl", *ON_SLURM)
    assert done.code == 2
    assert "sbatch cannot submit sweep.sbatch: No such file" in done.complaint


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--on", "slurm", "-o", "x.jsonl"], "with --shards N"),
        ([*ON_SLURM], "name it with -o TARGET"),
        ([*ON_SLURM, "-o", "nowhere/x.jsonl"], "there is no folder"),
        ([*ON_SLURM, "-o", "x.jsonl", "--shard", "1/4"], "leave --shard out"),
        ([*ON_SLURM, "-o", "x.jsonl", "--status"], "leave --status out"),
        (["--shards", "4"], "--shards is for --on slurm"),
        (["--slurm", "partition=gpu"], "--slurm is for --on slurm"),
        (["--on", "slurm", "--shards", "0"], "must be a number from 1"),
        (["--on", "moon", "--shards", "4"], "'moon' is no place for a sweep"),
        (["--status", "--dry-run", "-o", "x.jsonl"], "give one of them"),
    ],
)
def test_a_wrong_request_is_one_line(sweep, words, message):
    done = sweep(*words)
    assert done.code == 2
    assert message in done.complaint
