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
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from playwright.sync_api import Page, TimeoutError, expect, sync_playwright
from simcord import Env

from bot.config import Settings
from bot.engine.data_folder import MODELS
from bot.preview import ACTION_SECONDS, GENERAL, REVIEW, build_server, serve
from tests.bot.world import text_of
from tests.fakes import WordEmbedder
from tests.processes import interruptible

ROOT = Path(__file__).parents[2]
BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)

# Reading the model and indexing the articles, on a machine that has other things to do.
START_SECONDS = 300
# From a click to what it causes on the page.
ACTION_MILLISECONDS = 30_000

ADDRESS = re.compile(r"^\s*(#\w+|@\w+)\s+(http://127\.0\.0\.1:\S+)$", re.MULTILINE)


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[dict[str, str]]:
    """The pages' addresses as they are printed, while a preview runs as its own process."""
    if BROWSER is None:
        pytest.skip("There is no chromium, chromium-browser or google-chrome on this machine.")
    folder = tmp_path_factory.mktemp("preview")
    config = folder / "config.toml"
    config.write_text("[sources]\nchannels = true\n")
    chosen = ["--config", str(config), "--data", str(folder / "data")]
    shutil.copytree(models, folder / "data" / MODELS)
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "bot", "preview", "--port", "0", *chosen],
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
    found = dict(ADDRESS.findall(printed))
    # What it logs from now on is read, so that it never waits for somebody to read it.
    reader = threading.Thread(target=process.stdout.read, daemon=True)
    reader.start()
    yield found
    process.send_signal(signal.SIGINT)
    process.wait(30)
    reader.join()
    process.stdout.close()
    assert found, printed


@pytest.fixture
def page(addresses: dict[str, str]) -> Iterator[Page]:
    """The general channel in a browser, as the member sees it."""
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=[*root, "--disable-gpu"])
        opened = browser.new_page(viewport={"width": 1100, "height": 860})
        opened.set_default_timeout(ACTION_MILLISECONDS)
        expect.set_options(timeout=ACTION_MILLISECONDS)
        go(opened, addresses["#general"])
        yield opened
        browser.close()


def go(page: Page, address: str) -> None:
    """Open a channel, and wait until its page has drawn itself: it forgets what is typed before."""
    page.goto(address)
    page.get_by_text("Viewport updated").locator("visible=true").first.wait_for()


def look_as(page: Page, viewer: str) -> None:
    """Look at the channel as somebody else."""
    page.get_by_label("Viewing as").select_option(label=viewer)
    # The page forgets what is typed before.
    page.get_by_text("Preview ready").or_(page.get_by_text("Viewport updated")).first.wait_for()


def add_source(page: Page, channel: str) -> None:
    """Have a channel read with `/source add`, as an administrator does."""
    composer = page.locator("#channel-composer-input")
    composer.click()
    composer.press_sequentially("/source add")
    page.locator("#command-picker-listbox [role=option]").first.wait_for()
    page.keyboard.press("Enter")
    page.locator(".command-suggestion", has_text="channel").click()
    page.locator(".command-row input").fill(channel)
    page.locator(".command-popup [role=option]", has_text=channel).first.click()
    page.get_by_role("button", name="Send", exact=True).click()


def ask(page: Page, question: str) -> None:
    """Type `/ask` and the question, as a member does."""
    composer = page.locator("#channel-composer-input")
    composer.click()
    composer.press_sequentially("/ask")
    page.locator("#command-picker-listbox [role=option]").first.wait_for()
    page.keyboard.press("Enter")
    field = page.get_by_label("question, required")
    for _ in range(20):
        field.fill(question)
        field.press("Enter")
        try:
            # The page forgets what was typed when it draws itself anew at that very moment.
            field.wait_for(state="detached", timeout=3_000)
        except TimeoutError:
            continue
        return


