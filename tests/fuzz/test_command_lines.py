"""Any command line ends with a known exit code, in a line without a traceback or a secret."""

from __future__ import annotations

import argparse
import importlib
import shlex

import pytest
from damage import HOSTILE, RAW

from ttbench_core.cli import _COMMANDS
from ttbench_core.cli.arguments import _parser

#: No number that is valid makes a run long.
COUNTS = ("0", "1", "2", "-1", "1.5", "x", "", "0x1", "1e1", "\u0662", " 1", "1_0")
NUMBERS = (*COUNTS, "nan", "inf", "-inf", "1e-300", "9" * 30, "-" + "9" * 5000, "1e999", "-0")
TEXTS = (
    *("", " ", "-", "--", "x", HOSTILE, "\udcff", "\n", "a\r\nb", "\t", "=", "a=", "=b", "a=b=c"),
    *("@", "@0", "a@-1", "'", '"', "\\", "%s", "{0}", "x" * 3000, ".", "..", "~", "-1", "*", "#"),
    *("https://h:x/y", "file:///x", "nosuch://h", "mlflow:", "sqlite://", "postgresql:", ":", "::"),
)
VALUES = {
    "model": (
        *("steady", "steady", "plain", "device_fails", "builder_exits", "wrong_return"),
        *("hostile", "nope", "ttbench-fake-engine:steady", "a:b:c", ":"),
    ),
    "config": ("small", "large", "tiny"),
    "dataformat": ("Fp32", "Bfp8_b", "fp32", "Int8"),
    "math_fidelity": ("LoFi", "HiFi4"),
    "trace": ("none", "light", "verbose"),
    "scenario": ("throughput", "latency"),
    "device": ("fake", "fake:1", "cpu", "cuda:99", "silicon"),
    "backend_option": ("lanes=4", "a=1", "recompute=1"),
    "model_option": ("layers=3", "x=1"),
    "format": ("table", "csv", "json", "markdown", "html", "tt-forge"),
    "filter": ("model=steady", "samples_per_sec>0", "samples_per_sec>x", "status"),
    "columns": ("all", "model,config", "model,,", "modle"),
    "sort": ("started_at", "samples_per_sec"),
    "across": ("dataformat", "backend", "nope"),
    "fail_on": ("slower", "failed,vanished", "nope"),
}
#: Relative ones: whatever a line writes is in the folder of the test.
PLACES = (
    *("perf.json", "perf.jsonl", "perf.csv", "perf", "perf.jsn", "no/such/perf.json", "a" * 300),
    *("damaged.json", "damaged.csv", ".", "..json", f"{HOSTILE}.json", "/dev/null", "/dev/full"),
    *("/proc/perf.json", "sqlite:///", "sqlite:///damaged.json", "nosuch:x", "perf.json@0"),
)
PLACE_NAMES = frozenset({"output", "baseline", "target", "targets", "results", "folder"})
COUNT_NAMES = frozenset({"loop_count", "passes", "warmup", "processes", "new_tokens"})
#: They ask every installed pack and engine, PyTorch among them.
SLOW = frozenset({"list", "help", "backend"})


def parser_of(name: str) -> argparse.ArgumentParser:
    if name == "run":
        return _parser()
    return importlib.import_module(f"ttbench_core.cli.{_COMMANDS[name][0]}")._parser()


