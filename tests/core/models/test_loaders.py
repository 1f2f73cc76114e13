"""Loaders in the form of tt-forge-models: found by files, imported when a model is built."""

from __future__ import annotations

import importlib
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from ttbench_core.errors import (
    AmbiguousNameError,
    UnknownNameError,
    UnsupportedOptionError,
)
from ttbench_core.models.loaders.asking import import_loader
from ttbench_core.models.loaders.failures import LoaderError, failures_named
from ttbench_core.models.loaders.finding import Found, find_loader, find_package
from ttbench_core.models.loaders.folder import LoaderFolder
from ttbench_core.models.loaders.reading import read_loader_file
from ttbench_core.models.source import find_source
from ttbench_core.plugins.catalogue import find_model, installed_models

LOADERS = Path(__file__).parents[2] / "packs" / "loaders"
PACKAGE = "loader:acme_loaders"


@pytest.fixture(autouse=True)
def _in_the_folder_of_loaders(monkeypatch):
    monkeypatch.chdir(LOADERS)
    # what is imported from the current folder belongs to one test
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    for name in [one for one in sys.modules if one.partition(".")[0] == "acme_loaders"]:
        del sys.modules[name]


def test_a_loader_is_found_in_the_current_folder_without_importing_it():
    found = find_loader(f"{PACKAGE}.named.loader")
    assert found.file == LOADERS / "acme_loaders" / "named" / "loader.py"
    assert not [name for name in sys.modules if name.startswith("acme_loaders")]


def test_a_loader_is_found_on_the_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(LOADERS)
    assert find_loader(f"{PACKAGE}.named.loader").file.is_file()


@pytest.fixture
def a_module(tmp_path, monkeypatch):
    """Write a module `one_loader` into the current folder, and give its name."""
    monkeypatch.chdir(tmp_path)

    def write(text: str) -> str:
        (tmp_path / "one_loader.py").write_text(text)
        return "loader:one_loader"

    return write


@pytest.mark.parametrize(
    ("text", "suffix", "fault"),
    [
        ("", "", "has no class ModelLoader: a loader is a class with load_model and load_inputs"),
        ("class ModelLoader: ...", ".py", "write loader:one_loader, without .py"),
        (
            "class Other:\n def load_model(self): ...\n def load_inputs(self): ...",
            "",
            "has no class ModelLoader; write loader:one_loader.Other",
        ),
    ],
)
def test_a_module_that_cannot_have_the_class_is_refused_before_it_is_imported(
    ttbench, a_module, text, suffix, fault
):
    name = a_module(text) + suffix
    for words in (("info", name), ("sweep", "-m", name, "--dry-run"), ("-m", name)):
        outcome = ttbench(*words)
        assert outcome.code == 2
        assert fault in outcome.complaint
    assert "one_loader" not in sys.modules


@pytest.mark.parametrize(
    "text",
    [
        "from acme import ModelLoader",
        "from acme import Loader as ModelLoader",
        "from acme import *",
        "import acme\nModelLoader = acme.Loader",
        "globals()['ModelLoader'] = 3",
        "def __getattr__(name): ...",
        "class ModelLoader(",
    ],
)
def test_a_module_that_may_come_to_have_the_class_is_not_refused_by_its_text(a_module, text):
    assert find_source(a_module(text)).value


def test_the_current_folder_comes_before_the_path_as_for_python_m(tmp_path, monkeypatch):
    for place in ("here", "path"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "one_loader.py").write_text("")
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.syspath_prepend(tmp_path / "path")
    assert find_loader("loader:one_loader").file.parent.name == "here"


