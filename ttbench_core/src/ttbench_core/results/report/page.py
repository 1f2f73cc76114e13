"""A report as one self-contained HTML page.

Values of records are escaped by the template, or are JSON in a block that browsers do not run.
The policy of the page allows two scripts, by their hashes, and no access to a network.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from collections.abc import Mapping
from importlib import resources
from typing import Any, Final

import altair as alt
import jinja2
import vl_convert
from markupsafe import Markup

from ttbench_core.results.report.answer_sections import answer_sections
from ttbench_core.results.report.page_elements import Section
from ttbench_core.results.report.report_data import ReportData
from ttbench_core.results.report.sections import COMPARISON, sections_of

__all__ = ["as_page"]

_TEMPLATES: Final = "templates"
#: Escapes that keep `</script>` and `<!--` out of JSON without changing its value.
_JSON_ESCAPES: Final = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})
#: Makes the function of the bundle available to the script of the page.
_SNIPPET: Final = "window.vegaEmbed = vegaEmbed;"


def as_page(data: ReportData, title: str) -> str:
    """Return the page as text."""
    answer = [] if data.answer is None else list(answer_sections(data.answer))
    rest = list(sections_of(data))
    # what was asked for by name stays open, above what is folded
    shown = [*answer, *(one for one in rest if one.name == COMPARISON)] if answer else rest
    folded = [one for one in rest if one not in shown]
    sections = [*shown, *folded]
    scripts = (_library(), _asset("report.js"))
    return _template().render(
        title=title,
        shown=shown,
        folded=folded,
        specs=Markup(_specs_json(sections)),  # noqa: S704 - escaped for its context
        style=Markup(_asset("report.css")),  # noqa: S704 - our own
        scripts=[Markup(one) for one in scripts],  # noqa: S704 - our own, and the library's
        policy=_policy(scripts),
    )


@functools.cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=jinja2.FunctionLoader(_asset),
    )
    return environment.get_template("report.html.j2")


def _asset(name: str) -> str:
    folder = resources.files("ttbench_core.results.report").joinpath(_TEMPLATES)
    return folder.joinpath(name).read_text(encoding="utf-8")


@functools.cache
def _library() -> str:
    """Return Vega, Vega-Lite and Vega-Embed as one script."""
    version = ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])
    bundle = str(vl_convert.javascript_bundle(_SNIPPET, version))
    # only these two end a script or change how it is parsed
    return bundle.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _policy(scripts: tuple[str, ...]) -> str:
    hashes = " ".join(f"'sha256-{_sha256(one)}'" for one in scripts)
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:;"
        " base-uri 'none'; form-action 'none'"
    )


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def _specs_json(sections: list[Section]) -> str:
    specs: Mapping[str, Any] = {
        one.name: {**one.spec, "description": one.description}
        for section in sections
        for one in section.figures
    }
    text = json.dumps(specs, allow_nan=False, separators=(",", ":"))
    return text.translate(_JSON_ESCAPES)
