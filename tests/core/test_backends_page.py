"""`docs/backends.md` has the whole contract of a backend, and the code of its example."""

from __future__ import annotations

import dataclasses
import inspect
import re
from pathlib import Path

import pytest

from ttbench_core.backends import helpers, protocol
from ttbench_core.errors import DeviceError, OptionError, SessionError, UnsupportedOptionError

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "backends.md").read_text(encoding="utf-8")
EXAMPLE = ROOT / "examples" / "ttbench_backend_toy"
VALUES = ["Availability", "Device", "Capabilities", "EngineFormat", "CompileOptions", "Peak"]


def rows(heading: str, first_cell: str) -> list[list[str]]:
    """The rows of the table under a heading whose first column has this title."""
    section = re.split(r"^#+ ", PAGE.split(f"# {heading}\n")[1], flags=re.MULTILINE)[0]
    table = section.split(f"| {first_cell} |")[1].split("\n\n")[0]
    lines = [line for line in table.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]


def names(heading: str, first_cell: str) -> list[str]:
    return [re.findall(r"`(\w+)", row[0])[0] for row in rows(heading, first_cell)]


def members(kind: type) -> list[str]:
    return [name for name in vars(kind) if not name.startswith("_")]


@pytest.mark.parametrize("value", VALUES)
def test_every_field_is_documented_in_its_order_with_its_default(value):
    fields = dataclasses.fields(getattr(protocol, value))
    assert names(value, "field") == [field.name for field in fields]
    for field, (_, default, *_) in zip(fields, rows(value, "field"), strict=True):
        is_required = field.default is field.default_factory is dataclasses.MISSING
        assert is_required == (default == ""), field.name
        if default.startswith("`"):
            made = (
                field.default_factory() if field.default is dataclasses.MISSING else field.default
            )
            assert default == f"`{made!r}`".replace("'", '"'), field.name


def test_every_parameter_of_an_option_is_documented():
    parameters = inspect.signature(protocol.engine_option).parameters
    assert names("engine_option", "parameter") == list(parameters)
    roles = [row[0] for row in rows("engine_option", "role")]
    assert roles == [f"`OptionRole.{role.name}`" for role in protocol.OptionRole]


def test_every_member_of_a_backend_and_a_session_is_documented():
    assert names("The backend", "member") == members(protocol.Backend)
    assert names("The session", "member") == members(protocol.Session)


def test_every_optional_protocol_is_documented_with_its_method():
    section = PAGE.split("## Optional protocols")[1].split("\n#")[0]
    found = re.findall(r"^\| (?:backend|session) \| `(\w+).*?\| `(\w+)`", section, re.MULTILINE)
    documented = {name: method for method, name in found}
    optional = [name for name in protocol.__all__ if name.endswith(("Backend", "Session"))]
    assert set(documented) == set(optional) - {"Backend", "Session"}
    for name, method in documented.items():
        assert members(getattr(protocol, name)) == [method]


def test_every_helper_is_documented():
    section = PAGE.split("## Helpers")[1].split("\n#")[0]
    documented = {name for line in section.splitlines() for name in re.findall(r"`(\w+)", line)}
    assert set(helpers.__all__) <= documented


def test_the_errors_that_a_backend_raises_are_documented():
    section = PAGE.split("## Errors")[1].split("\n#")[0]
    for error in (DeviceError, OptionError, SessionError, UnsupportedOptionError):
        assert f"`{error.__name__}`" in section


@pytest.mark.parametrize(
    "file", ["src/ttbench_backend_toy/__init__.py", "pyproject.toml", "tests/test_toy.py"]
)
def test_the_page_shows_the_code_of_its_example(file):
    assert f"\n{(EXAMPLE / file).read_text(encoding='utf-8').strip()}\n```" in PAGE


def test_the_page_is_linked_from_where_authors_look():
    for page in ("README.md", "docs/architecture.md", "examples/ttbench_backend_toy/README.md"):
        assert "backends.md" in (ROOT / page).read_text(encoding="utf-8"), page
