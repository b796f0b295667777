"""The browser page, driven as somebody would who tries the bot for the first time."""

import asyncio
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from playwright.sync_api import FrameLocator, Page, TimeoutError, expect, sync_playwright
from simcord import Env

from bot.cli.preview import preview, preview_address, preview_start
from bot.config.settings import Settings
from bot.models.presets import other_model
from bot.preview.server import ACTION_SECONDS, serve
from bot.preview.town import GENERAL, QUESTIONS, REVIEW, build_town
from bot.setup import panel_messages
from bot.storage.data_folder import COMMUNITY
from indexer.embedding.embedder import DEFAULT_MODEL
from knowledge.store.store import Store
from knowledge.values.documents import SHARED
from tests.bot.world import text_of
from tests.fakes import WordEmbedder
from tests.fork_server import ENVIRONMENT
from tests.processes import interruptible

ROOT = Path(__file__).parents[3]
BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)

# Reading the model and indexing the articles, on a machine that has other things to do.
START_SECONDS = 300
# From a click to what it causes on the page.
ACTION_MILLISECONDS = 30_000

KEY = "X-Simcord-Capability"

ADDRESS = re.compile(r"http://127\.0\.0\.1:\S+")

QUESTION = "why were early AI systems closed?"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page's address as it is printed, while a preview runs as its own process."""
    if BROWSER is None:
        pytest.skip("There is no chromium, chromium-browser or google-chrome on this machine.")
    data = tmp_path_factory.mktemp("preview") / "data"
    # All tests are one person who asks one question after the other, faster than a member may.
    config = data.parent / "config.toml"
    config.write_text("[questions]\nmember_burst = 0\nguild_burst = 0\n")
    options = ["--port", "0", "--config", str(config), "--data", str(data)]
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "bot", "preview", *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=interruptible,
    )
    watchdog = threading.Timer(START_SECONDS, process.kill)
    watchdog.start()
    assert process.stdout is not None
    printed = ""
    for line in process.stdout:
        printed += line
        if "Ctrl+C" in line:
            break
    watchdog.cancel()
    found = ADDRESS.findall(printed)
    # What it logs from now on is read, so that it never waits for somebody to read it.
    reader = threading.Thread(target=process.stdout.read, daemon=True)
    reader.start()
    yield found[0] if found else ""
    process.send_signal(signal.SIGINT)
    process.wait(30)
    reader.join()
    process.stdout.close()
    assert len(found) == 1, printed


@pytest.fixture
def page(address: str) -> Iterator[Page]:
    """The page in a browser, as it says hello."""
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=[*root, "--disable-gpu"])
        opened = browser.new_page(viewport={"width": 1100, "height": 860})
        opened.set_default_timeout(ACTION_MILLISECONDS)
        expect.set_options(timeout=ACTION_MILLISECONDS)
        opened.goto(address)
        opened.get_by_role("button", name="Set it up").wait_for()
        yield opened
        browser.close()


def channel(page: Page) -> FrameLocator:
    """The channel that is shown."""
    return page.frame_locator("#channel")


def ready(page: Page) -> FrameLocator:
    """The channel, once its page has drawn itself: it forgets what is typed before."""
    page.locator("#channel[data-loaded]").wait_for()
    shown = channel(page)
    shown.locator("#channel-composer-input").wait_for()
    shown.get_by_text("Viewport updated").first.wait_for(state="attached")
    return shown


def view_as(page: Page, person: str) -> None:
    with page.expect_response("**/shell/viewer"):
        page.get_by_label("You are").select_option(label=person)
    # The channel is loaded anew, and forgets what is typed before.
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
    if shown.get_by_text("Everything is set up").count():
        return
    pick(shown, "Choose the review channel", "review", until="I have all permissions")
    turn_to(shown, "2 Moderators", until="Choose the role of the moderators")
    pick(shown, "Choose the role of the moderators", "Moderators", until="Moderators have the role")
    turn_to(shown, "3 Where to answer", until="Nowhere: choose forums")
    shown.get_by_text("Nowhere: choose forums").last.click()
    shown.locator("[role=option]", has_text="questions").last.click()
    shown.get_by_role("button", name="Apply").last.click()
    shown.get_by_text("Nowhere: choose forums").last.wait_for(state="detached")
    turn_to(shown, "5 Try it", until="Everything is set up")


