"""What the page of a sweep costs: seconds to make it and to open it in Chromium, and its bytes.

    python benchmarks/report_page.py [--models 10] [--engines 5] [--sizes 5] [--records 3]
        [--keep FOLDER]

Makes up the records of a sweep over models, engines, two formats and microbatches, writes the
report, and opens it in a headless Chromium without a network. Opening ends when every chart that
is not folded is drawn. Prints what the console said as well. Needs `playwright` and a Chromium.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

from ttbench_core.results.report import write_report

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))
from sweeps import sweep

NAMES = ("chromium", "chromium-browser", "google-chrome")


def opened(file: Path) -> tuple[float, float, list[str]]:
    """Open a page; gives the seconds until it is drawn, those of the folded part, and messages."""
    from playwright.sync_api import sync_playwright

    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        raise SystemExit(f"there is no {' or '.join(NAMES)}")
    messages: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_context(offline=True).new_page()
        page.on("console", lambda message: messages.append(message.text))
        page.on("pageerror", lambda error: messages.append(str(error)))
        start = time.perf_counter()
        page.goto(file.as_uri())
        page.wait_for_selector("html[data-drawn]", timeout=120_000)
        drawn_s = time.perf_counter() - start
        start = time.perf_counter()
        page.click("details.rest > summary")
        page.wait_for_function(
            "[...document.querySelectorAll('.chart')].every(one => one.dataset.drawn)",
            timeout=120_000,
        )
        rest_s = time.perf_counter() - start
        browser.close()
    return drawn_s, rest_s, messages


def main(given: argparse.Namespace) -> None:
    """Print a line for each figure."""
    runs = list(sweep(given.models, given.engines, given.sizes, given.records))
    cells = given.models * given.engines * 2 * given.sizes
    with tempfile.TemporaryDirectory() as place:
        folder = Path(given.keep or place)
        folder.mkdir(parents=True, exist_ok=True)
        start = time.perf_counter()
        file = write_report(runs, folder / "answer.html").absolute()
        made_s = time.perf_counter() - start
        drawn_s, rest_s, messages = opened(file)
        size = file.stat().st_size
    print(f"{cells} cells of {len(runs)} records")
    print(f"made in       {made_s:6.2f} s")
    print(f"size          {size:,} bytes")
    print(f"opened in     {drawn_s:6.2f} s")
    print(f"unfolded in   {rest_s:6.2f} s")
    print(f"console       {messages or 'silent'}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=int, default=10)
    parser.add_argument("--engines", type=int, default=5)
    parser.add_argument("--sizes", type=int, default=5)
    parser.add_argument("--records", type=int, default=3)
    parser.add_argument("--keep", help="folder to leave the page in")
    main(parser.parse_args())
