"""Writing a report of results to a file: its format and its text."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from ttbench_core.errors import RequestError, TargetError
from ttbench_core.record.result import Result
from ttbench_core.results.answer import AnswerOptions
from ttbench_core.results.report.collecting import collect
from ttbench_core.results.report.report_data import ReportData
from ttbench_core.sinks.files import replace_file
from ttbench_core.sinks.locking import exclusive_lock
from ttbench_core.sinks.optional_libraries import import_library
from ttbench_core.sinks.target_checks import check_file, error_reason
from ttbench_core.sinks.targets import require_file_name

__all__ = ["FORMATS", "ReportError", "format_of", "merge_by_time", "report_text", "write_report"]

HTML: Final = "html"
MARKDOWN: Final = "markdown"
FORMATS: Final = (HTML, MARKDOWN)
_HTML_SUFFIXES: Final = (".html", ".htm")
_MARKDOWN_SUFFIXES: Final = (".md", ".markdown")
#: Suffixes of results, which a report must not overwrite by mistake.
_RESULTS_SUFFIXES: Final = (".json", ".jsonl", ".csv", ".parquet", ".db", ".sqlite")
#: How files begin that a report may overwrite.
_REPORT_STARTS: Final = (b"<!doctype html", b"#")
_START_BYTES: Final = 64
_MAX_SORTED: Final = 5000
_LIBRARIES: Final = ("altair", "jinja2", "vl_convert")
_TITLE: Final = "Benchmark report"


class ReportError(RequestError):
    """A report cannot be made or written."""


def write_report(
    results: Iterable[Result],
    path: str | Path,
    *,
    baseline: Iterable[Result] | None = None,
    title: str | None = None,
    format: str | None = None,  # noqa: A002 - what the flag is called
    asked: AnswerOptions | None = None,
) -> Path:
    """Write a report of results to a file; returns its path.

    Args:
        results: in the order of time; they are read once and need not fit in memory.
        path: the file, which is replaced in one step.
        baseline: results to compare with.
        title: of the page.
        format: `html` or `markdown`; if not given, Markdown for `.md` and `.markdown`, else HTML.
        asked: the baseline and the prices of the answer, if these are not the usual.

    Raises `ReportError` if a library is missing or the file cannot be written, `TargetError` for
    a URL, and the errors of reading the results.
    """
    require_file_name(path, "report.html")
    chosen = format_of(path, format)
    _require_writable(Path(path))
    text = report_text(results, baseline=baseline, title=title, format=chosen, asked=asked)
    # a name may contain surrogates, which UTF-8 cannot encode
    content = text.encode("utf-8", "backslashreplace")
    try:
        with exclusive_lock(Path(path)) as real:
            replace_file(real, content)
    except (OSError, TargetError, ValueError) as error:
        raise ReportError(f"cannot write the report to {path}: {error_reason(error)}") from error
    return Path(path)


def report_text(
    results: Iterable[Result],
    *,
    baseline: Iterable[Result] | None = None,
    title: str | None = None,
    format: str = HTML,  # noqa: A002 - see `write_report`
    asked: AnswerOptions | None = None,
) -> str:
    """Return a report as text; see `write_report`."""
    if format == MARKDOWN:
        from ttbench_core.results.report.markdown import as_markdown

        data = collect(results, baseline, asked)
        return as_markdown(data, title or _title_of(data))
    _check_libraries()
    from ttbench_core.results.report.page import as_page

    data = collect(results, baseline, asked)
    return as_page(data, title or _title_of(data))


def format_of(path: str | Path | None, requested: str | None) -> str:
    """Return the requested format, or else the format of the suffix of the file."""
    suffix = "" if path is None else Path(path).suffix.lower()
    if suffix in _RESULTS_SUFFIXES:
        raise ReportError(f"{path} is a name for results: name the report .html or .md")
    if requested is None and suffix not in ("", *_HTML_SUFFIXES, *_MARKDOWN_SUFFIXES):
        raise ReportError(f"{path}: a report is .html or .md; or say --format")
    if requested is not None:
        if requested not in FORMATS:
            raise ReportError(f"a report is {' or '.join(FORMATS)}, not {requested!r}")
        return requested
    return MARKDOWN if suffix in _MARKDOWN_SUFFIXES else HTML


def merge_by_time(sources: Iterable[Iterator[Result]]) -> Iterator[Result]:
    """Merge results of several sources in the order of time; duplicates are dropped.

    The first 5,000 results of a source are sorted; the others must be in order, as they are if
    they were appended.
    """
    seen: set[str] = set()
    for result in heapq.merge(*map(_sorted, sources), key=_start_time):
        if not result.run_id or result.run_id not in seen:
            seen.add(result.run_id)
            yield result


def _title_of(data: ReportData) -> str:
    sweeps = data.answer.sweeps if data.answer else ()
    return f"{_TITLE}: {', '.join(sweeps)}" if sweeps else _TITLE


def _sorted(source: Iterator[Result]) -> Iterator[Result]:
    yield from sorted(itertools.islice(source, _MAX_SORTED), key=_start_time)
    yield from source


def _start_time(result: Result) -> str:
    return str(result.started_at)


def _require_writable(path: Path) -> None:
    """Raise `ReportError` for a path that cannot be written, before results are read."""
    try:
        check_file(path.absolute())
        with path.open("rb") as file:
            start = file.read(_START_BYTES).lstrip().lower()
    except FileNotFoundError:
        return
    except (OSError, TargetError, ValueError) as error:
        reason = error_reason(error).replace("write results to", "write the report to")
        raise ReportError(f"{path} cannot be a report: {reason}") from error
    if start and not start.startswith(_REPORT_STARTS):
        raise ReportError(f"{path} is there and is no report: name another file with -o")


def _check_libraries() -> None:
    try:
        for name in _LIBRARIES:
            import_library(name, extra="report")
    except TargetError as error:
        raise ReportError(
            f"cannot make an HTML report: {error}; or use --format markdown"
        ) from error
