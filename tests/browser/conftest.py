"""A headless Chromium for the page of a report, and what it did on its own."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
#: Whether every chart is drawn, those that were folded too.
DRAWN = "[...document.querySelectorAll('.chart')].every(one => one.dataset.drawn)"


@dataclass
class Opened:
    """A page, with every request, message and error that it caused."""

    page: object
    requests: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)


def _lacking(reason):
    if os.environ.get("TTBENCH_REQUIRE_BROWSER"):
        pytest.fail(f"TTBENCH_REQUIRE_BROWSER is set, but {reason}", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def chromium():
    """A browser, or a skip that says what there is not."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        _lacking(f"there is no {' or '.join(_NAMES)}")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _lacking("playwright is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(_QUIET))
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium):
    """Open a file without a network, and wait until its charts are drawn.

    What is folded below an answer is opened unless that is asked not to be.
    """
    contexts = []

    def opened(file, *, width=1280, scheme="light", unfold=True):
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True
        )
        contexts.append(context)
        page = context.new_page()
        one = Opened(page)
        page.on("request", lambda request: one.requests.append(request.url))
        page.on("console", lambda message: one.messages.append(message.text))
        page.on("pageerror", lambda error: one.messages.append(str(error)))
        page.on("dialog", lambda dialog: one.messages.append(dialog.message))
        page.goto(Path(file).as_uri())
        page.wait_for_selector("html[data-drawn]", timeout=60_000)
        if unfold and page.locator("details.rest").count():
            page.click("details.rest > summary")
            page.wait_for_function(DRAWN, timeout=60_000)
        return one

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def artifacts(tmp_path_factory):
    """Where pictures are kept."""
    asked = os.environ.get("TTBENCH_ARTIFACTS")
    folder = Path(asked) if asked else tmp_path_factory.mktemp("artifacts")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