class Lines:
    """Makes random command lines of the options that the parsers have."""

    def __init__(self, rng, secret: str) -> None:
        self.rng, self.secret = rng, secret

    def line(self, name: str) -> list[str]:
        actions = [one for one in parser_of(name)._actions if one.dest not in SLOW]
        chosen = self.rng.choices(actions, k=self.rng.choice((0, 1, 1, 2, 3, 6)))
        words = [word for action in chosen for word in self.words_of(action, name)]
        if name != "run":
            return [name, *words, *self.places(name), *self.secrets(0.3)]
        # at the end: the last one counts
        backend = self.rng.choice(["fake"] * 12 + ["absent", "nope", HOSTILE, " fake"])
        quick = ["--processes", "1"] if "--vs" in " ".join(words) else []
        model = ["-m", self.rng.choice(VALUES["model"])]
        return [*model, *words, *self.secrets(0.5), *quick, "--backend", backend]

    def words_of(self, action: argparse.Action, name: str) -> list[str]:
        values = [] if action.nargs == 0 else [self.value_of(action, name)]
        if action.nargs == "?" and self.rng.random() < 0.5:
            values = []
        if not action.option_strings:
            return values
        flag = self.rng.choice(action.option_strings)
        if self.rng.random() < 0.03:
            return [flag]
        if values and self.rng.random() < 0.3:
            return [f"{flag}={values[0]}"]
        return [flag, *values]

    def value_of(self, action: argparse.Action, name: str) -> str:
        if action.dest == "vs":
            return shlex.join(self.line("run")[2:-2])
        if action.dest in COUNT_NAMES:
            return self.rng.choice(COUNTS)
        if action.dest in PLACE_NAMES:
            return self.rng.choice(PLACES)
        if action.dest == "env":
            return self.rng.choice(["A=1", "A", "OMP_NUM_THREADS=1", "=1", "A='", "A=1 B=\n", ""])
        good = [*VALUES.get(action.dest, ()), *map(str, action.choices or ())]
        if self.rng.random() < 0.6 and (good or action.type):
            return self.rng.choice(good or COUNTS)
        return self.rng.choice(NUMBERS if action.type else TEXTS)

    def places(self, name: str) -> list[str]:
        count = {"compare": (2, 2, 1), **dict.fromkeys(("show", "history", "report"), (1, 1, 2))}
        kinds = {"info": VALUES["model"], "new": ("pack", "backend", "sink", "x y", *TEXTS)}
        pool = kinds.get(name, (*PLACES, "perf.json", "perf.json", "perf.csv"))
        words = [self.rng.choice(pool) for _ in range(self.rng.choice(count.get(name, (0, 1, 2))))]
        # without a word that is wrong it would ask every engine
        return [*words, "wrong"] if name == "doctor" else words

    def secrets(self, share: float) -> list[str]:
        if self.rng.random() > share:
            return []
        secret, tail = self.secret, self.rng.choice(["", "'", '"', " X=1", "\n", HOSTILE])
        return self.rng.choice(
            [
                ["-e", f"API_TOKEN={secret}{tail}"],
                [f"-eMY_DB={secret}{tail}"],
                [f"--env=my-db='{secret}{tail}"],
                ["-e", f"URL=https://u:{secret}@h{tail}"],
                ["-o", f"postgresql:u:{secret}@h"],
                ["-o", f"postgresqlx://u:{secret}@h/db{tail}"],
                ["-o", f"postgresql://u:two {secret}@h:x/db"],
                ["--vs", f"-e 'API_TOKEN={secret}' --processes 1"],
                ["--vs", f"-o postgresql:u:{secret}@h"],
                ["-B", f"api_key={secret}"],
                ["-M", f"hf_token={secret}"],
                ["--api-key", secret],
                [f"API_TOKEN={secret}{tail}"],
                ["-c", f"https://u:{secret}@h"],
                ["--loop_count", f"API_TOKEN={secret}"],
            ]
        )


@pytest.fixture
def folder(tmp_path, monkeypatch, fake_engine, ttbench):
    """A working folder with results, good and damaged ones."""
    place = tmp_path / "here"
    place.mkdir()
    monkeypatch.chdir(place)
    line = "-m steady --backend fake --passes 2 --warmup 0 --in-process -o perf.json -o perf.csv"
    assert ttbench(*line.split()).code == 0
    for suffix in ("json", "csv"):
        whole = (place / f"perf.{suffix}").read_bytes()
        (place / f"damaged.{suffix}").write_bytes(whole[:-20])
    return place


@pytest.mark.parametrize(
    "name", ["run", "show", "compare", "history", "report", "info", "new", "doctor"]
)
@pytest.mark.fuzz_weight(0.6)
def test_a_command_line_ends_as_documented_and_shows_no_secret(rng, ttbench, folder, name):
    secret = f"pl4nted-s3cret-{rng.getrandbits(48):x}"
    words = Lines(rng, secret).line(name)
    outcome = ttbench(*words)
    seen = (words, outcome)
    assert outcome.code in (0, 1, 2, 130), seen
    assert "--debug" in words or "Traceback" not in outcome.err, seen
    assert not RAW.intersection(outcome.err), seen
    assert not RAW.difference("\t").intersection(outcome.out) or "csv" in words, seen
    if outcome.code == 2 and "--debug" not in words:
        assert outcome.complaint.startswith("ttbench: error: "), seen
    texts = [str(one) for one in folder.rglob("*")]
    texts += [
        one.read_bytes().decode("utf-8", "replace") for one in folder.rglob("*") if one.is_file()
    ]
    assert not [one for one in (outcome.out, outcome.err, *texts) if secret in one], seen
