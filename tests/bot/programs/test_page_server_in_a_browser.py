"""The public page in a real browser: by keyboard, on a phone, in dark mode."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.knowledge.page import harbour, hostile_notes
from tests.knowledge.page.made_sites import published, site
from tests.processes import interruptible

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[3]
ADDRESS = re.compile(r"http://\S+/")
BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
# A machine that has other things to do.
MILLISECONDS = 60_000
# A phone in the dark, and a computer in daylight.
SCREENS = pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
# What is there for everybody, before search is used.
MOST_BYTES = 100_000


@dataclass
class Visit:
    """A page in a browser, with its console messages and requests."""

    page: Page
    address: str
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def go(self, path: str) -> None:
        self.page.goto(self.address + path, wait_until="load")

    def search(self, words: str) -> None:
        self.page.keyboard.press("/")
        expect(self.page.get_by_role("searchbox")).to_be_focused()
        self.page.keyboard.press("ControlOrMeta+A")
        self.page.keyboard.type(words)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a served page with a club's notes and hostile notes."""
    if BROWSER is None:
        pytest.skip("There is no chromium, chromium-browser or google-chrome on this machine.")
    folder = tmp_path_factory.mktemp("page") / "www"
    made = site(*harbour.notes(), *hostile_notes.notes(100), name="Har<b>bour</b>", base_url="")
    published(made, folder)
    process = subprocess.Popen(
        [sys.executable, "-m", "bot", "dev", "serve", "--page", str(folder), "--port", "0"],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=interruptible,
    )
    assert process.stderr is not None
    found = ADDRESS.search(process.stderr.readline())
    try:
        assert found is not None
        yield found[0]
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
        process.stderr.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=BROWSER, args=[*root, "--disable-gpu"])
        yield opened
        opened.close()


def visit(browser: Browser, address: str, width: int = 1280, scheme: str = "light") -> Visit:
    context = browser.new_context(
        viewport={"width": width, "height": 800},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page = context.new_page()
    page.set_default_timeout(MILLISECONDS)
    expect.set_options(timeout=MILLISECONDS)
    made = Visit(page, address)
    page.on("console", lambda message: made.said.append(message.text))
    page.on("pageerror", lambda error: made.said.append(str(error)))
    page.on("dialog", lambda dialog: made.said.append(dialog.message))
    page.on("request", lambda request: made.asked.append(request.url))
    return made


@SCREENS
def test_each_question_finds_its_note(
    browser: Browser, address: str, width: int, scheme: str
) -> None:
    visited = visit(browser, address, width, scheme)
    visited.go("")
    for question, title in harbour.QUESTIONS.items():
        visited.search(question)
        expect(visited.page.locator("#results a").first).to_have_text(title)
    visited.page.keyboard.press("ArrowDown")
    expect(visited.page.locator("#results a").first).to_be_focused()
    visited.page.keyboard.press("Enter")
    expect(visited.page.get_by_role("heading", level=1)).to_have_text(title)
    assert visited.said == []
    assert [one for one in visited.asked if not one.startswith(address)] == []


def test_escape_empties_an_empty_search(browser: Browser, address: str) -> None:
    visited = visit(browser, address)
    visited.go("")
    visited.search("zzyzx")
    form = visited.page.locator("#search")
    expect(visited.page.get_by_role("status")).to_have_text(form.get_attribute("data-none") or "")
    visited.page.keyboard.press("Escape")
    expect(visited.page.get_by_role("searchbox")).to_have_value("")
    expect(visited.page.get_by_role("status")).to_be_empty()


@SCREENS
def test_axe_finds_no_accessibility_violation(
    browser: Browser, address: str, width: int, scheme: str
) -> None:
    visited = visit(browser, address, width, scheme)
    for path in ("", "newest/", "asked/", "tags/", "tags/safety/", "notes/5/", "notes/2/", "no/"):
        visited.go(path)
        if path == "notes/5/":
            visited.search("wind")
            expect(visited.page.locator("#results a").first).to_be_visible()
        found = Axe().run(visited.page).response["violations"]
        assert [(one["id"], one["nodes"][0]["html"]) for one in found] == [], path


def test_nothing_of_hostile_notes_runs_or_leaves_its_place(browser: Browser, address: str) -> None:
    visited = visit(browser, address, width=390)
    for number in range(len(hostile_notes.TEXTS)):
        visited.go(f"notes/{101 + number}/")
        assert visited.page.title() != "taken"
        assert visited.page.locator("body > *").count() == 4
        assert visited.page.locator("h1").count() == 1
        assert visited.page.evaluate("document.documentElement.scrollWidth") <= 390, number
    visited.search("taken")
    expect(visited.page.locator("#results a").first).to_be_visible()
    assert visited.page.locator("#results").locator("script, img, svg").count() == 0
    assert visited.page.title() != "taken"
    assert visited.said == []
    assert [one for one in visited.asked if not one.startswith(address)] == []


def test_a_page_is_small_until_searched(browser: Browser, address: str) -> None:
    visited = visit(browser, address)
    for path in ("", "notes/5/"):
        visited.go(path)
        sizes = visited.page.evaluate(
            "['navigation', 'resource'].flatMap((kind) => performance.getEntriesByType(kind))"
            ".map((entry) => entry.transferSize)"
        )
        assert 0 < sum(sizes) < MOST_BYTES


def test_all_can_be_read_without_scripts(browser: Browser, address: str) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(address)
    expect(page.get_by_role("search")).to_be_hidden()
    page.get_by_role("link", name="Membership fees").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Membership fees")


def test_the_first_tab_stop_skips_to_the_text(browser: Browser, address: str) -> None:
    visited = visit(browser, address)
    visited.go("notes/5/")
    visited.page.keyboard.press("Tab")
    visited.page.keyboard.press("Enter")
    expect(visited.page.get_by_role("main")).to_be_focused()
