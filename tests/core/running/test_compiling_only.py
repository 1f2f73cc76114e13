"""An engine that compiles and measures nothing: its records have no number to compare."""

from __future__ import annotations

import json

import pytest

import ttbench_core
from ttbench_core.backends.loading import compiles_only
from ttbench_core.errors import OptionError, RequestError, UnsupportedOptionError
from ttbench_core.record.tables.columns import row_of
from ttbench_core.results.answer import Gatherer
from ttbench_core.results.comparison import NotComparableError, compare
from ttbench_core.results.history.run_series import collect_series
from ttbench_core.running.engine_matrix import planned_cells
from ttbench_core.testing import example_result

ENGINE = """
import dataclasses
from ttbench_core.backends.protocol import EngineFormat
from ttbench_fake_engine import FakeBackend, FakeSession

class Session(FakeSession):
    def push(self, inputs):
        raise AssertionError("a model that was compiled only was run")

class Compiler(FakeBackend):
    name = "compiler"
    def capabilities(self):
        can = super().capabilities()
        formats = [*can.data_formats, EngineFormat("Tight")]
        return dataclasses.replace(can, measures=False, data_formats=formats)
    def compile(self, model, options):
        session = Session(super().compile(model, options)._run, options.opt_level)
        session.effective = {"kernels": 24, "engine_compile_s": 0.25, "kernel_build_s": 26}
        return session
"""


@pytest.fixture
def compiler(fake_engine, fake_pack):
    entry = "[ttbench.backends]\ncompiler = compiler_mod:Compiler\n"
    fake_pack("compiler", entry, compiler_mod=ENGINE)
    return "compiler"


@pytest.fixture
def compiled(compiler):
    return ttbench_core.run("steady", backend=compiler, progress=False)


def test_a_run_ends_when_the_model_is_compiled(compiled):
    assert compiled.status == "compiled"
    assert compiled.is_compiled_only
    assert list(compiled.phases_ns)[-1] == "compile"
    assert not compiled.passes
    for name in ("samples_per_sec", "total_time", "verdict", "verification", "latency", "error"):
        assert getattr(compiled, name) is None


def test_its_summary_says_what_was_compiled_and_that_nothing_was_measured(compiled):
    rows = dict(compiled.summary())
    assert rows["compiled only"] == "in 250 ms, 24 kernels in 26 s; nothing was measured"
    assert "throughput" not in rows


def test_the_command_line_shows_and_keeps_it_with_exit_code_0(compiler, ttbench, tmp_path):
    file = tmp_path / "perf.json"
    words = ("-m", "steady", "--backend", compiler, "-o", file, "--strict")
    outcome = ttbench(*words)
    assert outcome.code == 0, outcome.err
    assert "nothing was measured" in outcome.out
    shown = ttbench("show", file).out
    assert "in 250 ms, 24 kernels in 26 s" in shown
    (record,) = [one.to_record() for one in ttbench_core.load(file)]
    assert record["status"] == "compiled"


def test_a_model_that_does_not_compile_is_a_failed_record(compiler):
    with pytest.raises(ttbench_core.BenchmarkError) as failed:
        ttbench_core.run("compile_fails", backend=compiler, progress=False)
    assert failed.value.result.status == "failed"
    assert failed.value.phase == "compile"


@pytest.mark.parametrize(
    ("options", "flag"),
    [
        ({"passes": 3}, "--passes"),
        ({"warmup": 0}, "--warmup"),
        ({"verify": True}, "--verify"),
        ({"scenario": "latency"}, "--scenario latency"),
    ],
)
def test_options_about_a_measurement_are_refused(compiler, options, flag):
    with pytest.raises(UnsupportedOptionError, match=f"measurement, which {flag} is about"):
        ttbench_core.run("steady", backend=compiler, progress=False, **options)


def test_several_processes_are_refused(compiler):
    with pytest.raises(RequestError, match="'compiler' measures nothing: leave out --processes"):
        ttbench_core.run("steady", backend=compiler, processes=2, progress=False)