def test_a_current_folder_that_was_removed_is_not_searched(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    monkeypatch.syspath_prepend(LOADERS)
    (tmp_path / "gone").rmdir()
    assert find_loader(f"{PACKAGE}.named.loader").file.is_file()


def test_a_package_with_a_file_is_taken_before_a_folder_without_one(tmp_path, monkeypatch):
    (tmp_path / "here" / "acme_mixed").mkdir(parents=True)
    (tmp_path / "path" / "acme_mixed").mkdir(parents=True)
    for name in ("__init__.py", "loader.py"):
        (tmp_path / "path" / "acme_mixed" / name).write_text("")
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.syspath_prepend(tmp_path / "path")
    assert find_loader("loader:acme_mixed.loader").file.parents[1].name == "path"


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("nowhere.loader", "there is no package 'nowhere'"),
        ("acme_loaders.nothing.loader", "acme_loaders has no 'nothing'"),
        ("acme_loaders.named", "it is a folder without __init__.py"),
    ],
)
def test_a_module_that_is_not_there_is_unknown_and_the_message_says_which_part(name, fault):
    with pytest.raises(UnknownNameError, match=f"{fault}; it is looked for in the current folder"):
        find_source(f"loader:{name}")


@pytest.mark.parametrize("name", ["", "a-b", "a..b", "../etc/passwd", "a/b"])
def test_what_is_no_dotted_name_is_refused(name):
    with pytest.raises(UnknownNameError, match=r"write loader:PACKAGE\.MODULE"):
        find_source(f"loader:{name}")


def test_variants_and_task_are_read_without_importing():
    builder = find_source(f"{PACKAGE}.named.loader").builder
    assert builder.configs == ("Small_v1", "acme/large")
    assert (builder.default_config, builder.task) == ("Small_v1", "nlp_qa")
    assert not [name for name in sys.modules if name.startswith("acme_loaders")]


def test_variants_that_are_computed_are_left_to_the_class():
    assert find_source(f"{PACKAGE}.single.loader").builder.configs == ()


@pytest.mark.parametrize(
    "body",
    [
        "_VARIANTS = {'a': 1, 'b': 2}\n    DEFAULT_VARIANT = list(_VARIANTS)[1]",
        "_VARIANTS = {'a': 1}\n    DEFAULT_VARIANT = 'a'\n    _VARIANTS['c'] = 3",
        "_VARIANTS = {'a': 1}\n    DEFAULT_VARIANT = 'a'\n    _VARIANTS |= {'c': 3}",
        "_VARIANTS = {'a': 1}\n    if True:\n        DEFAULT_VARIANT = 'a'",
        "_VARIANTS = {'a': 1}\n    DEFAULT_VARIANT = 'b'",
        "_VARIANTS = {'a': 1}\n    def query_available_variants(self): return {'b': 2}",
        "_VARIANTS = {'a': 1}\nModelLoader._VARIANTS['c'] = 3",
        "_VARIANTS = {'a': 1}\nModelLoader.DEFAULT_VARIANT = 'c'",
    ],
)
def test_variants_that_the_text_does_not_show_in_full_are_left_to_the_class(tmp_path, body):
    (tmp_path / "loader.py").write_text(f"class ModelLoader:\n    {body}\n")
    read = read_loader_file(tmp_path / "loader.py", "ModelLoader")
    assert (read.variants, read.default) == ((), None)


def test_a_default_that_a_base_may_have_is_left_to_the_class(tmp_path):
    file = tmp_path / "loader.py"
    file.write_text("class ModelLoader(Base):\n    _VARIANTS = {'a': 1, 'b': 2}\n")
    assert read_loader_file(file, "ModelLoader").variants == ()
    file.write_text(file.read_text() + "    DEFAULT_VARIANT = 'b'\n")
    read = read_loader_file(file, "ModelLoader")
    assert (read.variants, read.default) == (("a", "b"), "b")


def test_a_table_without_a_default_is_read_where_no_base_may_have_one(tmp_path):
    file = tmp_path / "loader.py"
    file.write_text(
        "class ModelLoader:\n    _VARIANTS = {'a': 1, 'b': 2}\n    DEFAULT_VARIANT = None\n"
    )
    read = read_loader_file(file, "ModelLoader")
    assert (read.variants, read.default) == (("a", "b"), None)


