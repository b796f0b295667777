"""Pictures for the documents: a film of twenty seconds for the README, stills of the public page.

    python -m benchmarks.pictures [--tour] [--page]

The film is taken of the real preview in headless Chromium, once in light and once in dark colours:
a question, the refusal, a note, its approval, and the answer to the same question. The stills are
of a published page on a phone. All are written to `docs/pictures`. Take them anew after a visible
change, and look at them.
"""

import argparse
import re
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Final, Literal

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, FrameLocator, Locator, Page, ViewportSize, sync_playwright

from tests.bot.preview.processes import ADDRESS
from tests.bot.preview.test_server_in_browser import BROWSER, channel, command, go, set_up, view_as
from tests.knowledge.page import harbour
from tests.knowledge.page.made_sites import published, site

FOLDER: Final = Path(__file__).parents[1] / "docs" / "pictures"
PHONE: Final[ViewportSize] = {"width": 390, "height": 740}
DESKTOP: Final[ViewportSize] = {"width": 800, "height": 640}
# Nearly as wide as a README is on a laptop.
WINDOW: Final[ViewportSize] = {"width": 760, "height": 560}
SCALE: Final = 2
# A page of a few flat colours and antialiased text; more of them can't be told apart.
COLOURS: Final = 96
FILM_BYTES: Final = 2_000_000

Scheme = Literal["light", "dark"]