def propose(page: Page, title: str, text: str) -> None:
    """Fill in the form of `/note add`, and submit it."""
    composer = page.locator("#channel-composer-input")
    composer.click()
    composer.press_sequentially("/note add")
    page.locator("#command-picker-listbox [role=option]").first.wait_for()
    page.keyboard.press("Enter")
    # The command has options, all of them optional: it is sent as it is. A slow page has not yet
    # taken the choice of the command when it is sent.
    field = page.get_by_label("Title", exact=True)
    for _ in range(20):
        page.get_by_role("button", name="Send", exact=True).click()
        try:
            field.wait_for(timeout=4_000)
        except TimeoutError:
            continue
        break
    field.fill(title)
    page.locator("#modal-root textarea").first.fill(text)
    page.get_by_role("button", name="Submit").click()
    page.get_by_text("is with the moderators").locator("visible=true").first.wait_for()


def test_the_page_prints_an_address_for_every_channel(addresses: dict[str, str]) -> None:
    assert list(addresses) == ["#general", "#help", "#review", "@messages"]


def test_a_note_is_asked_for_proposed_approved_and_answered(page: Page) -> None:
    ask(page, "when do we meet in Lisbon?")
    page.get_by_role("button", name="Write this note").last.wait_for()

    propose(page, "Lisbon meetup", "We meet in Lisbon on the first Friday, at Rua Augusta 24.")
    page.get_by_role("link", name="#review").click()
    page.get_by_role("button", name="Approve", exact=True).last.click()
    page.get_by_text("is live").locator("visible=true").first.wait_for()
    page.get_by_role("link", name="#general").click()
    ask(page, "when do we meet in Lisbon?")

    expect(page.get_by_text("at Rua Augusta 24").last).to_be_visible()


def test_a_question_about_the_articles_is_answered_with_a_quotation(page: Page) -> None:
    ask(page, "why were early AI systems closed?")

    page.get_by_role("button", name="Why this answer?").last.wait_for()
    expect(page.locator("blockquote").last).to_be_visible()


def test_a_mention_that_is_typed_is_answered(page: Page, addresses: dict[str, str]) -> None:
    go(page, addresses["#help"])
    composer = page.locator("#channel-composer-input")
    composer.press_sequentially("@Commonplace why were early AI systems closed?")
    composer.press("Enter")

    page.get_by_role("button", name="Why this answer?").last.wait_for()


def test_what_the_bot_does_by_itself_goes_on_and_is_shown(page: Page) -> None:
    look_as(page, "Ada (admin)")

    add_source(page, "help")

    # It is read by a step that is taken once a second, and nothing is done on the page meanwhile.
    page.get_by_text("is read: no pinned message").locator("visible=true").first.wait_for()


async def test_the_bot_knows_what_it_may_do_in_the_review_channel(simcord_env: Env) -> None:
    server = build_server(simcord_env)
    await simcord_env.settle()

    result = await server.admin.slash(
        server.channels[GENERAL],
        "setup",
        review_channel=server.channels[REVIEW],
        moderator_role=server.moderator_role,
    )

    await server.admin.click(result.response, custom_id="setup:review")
    assert "I have every permission I need there." in text_of(result.response)


@asynccontextmanager
async def served(settings: Settings) -> AsyncIterator[Any]:
    """What a page shows that was opened; at the end it ends the session."""
    told: asyncio.Future[dict[str, str]] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(settings, 0, told.set_result, WordEmbedder()))
    address, _, capability = (await told)["#help"].partition("/#")
    allowed = {"X-Simcord-Capability": capability}
    async with aiohttp.ClientSession(address, headers=allowed) as session:
        async with session.post("/api/pages", json={}) as opened:
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
        async with session.post(
            "/api/action", json=end, headers={"X-Simcord-Context": context["id"]}
        ) as answered:
            assert not (await answered.json())["rejected"]

    async with asyncio.timeout(ACTION_SECONDS):
        await serving


async def test_any_of_the_pages_ends_the_session_and_a_later_one_has_commands(
    settings: Settings,
) -> None:
    for _ in range(2):
        async with served(settings) as shown:
            assert shown["commands"]["count"] > 10


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
    assert sentence.startswith("commonplace: The preview needs the ports")
    assert f"{port} can't be had" in sentence


def test_ports_that_there_are_not_get_one_sentence(tmp_path: Path) -> None:
    ended = preview_on("65535", tmp_path)

    assert ended.returncode == 2
    assert "65536 can't be had" in ended.stderr
