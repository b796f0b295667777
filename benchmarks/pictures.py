"""Screenshots for the documents: an answer, a refusal, a review card, the public page, on a phone.

    python -m benchmarks.pictures [--page]

Each is taken of the real preview, or of a published page, in headless Chromium, 390 pixels wide,
with the preview's own bars hidden, and written to `docs/pictures`. Take them anew after a
visible change, and look at them.
"""

import argparse
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from tests.bot.preview.processes import ADDRESS
from tests.bot.preview.test_shell_in_browser import (
    BROWSER,
    ask,
    channel,
    go,
    propose,
    set_up,
    view_as,
)
from tests.knowledge.page import harbour
from tests.knowledge.page.made_sites import published, site

FOLDER = Path(__file__).parents[1] / "docs" / "pictures"
SIZE: ViewportSize = {"width": 390, "height": 740}
SCALE = 2
# A page of a few flat colours and antialiased text; more of them can't be told apart.
COLOURS = 96
HIDE_BARS = (
    "#side { display: none !important } body { grid-template: 1fr / 1fr !important }"
    ".commonplace-apps { display: none !important }"
)
MEMBER = "Mia (member)"
MEETUP = (
    "We meet in Lisbon on the first Friday of every month at seven, at Rua Augusta 24. Nobody has "
    "to sign up; whoever wants to show something tells us in #help until the day before."
)


@contextmanager
def running_preview() -> Iterator[str]:
    """The page's address, while a preview runs on a new data folder."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-u", "-m", "bot", "preview", "--port", "0", "--data", folder]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
            assert process.stdout is not None
            printed = ""
            while "Ctrl+C" not in printed:
                printed += process.stdout.readline() or sys.exit("The preview has ended.")
            yield ADDRESS.findall(printed)[0]
            process.send_signal(signal.SIGINT)


def opened(browser: Browser, address: str) -> Page:
    # The page's policy would refuse the style for hiding the bars.
    context = browser.new_context(viewport=SIZE, device_scale_factor=SCALE, bypass_csp=True)
    page = context.new_page()
    page.goto(address)
    page.get_by_role("button", name="Set it up").wait_for()
    return page


def save(page: Page, name: str, button: str) -> None:
    """Save the picture once there is a button."""
    shown = channel(page)
    shown.get_by_role("button", name=button, exact=True).last.wait_for()
    for frame in page.frames:
        frame.add_style_tag(content=HIDE_BARS)
        frame.evaluate("document.activeElement.blur()")
    shown.locator("#channel-timeline").evaluate("part => { part.scrollTop = part.scrollHeight }")
    # It draws itself anew for its new height.
    page.wait_for_timeout(1_000)
    keep(page, name)


def keep(page: Page, name: str) -> None:
    """Save the picture."""
    picture = Image.open(BytesIO(page.screenshot())).convert("RGB")
    few = picture.quantize(COLOURS, dither=Image.Dither.NONE)
    few.save(FOLDER / f"{name}.png", optimize=True)


@contextmanager
def served_page() -> Iterator[str]:
    """The address of a public page with notes of a sailing club."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "www")
        welcome = (
            "Notes of the sailing club at the *east harbour*. Anything missing? Ask in **#help**."
        )
        published(site(*harbour.notes(), welcome=welcome, accent="#0a7d6b", base_url=""), folder)
        command = [sys.executable, "-m", "bot", "serve", "--page", str(folder), "--port", "0"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603
            assert process.stderr is not None
            [address] = re.findall(r"http://[\d.:]+/", process.stderr.readline())
            yield address
            process.send_signal(signal.SIGINT)


def page_pictures(browser: Browser) -> None:
    with served_page() as address:
        page = browser.new_context(viewport=SIZE, device_scale_factor=SCALE).new_page()
        page.goto(address)
        page.get_by_role("searchbox").fill("boat capsized, what now?")
        page.locator("#results a").first.wait_for()
        keep(page, "page-search")
        context = browser.new_context(viewport=SIZE, device_scale_factor=SCALE, color_scheme="dark")
        page = context.new_page()
        page.goto(f"{address}notes/5/")
        keep(page, "page-note")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", action="store_true", help="only those of the public page")
    only_page: bool = parser.parse_args().page
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        page_pictures(browser)
        if only_page:
            return
        with running_preview() as address:
            page = opened(browser, address)
            view_as(page, MEMBER)
            ask(go(page, "# general"), "who coined the term open source?")
            save(page, "answer", "Why this answer?")
        # In a server of its own, so nothing else is visible.
        with running_preview() as address:
            page = opened(browser, address)
            set_up(page)
            view_as(page, MEMBER)
            shown = go(page, "# help")
            ask(shown, "when do we meet in Lisbon?")
            save(page, "refusal", "Write this note")
            page = opened(browser, address)
            propose(go(page, "# help"), "Meetups in Lisbon", MEETUP)
            view_as(page, "Max (moderator)")
            go(page, "# review")
            save(page, "review-card", "Approve")
        browser.close()


if __name__ == "__main__":
    main()
