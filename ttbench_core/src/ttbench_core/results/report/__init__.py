"""Reports: results of any number as one page that opens from disk, or as Markdown.

    from ttbench_core.results.report import write_report

    write_report(load("perf.json"), "report.html", baseline=load("old.json"))

The facts are taken in one pass (`gathering`) and held as plain values (`facts`); `sections`
makes figures and tables of them, which `page` and `markdown` write. The page needs
`pip install 'ttbench-core[report]'`, Markdown nothing.
"""

from __future__ import annotations

from ttbench_core.results.report.writing import (
    FORMATS,
    ReportError,
    format_of,
    in_time,
    report_text,
    write_report,
)

__all__ = ["FORMATS", "ReportError", "format_of", "in_time", "report_text", "write_report"]