def turn_to(shown: FrameLocator, step: str, *, until: str) -> None:
    """Press a step of the panel; a page that draws itself at that very moment forgets the press."""
    for _ in range(20):
        try:
            shown.get_by_role("button", name=step).last.click(timeout=4_000)
            shown.get_by_text(until).last.wait_for(timeout=4_000)
        except TimeoutError:
            continue
        break
    shown.get_by_text(until).last.wait_for()


def pick(shown: FrameLocator, placeholder: str, option: str, *, until: str) -> None:
    """Choose from a list; a page that draws itself at that very moment forgets what was chosen."""
    for _ in range(20):
        if shown.get_by_text(until).count():
            break
        try:
            shown.get_by_text(placeholder).last.click(timeout=4_000)
            shown.locator("[role=option]", has_text=option).last.click(timeout=4_000)
            shown.get_by_text(until).last.wait_for(timeout=4_000)
        except TimeoutError:
            # What may be open is closed.
            shown.locator("body").press("Escape")
    shown.get_by_text(until).last.wait_for()


def command(shown: FrameLocator, name: str) -> None:
    """Type a command, and choose it from the list."""
    composer = shown.locator("#channel-composer-input")
    composer.click()
    composer.press_sequentially(name)
    shown.locator("#command-picker-listbox [role=option]").first.wait_for()
    composer.press("Enter")


def ask(shown: FrameLocator, question: str) -> None:
    """Type `/ask` and the question, as a member does."""
    command(shown, "/ask")
    field = shown.get_by_label("question, required")
    for _ in range(20):
        try:
            field.fill(question, timeout=3_000)
            field.press("Enter", timeout=3_000)
            # The page forgets what was typed when it draws itself anew at that very moment.
            field.wait_for(state="detached", timeout=3_000)
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
    for _ in range(20):
        shown.get_by_role("button", name="Send", exact=True).click()
        try:
            field.wait_for(timeout=4_000)
        except TimeoutError:
            continue
        break
    field.fill(title)
    shown.locator("#modal-root textarea").nth(1).fill(text)
    shown.get_by_role("button", name="Submit").click()
    shown.get_by_text("is with the moderators").locator("visible=true").first.wait_for()


def test_an_administrator_goes_from_the_bots_arrival_to_the_first_answered_post(
    page: Page,
) -> None:
    shown = go(page, "# general")
    expect(shown.get_by_role("button", name="Set up", exact=True).first).to_be_visible()
    set_up(page)

    press(page, "Write a forum post")
    page.get_by_role("button", name="Post", exact=True).click()

    expect(channel(page).get_by_role("button", name="This solved it").last).to_be_visible()


def test_a_note_is_asked_for_proposed_approved_and_answered(page: Page) -> None:
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


def test_a_question_about_the_articles_is_answered_with_a_quotation(page: Page) -> None:
    press(page, "Ask a question")

    shown = channel(page)
    shown.get_by_role("button", name="Why this answer?").last.wait_for()
    expect(shown.locator("blockquote").last).to_be_visible()


def test_a_channel_opens_at_its_newest_message(page: Page) -> None:
    for _ in range(3):
        press(page, "Ask a question")
        channel(page).get_by_role("button", name="Why this answer?").last.wait_for()

    expect(channel(page).get_by_text("Other passages").last).to_be_in_viewport()


def test_the_channel_follows_what_a_command_brings(page: Page) -> None:
    for width in (1100, 390):
        page.set_viewport_size({"width": width, "height": 844})
        press(page, "Ask a question")
        shown = ready(page)
        shown.get_by_role("button", name="Why this answer?").last.wait_for()
        command(shown, "/privacy")
        shown.get_by_role("button", name="Send", exact=True).click()
        expect(shown.get_by_role("button", name="Delete…").last).to_be_in_viewport()


def test_a_narrow_page_hints_at_channels_beyond_its_edge(page: Page) -> None:
    places = page.locator("#places")
    expect(places).not_to_have_class(re.compile("more-"))
    page.set_viewport_size({"width": 390, "height": 844})
    expect(places).to_have_class("more-right")
    places.get_by_role("button", name="Direct messages").click()
    expect(places).to_have_class("more-left")
    expect(places.get_by_role("button", name="Direct messages")).to_be_in_viewport()