MIA, MAX, ADA = "Mia (member)", "Max (moderator)", "Ada (admin)"
TALK: Final = (
    (MAX, "Thanks for coming yesterday! The slides are in the repository."),
    (MIA, "It was lovely. May I bring a friend next time?"),
    (ADA, "Please do, everybody is welcome."),
    (MAX, "And bring a laptop: we try the new release together."),
)
QUESTION: Final = "When do we meet in Lisbon?"
NOTE: Final = (
    "We meet in Lisbon on the first Friday of every month at seven, at Rua Augusta 24. Nobody has "
    "to sign up."
)
# The preview's own parts, which Discord doesn't have, are left out of the film.
SHELL_STYLE: Final = """
    body { grid-template: 1fr 3.25rem / 11.5rem 1fr !important }
    #side label { position: absolute; left: -99rem }
    #places > :first-child, #places .direct { display: none !important }
    #scene { grid-column: 1 / 3; display: flex; align-items: center; padding: 0 1rem; gap: .75rem;
             font-size: 1.1rem; color: #fff; background: #5865f2 }
    #scene b { opacity: .75; font-weight: 600 }
    #pointer { position: fixed; z-index: 9; width: 22px; left: -9rem; pointer-events: none }
"""
CHANNEL_STYLE: Final = (
    ".commonplace-apps, .message-context-actions { display: none !important }"
    " * { caret-color: transparent !important; scrollbar-width: none !important }"
)
POINTER: Final = (
    '<svg id="pointer" viewBox="0 0 16 24"><path d="M1 1v18l4.6-4.2L8.6 22l3.2-1.4-3-6.9H15z" '
    'fill="#fff" stroke="#000" stroke-width="1.3"/></svg><div id="scene"></div>'
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
            try:
                yield ADDRESS.findall(printed)[0]
            finally:
                process.send_signal(signal.SIGINT)


class Film:
    """Frames of a preview's page, each with its duration."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.frames: list[Image.Image] = []
        self.milliseconds: list[int] = []

    def take(self, milliseconds: int) -> None:
        for frame in self.page.frames[1:]:
            frame.add_style_tag(content=CHANNEL_STYLE)
        faceless = ".message-avatar-image:not(:has(img)), img:not([src])"
        channel(self.page).locator(faceless).first.wait_for(state="detached")
        picture = Image.open(BytesIO(self.page.screenshot())).convert("RGB")
        if self.frames and picture.tobytes() == self.frames[-1].tobytes():
            self.milliseconds[-1] += milliseconds
            return
        self.frames.append(picture)
        self.milliseconds.append(milliseconds)

    def scene(self, number: int, said: str) -> None:
        """Begin a scene with its line below the picture."""
        script = "([number, said]) => { scene.innerHTML = `<b>${number}</b> ${said}` }"
        self.page.evaluate(script, [number, said])
        self.page.evaluate("pointer.style.left = ''")

    def press(self, button: Locator) -> None:
        """Move the pointer to a button, and press it."""
        button.scroll_into_view_if_needed()
        box = button.bounding_box()
        assert box is not None
        place = [box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.6]
        self.page.evaluate(
            "([x, y]) => { pointer.style.left = `${x}px`; pointer.style.top = `${y}px` }", place
        )
        self.take(900)
        button.click()

    def type(self, field: Locator, text: str, pieces: int) -> None:
        for piece in range(1, pieces + 1):
            field.fill(text[: len(text) * piece // pieces])
            # A growing field shows the beginning again.
            self.page.wait_for_timeout(100)
            field.evaluate("field => { field.scrollLeft = 0 }")
            self.take(140)

    def ask(self, shown: FrameLocator) -> None:
        command(shown, "/ask")
        field = shown.get_by_label("question, required")
        self.type(field, QUESTION, 8)
        self.take(500)
        field.press("Enter")

    def save(self, name: str) -> None:
        """Save the frames as an animated GIF with one palette."""
        # A film's usual palette would blend rare colours, such as a button's green, into others.
        most: Counter[int] = Counter()
        for frame in self.frames:
            packed = np.asarray(frame, np.int64) @ (1 << 16, 1 << 8, 1)
            colours, counts = np.unique(packed, return_counts=True)
            for colour, count in zip(colours.tolist(), counts.tolist(), strict=True):
                most[colour] = max(most[colour], count)
        palette = Image.new("P", (1, 1))
        palette.putpalette(b"".join(colour.to_bytes(3) for colour, _ in most.most_common(256)))
        few = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in self.frames]
        file = FOLDER / f"{name}.gif"
        few[0].save(file, save_all=True, append_images=few[1:], duration=self.milliseconds, loop=0)
        seconds = sum(self.milliseconds) / 1_000
        print(f"{file.name}: {len(few)} frames, {seconds:.1f} s, {file.stat().st_size:,} bytes")
        assert file.stat().st_size <= FILM_BYTES


def tour(browser: Browser, scheme: Scheme) -> None:
    """Film a question, its refusal, the note, its approval, and the answer."""
    with running_preview() as address:
        # The page's policy would refuse the style for hiding the bars.
        page = browser.new_page(
            viewport=WINDOW, device_scale_factor=SCALE, color_scheme=scheme, bypass_csp=True
        )
        page.goto(address)
        page.get_by_role("button", name="Set it up").wait_for()
        set_up(page)
        for person, words in TALK:
            view_as(page, person)
            composer = go(page, "# help").locator("#channel-composer-input")
            composer.fill(words)
            composer.press("Enter")
            channel(page).locator("article", has_text=words).wait_for()
        view_as(page, MIA)
        shown = go(page, "# help")
        page.add_style_tag(content=SHELL_STYLE)
        page.evaluate("html => document.body.insertAdjacentHTML('beforeend', html)", POINTER)
        film = Film(page)

        film.scene(1, "Mia asks.")
        film.take(1_200)
        film.ask(shown)
        write = shown.get_by_role("button", name="Write this note")
        write.wait_for()
        page.wait_for_timeout(1_000)
        film.scene(2, "The bot has no text that answers, and says so.")
        film.take(2_200)

        film.press(write)
        shown.locator("#modal-root textarea").last.wait_for()
        film.scene(3, "Mia found out, and writes it down.")
        film.take(700)
        text = shown.locator("#modal-root textarea").last
        text.evaluate("field => field.closest('.modal-field').scrollIntoView()")
        film.type(text, NOTE, 8)
        film.press(shown.get_by_role("button", name="Submit"))
        shown.get_by_text("is with the moderators").locator("visible=true").first.wait_for()

        view_as(page, MAX)
        shown = go(page, "# review")
        approve = shown.get_by_role("button", name="Approve", exact=True)
        approve.wait_for()
        page.wait_for_timeout(1_000)
        film.scene(4, "Max, a moderator, reads the note, and what it would change.")
        film.take(2_200)
        film.press(approve)
        shown.get_by_text("is live").locator("visible=true").first.wait_for()
        page.wait_for_timeout(1_000)
        film.scene(4, "Max approves it.")
        film.take(1_600)

        view_as(page, ADA)
        shown = go(page, "# help")
        answers = shown.get_by_role("button", name="Why this answer?")
        answers.first.wait_for()
        page.wait_for_timeout(1_000)
        film.scene(5, "Mia is told. From now on, everybody gets the answer.")
        film.take(1_800)
        film.ask(shown)
        answers.nth(1).wait_for()
        page.wait_for_timeout(1_000)
        film.take(4_000)
        film.save(f"tour-{scheme}")
        page.close()


def keep(page: Page, name: str) -> None:
    """Save a still."""
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
        serve = ["dev", "serve", "--page", str(folder), "--port", "0"]
        command = [sys.executable, "-m", "bot", *serve]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603
            assert process.stderr is not None
            [address] = re.findall(r"http://[\d.:]+/", process.stderr.readline())
            try:
                yield address
            finally:
                process.send_signal(signal.SIGINT)


def page_pictures(browser: Browser) -> None:
    with served_page() as address:
        page = browser.new_page(viewport=DESKTOP, device_scale_factor=SCALE)
        page.goto(address)
        keep(page, "page-front")
        page = browser.new_page(viewport=PHONE, device_scale_factor=SCALE)
        page.goto(address)
        page.get_by_role("searchbox").fill("boat capsized, what now?")
        page.locator("#results a").first.wait_for()
        keep(page, "page-search")
        page = browser.new_page(viewport=PHONE, device_scale_factor=SCALE, color_scheme="dark")
        page.goto(f"{address}notes/5/")
        keep(page, "page-note")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tour", action="store_true", help="only the film")
    parser.add_argument("--page", action="store_true", help="only the public page's stills")
    chosen = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        if not chosen.tour:
            page_pictures(browser)
        if not chosen.page:
            tour(browser, "dark")
            tour(browser, "light")
        browser.close()


if __name__ == "__main__":
    main()
