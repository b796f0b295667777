"""The preview's page in a browser, used by a newcomer."""

import logging
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress

import pytest
from playwright.sync_api import (
    Browser,
    FrameLocator,
    Locator,
    Page,
    TimeoutError,
    expect,
    sync_playwright,
)

from tests.bot.preview.processes import ADDRESS, started

logger = logging.getLogger(__name__)

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)

# From a click to its effect on the page.
ACTION_MILLISECONDS = 30_000
# Before a click that the page may have forgotten is tried again.
CLICK_MILLISECONDS = 4_000

# The last step of the panel; another test may have added a source.
SET_UP = re.compile("add your documents|Everything is set up")

QUESTION = "why were early AI systems closed?"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a preview that runs as its own process."""
    if BROWSER is None:
        pytest.skip("There is no chromium, chromium-browser or google-chrome on this machine.")
    folder = tmp_path_factory.mktemp("preview")
    # One person asks all questions of these tests, faster than a member may.
    config = folder / "config.toml"
    config.write_text("[questions]\nmember_burst = 0\n")
    with started(folder, "--config", str(config), "--data", "data") as printed:
        found = ADDRESS.findall(printed)
        assert len(found) == 1, printed
        yield found[0]


@pytest.fixture(scope="module")
def browser(address: str) -> Iterator[Browser]:
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=BROWSER, args=[*root, "--disable-gpu"])
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """A fresh page with its greeting."""
    opened = browser.new_page(viewport={"width": 1100, "height": 860})
    opened.set_default_timeout(ACTION_MILLISECONDS)
    expect.set_options(timeout=ACTION_MILLISECONDS)
    opened.goto(address)
    opened.get_by_role("button", name="Set it up").wait_for()
    yield opened
    # pytest shows it if the test failed.
    logger.info(channel(opened).locator("body").inner_text()[-2_000:])
    opened.close()


def channel(page: Page) -> FrameLocator:
    """The channel that is shown."""
    return page.frame_locator("#channel")


def ready(page: Page) -> FrameLocator:
    """The channel, once its page has drawn itself; earlier input would be lost."""
    page.locator("#channel[data-loaded]").wait_for()
    shown = channel(page)
    shown.locator("#channel-composer-input").wait_for()
    shown.get_by_text("Viewport updated").first.wait_for(state="attached")
    return shown


def view_as(page: Page, person: str) -> None:
    with page.expect_response("**/shell/viewer"):
        page.get_by_label("You are").select_option(label=person)
    # The channel reloads, and loses earlier input.
    page.locator("body:not([aria-busy])").wait_for()


def go(page: Page, name: str) -> FrameLocator:
    page.locator("#places").get_by_role("button", name=name).click()
    return ready(page)


def press(page: Page, thing: str) -> None:
    """One of the three things that the page says hello with."""
    page.get_by_role("button", name="Start here").click()
    page.get_by_role("button", name=thing).click()
    page.locator("#hello").wait_for(state="hidden")


def set_up(page: Page) -> None:
    """Go the way of a new administrator through the panel, unless somebody has."""
    press(page, "Set it up")
    shown = ready(page)
    if shown.get_by_text(SET_UP).count():
        return
    choose(page, "Choose the review channel", "review", until="I have all permissions")
    choose(page, "Choose the role of the moderators", "Moderators", until="Moderators have the")
    turn_to(shown, "Where to answer", until="I answer mentions")
    choose(page, CHANGE, "I answer new questions by myself", until="once and only if I'm sure")
    choose(page, "Nowhere", "questions", until=CHANGE, several=True)
    turn_to(shown, "Sources", until="I answer only from these sources")
    turn_to(shown, "Try it", until=SET_UP)


CHANGE = "Change a setting…"


def choose(page: Page, placeholder: str, option: str, *, until: str, several: bool = False) -> None:
    """Choose from the list with this placeholder, until the page has the text `until`.

    A page that draws itself at that very moment forgets the click. The next step waits for the
    bot's response, which would turn the panel back.
    """
    shown = channel(page)
    chosen = shown.get_by_text(until).locator("visible=true")
    for _ in range(20):
        if chosen.count():
            break
        try:
            empty = shown.get_by_text(placeholder).locator("visible=true")
            empty.last.click(timeout=CLICK_MILLISECONDS)
            options = shown.locator("[role=option]", has_text=option).locator("visible=true")
            if several:
                options.last.click(timeout=CLICK_MILLISECONDS)
            end = shown.get_by_role("button", name="Apply") if several else options
            # Meanwhile the list shows what was chosen, whether or not the bot has it.
            with page.expect_response("**/api/action"):
                end.last.click(timeout=CLICK_MILLISECONDS)
        except TimeoutError:
            # What may be open is closed.
            shown.locator("body").press("Escape")
    chosen.last.wait_for()


def turn_to(shown: FrameLocator, step: str, *, until: str | re.Pattern[str]) -> None:
    """Press a step of the panel; a page that draws itself at that very moment forgets the press."""
    for _ in range(20):
        if shown.get_by_text(until).count():
            return
        with suppress(TimeoutError):
            shown.get_by_role("button", name=step).last.click(timeout=CLICK_MILLISECONDS)
            shown.get_by_text(until).last.wait_for(timeout=CLICK_MILLISECONDS)
    shown.get_by_text(until).last.wait_for()


def command(shown: FrameLocator, name: str) -> None:
    """Type a command, and choose it from the list."""
    composer = shown.locator("#channel-composer-input")
    composer.click()
    composer.press_sequentially(name)
    shown.locator("#command-picker-listbox [role=option]").first.wait_for()
    composer.press("Enter")


def send(shown: FrameLocator, response: Locator) -> None:
    """Send the command typed, until one more response than before is there.

    A page that draws itself at that very moment forgets the press.
    """
    count = response.count()
    button = shown.get_by_role("button", name="Send", exact=True)
    for _ in range(20):
        if response.count() > count:
            return
        with suppress(TimeoutError):
            button.click(timeout=CLICK_MILLISECONDS)
            response.nth(count).wait_for(timeout=CLICK_MILLISECONDS)
    response.nth(count).wait_for()


def ask(shown: FrameLocator, question: str) -> None:
    """Type `/ask` and the question, as a member does."""
    command(shown, "/ask")
    field = shown.get_by_label("question, required")
    for _ in range(20):
        try:
            field.fill(question, timeout=CLICK_MILLISECONDS)
            field.press("Enter", timeout=CLICK_MILLISECONDS)
            # The page forgets what was typed when it draws itself anew at that very moment.
            field.wait_for(state="detached", timeout=CLICK_MILLISECONDS)
        except TimeoutError:
            if field.count():
                continue
        return


def propose(shown: FrameLocator, title: str, text: str) -> None:
    """Fill in the form of `/note add`, and submit it."""
    command(shown, "/note add")
    # The command has options, all of them optional: it is sent as it is. A slow page has not yet
    # taken the choice of the command when it is sent.
    field = shown.get_by_label("Title", exact=False).first
    send = shown.get_by_role("button", name="Send", exact=True)
    for _ in range(20):
        # The form lies above the button, which nobody can press then.
        if field.count():
            break
        with suppress(TimeoutError):
            send.click(timeout=CLICK_MILLISECONDS)
            field.wait_for(timeout=CLICK_MILLISECONDS)
    field.wait_for()
    field.fill(title)
    shown.locator("#modal-root textarea").first.fill(text)
    shown.get_by_role("button", name="Submit").click()
    shown.get_by_text("is with the moderators").locator("visible=true").first.wait_for()


def test_an_administrator_gets_to_an_answered_post(page: Page) -> None:
    shown = go(page, "# general")
    expect(shown.get_by_role("button", name="Set up", exact=True).first).to_be_visible()
    set_up(page)

    press(page, "Write a forum post")
    page.get_by_role("button", name="Post", exact=True).click()

    expect(channel(page).get_by_role("button", name="This solved it").last).to_be_visible()


def test_note_is_proposed_approved_and_answered(page: Page) -> None:
    set_up(page)
    view_as(page, "Mia (member)")
    shown = go(page, "# general")
    ask(shown, "when do we meet in Lisbon?")
    shown.get_by_role("button", name="Write this note").last.wait_for()

    propose(shown, "Lisbon meetup", "We meet in Lisbon on the first Friday, at Rua Augusta 24.")
    view_as(page, "Max (moderator)")
    shown = go(page, "# review")
    shown.get_by_role("button", name="Approve", exact=True).last.click()
    shown.get_by_text("is live").locator("visible=true").first.wait_for()
    view_as(page, "Mia (member)")
    shown = go(page, "# general")
    ask(shown, "when do we meet in Lisbon?")

    expect(shown.get_by_text("at Rua Augusta 24").last).to_be_visible()


def test_channel_shows_its_newest_answer(page: Page) -> None:
    places = page.locator("#places")
    expect(places).not_to_have_class(re.compile("more-"))
    for width in (1100, 390):
        page.set_viewport_size({"width": width, "height": 844})
        press(page, "Ask a question")
        shown = ready(page)
        shown.get_by_role("button", name="Not helpful").last.wait_for()
        expect(shown.locator("blockquote").last).to_be_visible()
        command(shown, "/privacy")
        send(shown, shown.get_by_role("button", name="Delete…"))
        expect(shown.get_by_role("button", name="Delete…").last).to_be_in_viewport()

    # The response to a button on an older message is shown, too.
    shown = channel(page)
    page.mouse.move(200, 400)
    for _ in range(20):
        page.mouse.wheel(0, -500)
    oldest = shown.get_by_role("button", name="Not helpful").first
    oldest.scroll_into_view_if_needed()
    # A click during the page's own request isn't lost.
    page.set_viewport_size({"width": 400, "height": 844})
    oldest.click(force=True)
    expect(shown.get_by_text("What was wrong with it?").last).to_be_in_viewport()

    # The Apps button doesn't break the line above a message.
    press(page, "Ask a question")
    message = ready(page).locator("article", has_text="Not helpful").last
    expect(message.get_by_text("More about this answer")).to_be_in_viewport()
    message.hover()
    button = message.get_by_role("button", name="Apps").bounding_box()
    line = message.get_by_text("Mia used").bounding_box()
    assert button is not None
    assert line is not None
    assert line["height"] < 1.5 * button["height"]

    # The list of channels hints at channels beyond its edges.
    expect(places).to_have_class("more-right")
    places.get_by_role("button", name="Direct messages").click()
    expect(places).to_have_class("more-left")
    expect(places.get_by_role("button", name="Direct messages")).to_be_in_viewport()


def test_member_uses_options_mentions_and_menus(page: Page) -> None:
    expect(page.locator("#own")).to_have_text("python -m bot preview --index docs/")
    set_up(page)
    view_as(page, "Mia (member)")
    shown = go(page, "# general")
    command(shown, "/search")
    shown.get_by_text("+2 more").click()
    option = shown.locator(".command-suggestion", has_text="tag")
    expect(option).to_contain_text("Only notes with this tag.")

    shown = go(page, "# help")
    composer = shown.locator("#channel-composer-input")
    composer.press_sequentially(f"@Commonplace {QUESTION}")
    composer.press("Enter")
    shown.get_by_role("button", name="Not helpful").last.wait_for()

    composer.press_sequentially("We meet in Porto on Mondays, at the bridge.")
    composer.press("Enter")
    message = shown.locator("article", has_text="We meet in Porto").last
    expect(message.locator("img")).to_be_visible()
    message.get_by_role("button", name="Apps").click()
    page.get_by_role("button", name="Save as note").click()
    expect(shown.locator("#modal-root textarea").first).to_have_value(re.compile("Porto"))


def test_each_person_sees_readable_channels(page: Page) -> None:
    review = page.locator("#places").get_by_role("button", name="# review")
    view_as(page, "Mia (member)")
    expect(review).to_have_count(0)
    view_as(page, "Max (moderator)")
    expect(review).to_have_count(1)


def test_background_work_is_shown(page: Page) -> None:
    view_as(page, "Ada (admin)")
    shown = go(page, "# general")
    command(shown, "/source add")
    shown.locator(".command-suggestion", has_text="channel").first.click()
    shown.locator(".command-row input").fill("help")
    shown.locator(".command-popup [role=option]", has_text="help").first.click()
    shown.get_by_role("button", name="Send", exact=True).click()

    # It is read by a step that is taken once a second, and nothing is done on the page meanwhile.
    shown.get_by_text("nothing is pinned yet").locator("visible=true").first.wait_for()