def test_the_apps_button_does_not_break_the_line_above_a_message(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    press(page, "Ask a question")
    message = ready(page).locator("article", has_text="Why this answer?").last
    message.hover()
    button = message.get_by_role("button", name="Apps").bounding_box()
    line = message.get_by_text("Mia (member) used").bounding_box()
    assert button is not None
    assert line is not None
    assert line["height"] < 1.5 * button["height"]


def test_a_commands_further_options_are_described(page: Page) -> None:
    view_as(page, "Mia (member)")
    shown = go(page, "# general")
    command(shown, "/search")
    shown.get_by_text("+2 more").click()
    option = shown.locator(".command-suggestion", has_text="tag")
    expect(option).to_contain_text("Only notes with this tag.")


def test_the_page_says_how_ones_own_documents_are_asked(page: Page) -> None:
    expect(page.locator("#own")).to_have_text("python -m bot preview --index docs/")


def test_a_mention_that_is_typed_is_answered(page: Page) -> None:
    shown = go(page, "# help")
    composer = shown.locator("#channel-composer-input")
    composer.press_sequentially(f"@Commonplace {QUESTION}")
    composer.press("Enter")

    shown.get_by_role("button", name="Why this answer?").last.wait_for()


def test_a_message_has_an_apps_menu_whose_form_opens(page: Page) -> None:
    set_up(page)
    view_as(page, "Mia (member)")
    shown = go(page, "# help")
    composer = shown.locator("#channel-composer-input")
    composer.press_sequentially("We meet in Porto on Mondays, at the bridge.")
    composer.press("Enter")
    message = shown.locator("article", has_text="We meet in Porto").last

    message.get_by_role("button", name="Apps").click()
    page.get_by_role("button", name="Save as note").click()

    expect(shown.locator("#modal-root textarea").nth(1)).to_have_value(re.compile("Porto"))


def test_a_member_is_shown_the_channels_that_they_can_read(page: Page) -> None:
    view_as(page, "Mia (member)")
    places = page.locator("#places")

    expect(places.get_by_role("button", name="# review")).to_have_count(0)
    view_as(page, "Max (moderator)")
    expect(places.get_by_role("button", name="# review")).to_have_count(1)


def test_what_the_bot_does_by_itself_goes_on_and_is_shown(page: Page) -> None:
    view_as(page, "Ada (admin)")
    shown = go(page, "# general")
    command(shown, "/source add")
    shown.locator(".command-suggestion", has_text="channel").first.click()
    shown.locator(".command-row input").fill("help")
    shown.locator(".command-popup [role=option]", has_text="help").first.click()
    shown.get_by_role("button", name="Send", exact=True).click()

    # It is read by a step that is taken once a second, and nothing is done on the page meanwhile.
    shown.get_by_text("it has no pinned messages yet").locator("visible=true").first.wait_for()


async def test_the_bot_knows_what_it_may_do_in_the_review_channel(simcord_env: Env) -> None:
    town = build_town(simcord_env)
    await simcord_env.settle()

    result = await town.admin.slash(
        town.channels[GENERAL],
        "setup",
        review_channel=town.channels[REVIEW],
        moderator_role=town.moderator_role,
    )

    await town.admin.click(result.response, custom_id="setup:review")
    assert panel_messages._NOTHING_LACKING.english in text_of(result.response)


async def test_a_post_is_a_thread_that_begins_with_its_text(simcord_env: Env) -> None:
    town = build_town(simcord_env)

    post = town.post(town.channels[QUESTIONS], town.member, "Tents", "Which one?")
    await simcord_env.settle()

    assert [one.name for one in town.threads()] == ["Tents"]
    assert [message.content for message in post.history()] == ["Which one?"]
    assert post.history()[0].id == post.id


@asynccontextmanager
async def served(settings: Settings) -> AsyncIterator[Any]:
    """What a channel's page shows that was opened; at the end it ends the session."""
    told: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(settings, 0, told.set_result, WordEmbedder()))
    address, _, key = (await told).partition("/#")
    async with aiohttp.ClientSession(address) as session:
        async with session.get("/shell/state") as refused:
            assert refused.status == 401
        async with session.get("/shell/state", headers={KEY: key}) as told_of:
            state = await told_of.json()
        own = {KEY: state["places"][0]["page"].partition("#")[2]}
        async with session.post("/api/pages", json={}, headers=own) as opened:
            shown = await opened.json()
        yield shown
        context = shown["context"]
        end = {
            "kind": "close",
            "protocol_version": 3,
            "sequence": 1,
            "request_id": "end",
            "generation": context["generation"],
            "bot_generation": shown["botGeneration"],
        }
        sent_by = {**own, "X-Simcord-Context": context["id"]}
        async with session.post("/api/action", json=end, headers=sent_by) as answered:
            assert not (await answered.json())["rejected"]

    async with asyncio.timeout(ACTION_SECONDS):
        await serving