def test_a_run_side_by_side_refuses_the_engine(compiler):
    with pytest.raises(OptionError, match="'compiler' compiles only"):
        ttbench_core.run_ab("steady", {"backend": compiler}, backend="fake", progress=False)


def test_a_comparison_of_engines_leaves_it_out_and_refuses_it_by_name(compiler, ttbench):
    assert "compiler" not in {cell.backend for cell in planned_cells()}
    outcome = ttbench("engines", "-m", "steady", "--backend", compiler, "--json")
    rows = json.loads(outcome.out)
    assert "compiles only" in json.dumps(rows)


def test_a_sweep_refuses_its_cells(compiler, ttbench, tmp_path):
    words = ("--backend", compiler, "-m", "steady", "-o", tmp_path / "perf.json", "--dry-run")
    outcome = ttbench("sweep", *words)
    assert "a sweep measures" in outcome.out + outcome.err


def test_no_other_refusal_sends_a_user_to_it(compiler):
    asked = {"backend": "fake", "dataformat": "Tight"}  # a format that it alone has
    with pytest.raises(UnsupportedOptionError, match="has no data format Tight") as refused:
        ttbench_core.run("steady", progress=False, **asked)
    assert "compiler" not in str(refused.value)


def test_what_it_refuses_sends_nobody_to_an_engine_that_measures(compiler):
    with pytest.raises(UnsupportedOptionError, match="no data format Bfp8") as refused:
        ttbench_core.run("steady", backend=compiler, progress=False, dataformat="Bfp8")
    assert "use --backend" not in str(refused.value)


def test_the_command_line_says_that_it_compiles_only(compiler, ttbench):
    outcome = ttbench("info", "--backend", compiler)
    assert "nothing: it compiles models" in outcome.out


def test_only_such_an_engine_counts_as_one(compiler):
    assert compiles_only(compiler)
    assert not compiles_only("fake")
    assert not compiles_only("not-installed")
    assert not compiles_only(None)


def only_compiled(**changes):
    nothing = dict.fromkeys(("samples_per_sec", "total_time", "total_samples"))
    facts = {"effective": {"engine_compile_s": 2.0}, "passes": []}
    return example_result(
        **{"status": "compiled", "run_id": "c" * 32, **nothing, **facts, **changes}
    )


def test_a_comparison_takes_no_notice_of_it():
    run = example_result()
    compared = compare([run, only_compiled()], [example_result(run_id="1" * 32), only_compiled()])
    assert len(compared.pairs) == 1
    assert compared.failures == ()
    with pytest.raises(NotComparableError, match="1 run compiled only, left out"):
        compare([only_compiled()], [run])


def test_a_history_counts_it_neither_as_a_run_nor_as_a_failure():
    found = collect_series([example_result(), only_compiled()])
    assert [len(one.points) + one.ignored for one in found.series] == [1]
    assert found.failed == 0


def test_an_answer_has_no_cell_for_it():
    gatherer = Gatherer()
    for number, one in enumerate([example_result(), only_compiled(backend="tt_compile")], 1):
        gatherer.add(number, one)
    assert len(gatherer.gathering().cells) == 1


@pytest.mark.parametrize(
    ("effective", "text"),
    [
        ({"engine_compile_s": 0.5}, "in 500 ms"),
        ({"engine_compile_s": 0.5, "kernels": 1}, "in 500 ms, 1 kernel"),
        ({"kernels": 41, "kernel_build_s": 26}, "41 kernels in 26 s"),
        ({"engine_compile_s": 10**400, "kernels": 10**400}, None),
        ({"engine_compile_s": -1, "kernels": -1}, None),
        ({"engine_compile_s": "long", "kernels": None}, None),
        ([], None),
    ],
)
def test_a_column_says_what_was_compiled_as_far_as_a_record_says_it(effective, text):
    record = {**only_compiled().to_record(), "effective": effective}
    assert row_of(record)["compiled"] == text