def test_a_file_that_does_not_parse_says_nothing(tmp_path):
    (tmp_path / "loader.py").write_text("class ModelLoader(:")
    assert read_loader_file(tmp_path / "loader.py", "ModelLoader") is None


@pytest.mark.parametrize(
    ("call", "runs"),
    [
        ("torch.hub.load('acme/net', 'net')", True),
        ("torch.hub.load('acme/net', 'net', source='github')", True),
        ("hub.load('acme/net', 'net')", True),
        ("torch.hub.load('net', 'net', source='local')", False),
        ("yaml.load('net')", False),
        ("tensorflow_hub.load('net')", False),
    ],
)
def test_code_of_a_repository_that_torch_hub_runs_is_read(tmp_path, call, runs):
    file = tmp_path / "loader.py"
    file.write_text(f"class ModelLoader:\n    def load_model(self): return {call}\n")
    assert read_loader_file(file, "ModelLoader").runs_hub_code is runs


def test_two_classes_of_one_name_are_ambiguous():
    with pytest.raises(AmbiguousNameError, match=r"2 classes ModelLoader \(lines 4, 7\)"):
        find_source(f"{PACKAGE}.twice.loader")


def test_a_loader_for_another_framework_is_refused_without_importing_it():
    builder = find_source(f"{PACKAGE}.jaxed.loader").builder
    with pytest.raises(UnsupportedOptionError, match="is a loader for jax"):
        builder()


def test_a_loader_does_not_train():
    with pytest.raises(UnsupportedOptionError, match=r"gives no targets and no loss; leave out -t"):
        find_source(f"{PACKAGE}.named.loader").builder(training=True)


def test_a_folder_of_loaders_lists_them_without_importing_any():
    models = {one.name: one for one in LoaderFolder("acme_loaders").models()}
    assert models["named"].configs == ("Small_v1", "acme/large")
    assert models["hub.pytorch"].task == "cv_image_cls"
    assert "other" not in models
    assert not [name for name in sys.modules if name.startswith("acme_loaders")]


def test_a_folder_leaves_out_loaders_for_other_frameworks():
    names = {one.name for one in LoaderFolder("acme_loaders").models()}
    assert not {"jaxed", "words.jax"} & names


def test_a_folder_of_loaders_is_a_zoo_of_a_pack_by_one_line(fake_pack):
    line = (
        "import functools\nfrom ttbench_core.models.loaders.folder import LoaderFolder\n"
        "zoo = functools.partial(LoaderFolder, 'acme_loaders')\n"
    )
    fake_pack("acme-forge", "[ttbench.zoos]\nall = acme_forge:zoo\n", acme_forge=line)
    found = find_model("acme-forge:named")
    assert found.builder.configs == ("Small_v1", "acme/large")
    listed = [one for one in installed_models() if one.pack == "acme-forge"]
    assert {one.error for one in listed} == {None}
    assert "hub.pytorch" in {one.name for one in listed}


def test_a_zoo_whose_folder_is_not_here_says_so(fake_pack, tmp_path, monkeypatch):
    line = (
        "import functools\nfrom ttbench_core.models.loaders.folder import LoaderFolder\n"
        "zoo = functools.partial(LoaderFolder, 'acme_loaders')\n"
    )
    fake_pack("acme-forge", "[ttbench.zoos]\nall = acme_forge:zoo\n", acme_forge=line)
    monkeypatch.chdir(tmp_path)
    (broken,) = [one for one in installed_models() if one.pack == "acme-forge"]
    assert "there is no package 'acme_loaders'" in broken.error


