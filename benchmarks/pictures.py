"""Screenshots for the README: an answer, a refusal and a review card, as a phone shows them.

    python -m benchmarks.pictures [--models data/models]

Each is taken of the real preview in headless Chromium, 390 pixels wide, with the preview's own bars
hidden, and written to `docs/pictures`. Take them anew when what they show has changed, and look at
them.
"""

import argparse
import shutil
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

from bot.engine.data_folder import MODELS
from tests.bot.test_preview import ADDRESS, BROWSER, ask, go, propose

FOLDER = Path(__file__).parents[1] / "docs" / "pictures"
SIZE: ViewportSize = {"width": 390, "height": 740}
SCALE = 2
# A page of a few flat colours and antialiased text; more of them can't be told apart.
COLOURS = 96
HIDE_BARS = "#toolbar, nav.preview-toolbar, .drawer-scrim { display: none !important }"
MEETUP = (
    "We meet in Lisbon on the first Friday of every month at seven, at Rua Augusta 24. Nobody has "
    "to sign up; whoever wants to show something tells us in #help until the day before."
)


@contextmanager
def running_preview(models: Path | None) -> Iterator[dict[str, str]]:
    """The pages' addresses, while a preview runs on a new data folder."""
    with tempfile.TemporaryDirectory() as folder:
        if models is not None:
            shutil.copytree(models, Path(folder) / MODELS)
        command = [sys.executable, "-u", "-m", "bot", "preview", "--port", "0", "--data", folder]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
            assert process.stdout is not None
            printed = ""
            while "Ctrl+C" not in printed:
                printed += process.stdout.readline() or sys.exit("The preview has ended.")
            yield dict(ADDRESS.findall(printed))
            process.send_signal(signal.SIGINT)


def opened(browser: Browser, address: str) -> Page:
    # The page's policy would refuse the style that hides the bars.
    context = browser.new_context(viewport=SIZE, device_scale_factor=SCALE, bypass_csp=True)
    page = context.new_page()
    go(page, address)
    return page


def save(page: Page, name: str, button: str) -> None:
    """Save what is to be seen once there is a button."""
    page.get_by_role("button", name=button, exact=True).last.wait_for()
    page.add_style_tag(content=HIDE_BARS)
    page.evaluate("document.activeElement.blur()")
    page.locator("#channel-timeline").evaluate("part => { part.scrollTop = part.scrollHeight }")
    # It draws itself anew for the height that it has now.
    page.wait_for_timeout(1_000)
    picture = Image.open(BytesIO(page.screenshot())).convert("RGB")
    few = picture.quantize(COLOURS, dither=Image.Dither.NONE)
    few.save(FOLDER / f"{name}.png", optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, help="models that have been derived already")
    models = parser.parse_args().models
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        with running_preview(models) as addresses:
            page = opened(browser, addresses["#general"])
            ask(page, "who coined the term open source?")
            save(page, "answer", "Why this answer?")
        # In a server of its own, so that nothing else is to be seen.
        with running_preview(models) as addresses:
            page = opened(browser, addresses["#general"])
            ask(page, "when do we meet in Lisbon?")
            save(page, "refusal", "Write this note")
            page = opened(browser, addresses["#general"])
            propose(page, "Meetups in Lisbon", MEETUP)
            save(opened(browser, addresses["#review"]), "review-card", "Approve")
        browser.close()


if __name__ == "__main__":
    main()
