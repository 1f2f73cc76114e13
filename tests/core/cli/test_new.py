"""`ttbench new` writes packages that are ready to install."""

from __future__ import annotations

import importlib

import pytest

from ttbench_core.errors import ResultsFileError
from ttbench_core.scaffolding.writing import KINDS, new_package, write_package
from ttbench_core.testing import check_backend, check_sink, example_result


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_word_of_a_template_is_replaced(kind, tmp_path):
    package = new_package(kind, "first-thing")
    files = write_package(package, tmp_path / "first-thing")
    names = {str(file.relative_to(tmp_path / "first-thing")) for file in files}
    assert {"pyproject.toml", "README.md", f"src/{package.module}/__init__.py"} <= names
    for file in files:
        assert "${" not in file.read_text()
        assert not any(word in str(file) for word in ("MODULE", "IDENTIFIER", ".txt"))


@pytest.mark.parametrize("kind", list(KINDS))
def test_what_is_written_is_valid_python(kind, tmp_path):
    for file in write_package(new_package(kind, "thing"), tmp_path / "thing"):
        if file.suffix == ".py":
            compile(file.read_text(), file, "exec")


@pytest.fixture
def made(tmp_path, monkeypatch):
    """Write a package, and import it as it is."""

    def make(kind, name):
        package = new_package(kind, name)
        write_package(package, tmp_path / "made")
        monkeypatch.syspath_prepend(tmp_path / "made" / "src")
        return importlib.import_module(package.module)

    return make


@pytest.fixture
def board(made):
    """The class of the sink `board`."""
    return made("sink", "board").BoardSink


def test_a_new_sink_follows_the_contract(board, tmp_path):
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "mine.json").write_text('{"mine": 1}')
    check_sink(board, f"board:{tmp_path}/runs", foreign=f"board:{foreign}")


def test_a_new_sink_adds_to_no_file_of_someone_else(board, tmp_path):
    file = tmp_path / "mine.jsonl"
    file.write_text('{"mine": 1}\n')
    check_sink(board, f"board:{tmp_path}/runs", foreign=f"board:{file}")


def test_a_crash_in_writing_costs_a_new_sink_no_other_result(board, tmp_path, monkeypatch):
    place = f"board:{tmp_path}/runs"
    with board(place) as sink:
        sink.write(example_result(run_id="1" * 32))
        with monkeypatch.context() as crashing:
            crashing.setattr("os.fsync", failing)
            with pytest.raises(OSError, match="no space"):
                sink.write(example_result(run_id="2" * 32))
        (tmp_path / "runs" / ".part-of-a-result").write_text('{"run')
        sink.write(example_result(run_id="3" * 32))
    assert [record["run_id"][0] for _, record in board.records(place)] == ["1", "3"]


def test_a_new_sink_reads_no_result_that_was_cut_off(board, tmp_path):
    place = f"board:{tmp_path}/runs"
    board(place).write(example_result())
    (file,) = (tmp_path / "runs").iterdir()
    file.write_text('{"run')
    with pytest.raises(ResultsFileError, match="cannot be read"):
        list(board.records(place))


def failing(descriptor):
    raise OSError("no space")


@pytest.mark.torch
def test_a_new_backend_keeps_its_promises(made):
    pytest.importorskip("torch")
    backend = made("backend", "my_chip").MyChipBackend
    check_backend(backend())
    check_backend(backend(), dataformat="Int8", engine_options={"scale": "tensor"})


def test_the_name_of_a_sink_is_any_that_a_scheme_may_have():
    assert new_package("sink", "a_board").module == "ttbench_sink_a_board"


def test_the_command_says_what_comes_next(ttbench, tmp_path):
    done = ttbench("new", "pack", "film", "--in", tmp_path / "a b")
    assert done.code == 0
    assert f"pip install '{tmp_path}/a b/film'" in done.out
    assert (tmp_path / "a b" / "film" / "pyproject.toml").is_file()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["backend", "torch"], "ttbench-core has a backend 'torch': choose another name"),
        (["sink", "json"], "ttbench-core has a sink 'json': choose another name"),
        (["pack", "A b"], "'A b' cannot be the name of a pack"),
        (["pack", "../x"], "'../x' cannot be the name of a pack"),
        (["pack", "class"], "'class' cannot be the name of a pack"),
        (["pack"], "the following arguments are required: NAME"),
        (["zoo", "x"], "invalid choice: 'zoo'"),
    ],
)
def test_a_wrong_request_is_one_line_and_exit_code_2(ttbench, words, message):
    done = ttbench("new", *words)
    assert done.code == 2
    assert message in done.complaint


def test_nothing_is_written_over(ttbench, tmp_path):
    mine = tmp_path / "film" / "mine.txt"
    mine.parent.mkdir()
    mine.write_text("mine")
    done = ttbench("new", "pack", "film", "--in", tmp_path)
    assert done.code == 2
    assert "is there and not empty: choose another place with --in" in done.complaint
    assert list(mine.parent.iterdir()) == [mine]


def test_a_folder_that_cannot_be_written_is_one_line(ttbench, tmp_path):
    (tmp_path / "file").touch()
    done = ttbench("new", "pack", "film", "--in", tmp_path / "file")
    assert done.code == 2
    assert "cannot be written" in done.complaint
