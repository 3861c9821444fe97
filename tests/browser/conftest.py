"""The console in Chromium, over the alerts of the sample day; without a Chromium, tests are skipped and say so."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect, sync_playwright

from tests.waiting_harness import PATIENCE_SECONDS

MISSING = "there is no Chromium: install one, or name it in CHROMIUM"
CASE = re.compile(r"/case\?id=")
ROOT = Path(__file__).parents[2]
SWITCHES = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
PATIENCE = 120_000.0
"""Milliseconds that a page may take; the machine may be busy."""
expect.set_options(timeout=PATIENCE)


@dataclass
class Desk:
    """A browser that is inside a console, and what went wrong in it."""

    browser: Browser
    context: BrowserContext
    origin: str
    problems: list[str] = field(default_factory=list)
    """Refusals of the browser, errors of scripts, and requests that went elsewhere."""

    def tab(self, **options: object) -> Page:
        """Open a tab, in a context of its own if it is to be another screen, with the cookie of the first."""
        context = self.context
        if options:
            context = self.browser.new_context(**options)  # pyright: ignore[reportArgumentType]
            context.add_cookies(self.context.cookies())  # pyright: ignore[reportArgumentType]
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda said: self.problems.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.problems.append(error.message))
        page.on("request", self._watch)
        return page

    def _watch(self, asked: Request) -> None:
        if not asked.url.startswith(self.origin):
            self.problems.append(f"asks {asked.url}")


def chromium_path() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The machine's own; CI says that it has to be there, and everybody else may do without."""
    path = chromium_path()
    if path is None:
        if os.environ.get("FRAUDSTREAM_BROWSER_TESTS") == "required":
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=SWITCHES)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def desk(chromium: Browser) -> Iterator[Desk]:
    """A console over the sample day, entered by its link."""
    with example(chromium) as made:
        yield made


@pytest.fixture(scope="module")
def strict(chromium: Browser) -> Iterator[Desk]:
    """The same where labels and lists need two people, of whom one has begun."""
    with example(chromium, "--two-people") as made:
        yield made


@pytest.fixture
def tab(desk: Desk) -> Iterator[Page]:
    page = desk.tab()
    yield page
    page.close()
    assert desk.problems == []


def open_first(page: Page, desk: Desk, query: str = "?who=nobody") -> str:
    """Open the first case of the queue, and give its transaction's id."""
    page.goto(f"{desk.origin}/queue{query}")
    page.locator("table.rows tbody tr th a").first.click()
    page.wait_for_url(CASE)
    return page.locator("main p code").first.inner_text()


def ready(page: Page) -> None:
    """Wait until the page has run its scripts: what they do, a test may not ask for as soon as it sees the page."""
    page.wait_for_load_state("load")


@contextmanager
def example(chromium: Browser, *options: str) -> Iterator[Desk]:
    """Serve the console of `accessibility.console_example` until the block ends."""
    command = [sys.executable, "-m", "accessibility.console_example", *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as served:
        try:
            assert served.stdout is not None
            link = served.stdout.readline().strip()
            assert link.startswith("http://127.0.0.1:"), "the console did not start"
            parts = urlsplit(link)
            made = Desk(chromium, chromium.new_context(), f"{parts.scheme}://{parts.netloc}")
            page = made.tab()
            page.goto(link)
            page.wait_for_url(f"{made.origin}/")
            page.close()
            yield made
        finally:
            served.send_signal(signal.SIGINT)
            served.wait(PATIENCE_SECONDS)