async def test_a_channels_page_ends_the_session_and_a_later_one_has_commands(
    settings: Settings,
) -> None:
    for _ in range(2):
        async with served(settings) as shown:
            assert shown["commands"]["count"] > 10


async def test_channels_and_people_have_the_same_ids_at_every_start(settings: Settings) -> None:
    """Everything that was set up for them is found by their ids."""
    ids = []
    for _ in range(2):
        told: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        serving = asyncio.create_task(serve(settings, 0, told.set_result, WordEmbedder()))
        address, _, key = (await told).partition("/#")
        async with (
            aiohttp.ClientSession(address) as session,
            session.get("/shell/state", headers={KEY: key}) as told_of,
        ):
            state = await told_of.json()
        serving.cancel()
        await asyncio.wait([serving])
        kept = [place["id"] for place in state["places"] if place["kind"] != "direct"]
        ids.append(kept + [person["id"] for person in state["people"]])
    assert ids[0] == ids[1]
    assert len(ids[0]) == len(set(ids[0])) == 7


@contextmanager
def started(folder: Path, *options: str) -> Iterator[str]:
    """Run a preview whose own folder is in this one; what it prints until it has its address."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "bot", "preview", *options],
        cwd=folder,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=interruptible,
    )
    watchdog = threading.Timer(START_SECONDS, process.kill)
    watchdog.start()
    with process:
        assert process.stdout is not None
        printed = ""
        for line in process.stdout:
            printed += line
            if ADDRESS.search(line):
                break
        watchdog.cancel()
        yield printed
        process.send_signal(signal.SIGINT)
        process.wait(30)


@pytest.mark.slow
def test_a_preview_says_little_keeps_its_folder_and_begins_again_when_told_to(
    tmp_path: Path,
) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "quokka.md").write_text("# Quokkas\n\nThe quokka eats leaves.\n")
    kept = tmp_path / "preview-data"
    with started(tmp_path, "--index", "docs") as printed:
        first, other, *_, last = printed.splitlines()
    log = kept / "preview.log"
    assert first == preview_start(Path("preview-data"), Path("preview-data/preview.log"))
    assert other == other_model(DEFAULT_MODEL)
    assert last == preview_address(ADDRESS.findall(last)[0])
    assert not re.search(r"\b(info|warning|error)\b", printed)
    assert "bot." in log.read_text()
    with Store(kept / COMMUNITY) as store:
        assert store.sources() == [(str(tmp_path / "docs"), SHARED)]
    with started(tmp_path, "--fresh") as printed:
        assert len(printed.splitlines()) == 3
    with Store(kept / COMMUNITY) as store:
        assert store.sources() == []


def test_no_folder_but_the_previews_own_is_emptied(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    precious = tmp_path / "data" / "community.db"
    precious.write_text("precious")
    with pytest.raises(SystemExit) as ended:
        preview(data=tmp_path / "data", fresh=True)
    assert ended.value.code == 2
    assert precious.read_text() == "precious"


def preview_on(port: str, data: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "bot", "preview", "--port", port, "--data", str(data)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=START_SECONDS,
    )


def test_a_port_that_is_taken_gets_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ended = preview_on(port, tmp_path)

    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    sentence = ended.stderr.splitlines()[-1]
    assert sentence.startswith("commonplace: The preview can't use the port")
    assert port in sentence