def test_a_package_is_found_without_importing_its_parents():
    assert find_package("acme_loaders.hub.pytorch").name == "pytorch"
    assert "acme_loaders" not in sys.modules


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ConnectionError("no route"), "wants files of the network"),
        (OSError("We couldn't connect to 'https://huggingface.co'"), "--weights FOLDER"),
        (EOFError("EOF when reading a line"), "asks a question on the terminal"),
        (ModuleNotFoundError("no", name="cv2"), "needs the Python module 'cv2'"),
        (ModuleNotFoundError("no", name="timm.models"), "does not fit the installed torch"),
        (ImportError("cannot import name 'x'"), "cannot be imported: ImportError: cannot import"),
    ],
)
def test_what_a_loader_lacks_is_one_line_with_the_remedy(error, says):
    found = find_loader(f"{PACKAGE}.named.loader")
    with pytest.raises(LoaderError) as caught, failures_named(found, "its load_model"):
        raise error
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_network_error_is_found_behind_the_error_of_a_loader():
    found = find_loader(f"{PACKAGE}.named.loader")
    failed = RuntimeError("Failed to download")
    failed.__context__ = ConnectionError("no route")
    with pytest.raises(LoaderError, match="of the network"), failures_named(found, "it"):
        raise failed


def test_a_time_limit_is_of_the_network_where_its_libraries_raise_it(monkeypatch):
    found = find_loader(f"{PACKAGE}.named.loader")

    def never(*_):
        raise TimeoutError("timed out")

    monkeypatch.setattr(socket, "getaddrinfo", never)
    with pytest.raises(LoaderError, match="of the network"), failures_named(found, "it"):
        socket.create_connection(("hub.invalid", 443))


@pytest.mark.parametrize("kind", [TimeoutError, BrokenPipeError, ConnectionResetError])
def test_a_time_limit_or_pipe_of_a_loader_itself_is_not_of_the_network(kind):
    found = find_loader(f"{PACKAGE}.named.loader")
    with pytest.raises(kind, match="a worker"), failures_named(found, "it"):
        raise kind("a worker did not answer")


def test_a_missing_module_is_of_the_folder_of_a_loader_by_its_whole_name(tmp_path):
    found = Found("transformers_zoo.loader", "ModelLoader", tmp_path / "loader.py")
    missing = ModuleNotFoundError("no", name="transformers")
    with pytest.raises(LoaderError, match="install it, or name"), failures_named(found, "it"):
        raise missing
    missing = ModuleNotFoundError("no", name="transformers_zoo.base")
    with pytest.raises(LoaderError, match="its folder lacks"), failures_named(found, "it"):
        raise missing


@pytest.fixture
def two_of_one_name(tmp_path, monkeypatch):
    """Write the module of a loader into two folders; the current one is behind on the path."""
    text = "class ModelLoader:\n    def load_model(self): ...\n    def load_inputs(self): ...\n"
    for place in ("here", "other"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "acme_loaders.py").write_text(f"{text}    place = {place!r}\n")
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.syspath_prepend(tmp_path / "here")
    monkeypatch.syspath_prepend(tmp_path / "other")
    return tmp_path


def test_the_current_folder_comes_first_also_where_the_path_has_it_behind(two_of_one_name):
    assert import_loader(find_loader("loader:acme_loaders")).place == "here"


def test_a_module_that_was_imported_from_another_file_is_refused(two_of_one_name):
    importlib.import_module("acme_loaders")
    with pytest.raises(LoaderError, match=r"is imported from .*other.acme_loaders\.py") as caught:
        import_loader(find_loader("loader:acme_loaders"))
    assert "\n" not in str(caught.value)


def test_any_other_error_of_a_loader_passes():
    found = find_loader(f"{PACKAGE}.named.loader")
    with pytest.raises(ValueError, match="its own"), failures_named(found, "it"):
        raise ValueError("its own")


def test_a_gated_model_says_how_to_get_in():
    class GatedRepoError(ConnectionError):
        pass

    found = find_loader(f"{PACKAGE}.named.loader")
    with pytest.raises(LoaderError, match="hf auth login"), failures_named(found, "it"):
        raise GatedRepoError("gated")


def test_the_core_finds_loaders_without_torch():
    code = (
        "import sys; from ttbench_core.models.source import find_source;"
        f"find_source('{PACKAGE}.named.loader'); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
