"""Reports: results of any number as one page that opens from disk, or as Markdown.

    from ttbench_core.results.report import write_report

    write_report(load("perf.json"), "report.html", baseline=load("old.json"))

`collecting` reads the results in one pass into plain values (`report_data`); `sections` turns them
into figures and tables, which `page` and `markdown` write. The page needs
`pip install 'ttbench-core[report]'`, Markdown nothing.
"""

from __future__ import annotations

from ttbench_core.results.report.writing import (
    FORMATS,
    ReportError,
    format_of,
    merge_by_time,
    report_text,
    write_report,
)

__all__ = ["FORMATS", "ReportError", "format_of", "merge_by_time", "report_text", "write_report"]
