"""Screenshots for the README: an answer, a refusal and a review card, as a phone shows them.

    python -m benchmarks.pictures

Each is taken of the real preview in headless Chromium, 390 pixels wide, with the preview's own bars
hidden, and written to `docs/pictures`. Take them anew when what they show has changed, and look at
them.
"""

import argparse
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

from tests.bot.preview.test_server import (
    ADDRESS,
    BROWSER,
    ask,
    channel,
    go,
    look_as,
    propose,
    set_up,
)

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
    # The page's policy would refuse the style that hides the bars.
    context = browser.new_context(viewport=SIZE, device_scale_factor=SCALE, bypass_csp=True)
    page = context.new_page()
    page.goto(address)
    page.get_by_role("button", name="Set it up").wait_for()
    return page


def save(page: Page, name: str, button: str) -> None:
    """Save what is to be seen once there is a button."""
    shown = channel(page)
    shown.get_by_role("button", name=button, exact=True).last.wait_for()
    for frame in page.frames:
        frame.add_style_tag(content=HIDE_BARS)
        frame.evaluate("document.activeElement.blur()")
    shown.locator("#channel-timeline").evaluate("part => { part.scrollTop = part.scrollHeight }")
    # It draws itself anew for the height that it has now.
    page.wait_for_timeout(1_000)
    picture = Image.open(BytesIO(page.screenshot())).convert("RGB")
    few = picture.quantize(COLOURS, dither=Image.Dither.NONE)
    few.save(FOLDER / f"{name}.png", optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        with running_preview() as address:
            page = opened(browser, address)
            look_as(page, MEMBER)
            ask(go(page, "# general"), "who coined the term open source?")
            save(page, "answer", "Why this answer?")
        # In a server of its own, so that nothing else is to be seen.
        with running_preview() as address:
            page = opened(browser, address)
            set_up(page)
            look_as(page, MEMBER)
            shown = go(page, "# help")
            ask(shown, "when do we meet in Lisbon?")
            save(page, "refusal", "Write this note")
            page = opened(browser, address)
            propose(go(page, "# help"), "Meetups in Lisbon", MEETUP)
            look_as(page, "Max (moderator)")
            go(page, "# review")
            save(page, "review-card", "Approve")
        browser.close()


if __name__ == "__main__":
    main()
