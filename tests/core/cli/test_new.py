"""`ttbench new` writes packages that are ready to install."""

from __future__ import annotations

import pytest

from ttbench_core.scaffolding.writing import KINDS, new_package, write_package


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
        (["sink", "my_board"], "'my_board' is no scheme of a URL: write my-board"),
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
