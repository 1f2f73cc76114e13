"""`docs/results.md` documents every key of a record and every column; links between pages work."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest

from ttbench_core.plugins.registry import SINKS, discover
from ttbench_core.record.result import Result
from ttbench_core.record.tables.columns import COLUMNS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("*/README.md")])


def table(heading: str) -> list[list[str]]:
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0].split("\n# ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def anchors(page: Path) -> set[str]:
    """Give the anchors of a page's headings, as GitHub makes them."""
    text = re.sub(
        r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE
    )
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}


def names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_every_key_of_a_record_is_documented_and_no_other():
    documented = [
        name
        for heading in ("Keys of the original script", "Keys of ttbench")
        for row in table(heading)
        for name in names(row[0])
    ]
    assert sorted(documented) == sorted(one.name for one in dataclasses.fields(Result))


def test_every_column_is_documented_with_its_type_path_and_meaning():
    rows = {names(row[0])[0]: row[1:] for row in table("Columns")}
    assert list(rows) == [one.name for one in COLUMNS]
    for one in COLUMNS:
        kind, path, description = rows[one.name]
        assert kind == one.kind.__name__
        assert names(path) == ["/".join(map(str, steps)) for steps in one.paths]
        assert description == one.description


def test_every_sink_is_documented():
    documented = " ".join(names(" ".join(row[0] for row in table("Where they go"))))
    for sink in discover(SINKS):
        if sink.pack == "ttbench-core":
            assert f".{sink.name}" in documented or f"{sink.name}:" in documented, sink.name


#: Keys whose own keys are options, names of software or what an engine reports about itself.
FREE_FORM = {"args", "requested", "versions", "environment", "effective"}
#: Keys that are documented as having the same keys as another one.
SAME_KEYS = {"output_interval": "latency"}


def test_every_key_inside_a_key_is_documented(ttbench, fake_engine, tmp_path):
    path = tmp_path / "perf.json"
    ttbench("-m", "steady", "--backend", "fake", "--processes", 3, "--passes", 3, "-o", path)
    (record,) = json.loads(path.read_text())
    documented = {name: row[1] for row in table("Keys of ttbench") for name in names(row[0])}
    for key, value in record.items():
        inner = value[0] if isinstance(value, list) and value else value
        if isinstance(inner, dict) and key not in FREE_FORM:
            missing = set(inner) - set(names(documented[SAME_KEYS.get(key, key)]))
            assert not missing, (key, missing)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_of_a_page_leads_somewhere(page):
    links = re.findall(r"\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]+))?\)", page.read_text(encoding="utf-8"))
    for path, anchor in links:
        target = page.parent / path if path else page
        assert target.exists(), path
        assert not anchor or anchor in anchors(target), f"{path}#{anchor}"
