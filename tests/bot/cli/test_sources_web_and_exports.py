"""`source …` with chat exports and addresses of the web, as real processes."""

from pathlib import Path

import pytest

from bot.cli.console import UNUSABLE
from bot.cli.sources import UNREAD
from tests.bot.cli.test_sources import Terminal
from tests.bot.cli.test_sources import terminal as terminal
from tests.knowledge.exporting import GUILD_ID, SOLVED, as_json, export


def test_a_folder_of_exports_says_whom_it_is_for(terminal: Terminal) -> None:
    (terminal.guides / "thread.json").write_bytes(as_json(export(SOLVED)))
    added = terminal.run("source", "add", terminal.guides)
    assert f"1 conversation from chat exports can be quoted in server {GUILD_ID}" in added.stdout
    assert "Remove the exports of channels that not everyone there may read." in added.stdout
    assert terminal.json("source", "list")["documents"] == 1
    again = terminal.run("source", "sync")
    assert "chat exports" not in again.stdout


def test_a_plain_text_export_is_added_with_its_server(terminal: Terminal) -> None:
    path = terminal.guides / "thread.txt"
    path.write_text(
        "=" * 62 + "\nGuild: Harbour\nChannel: help / general\n" + "=" * 62 + "\n\n"
        "[28.03.2026 21:05] mira\nHow do I change the colour of a role?\n\n\n"
        "[28.03.2026 21:10] ada\nIn the settings of the server, under Roles.\n"
    )
    [failure] = terminal.json("source", "add", path, code=UNREAD)["failed"]
    assert "add it with --guild and the server's id" in failure["reason"]
    refused = terminal.run("source", "add", path, "--guild", "77")
    assert refused.returncode == UNUSABLE
    assert "is a source for every server already: remove it first" in refused.stderr
    terminal.run("source", "remove", path)
    assert len(terminal.json("source", "add", path, "--guild", "77")["added"]) == 1
    listed = terminal.json("source", "list")
    assert (listed["scope"], listed["documents"]) == ("77", 1)
    assert terminal.json("source", "remove", path)["removed"]


def test_an_address_inside_the_own_network_is_never_asked(terminal: Terminal) -> None:
    # Whoever resolves names takes this for a name of 127.0.0.1.
    address = "http://127.1:9/handbook"
    [failure] = terminal.json("source", "add", address, code=UNREAD)["failed"]
    assert failure == {
        "source": address,
        "reason": "leads to 127.0.0.1, which is this machine itself.",
    }
    listed = terminal.json("source", "list")
    assert (listed["location"], listed["documents"]) == (address, 0)
    assert "0 documents from 1 pages" in terminal.run("source", "list").stdout
    assert terminal.json("source", "sync")["failed"] == [failure]
    assert terminal.json("source", "sync", address)["failed"] == [failure]
    assert terminal.run("index").returncode == 0
    assert terminal.run("source", "remove", address).returncode == 0
    assert "There is no source yet" in terminal.run("source", "list").stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("source", "add", "https://me:secret@a.org/"), "has a name or password in it."),
        (("index", "https://a.org/"), "is an address of the web: name it to `commonplace source"),
        (("source", "add", "http://127.0.0.1:9/a"), "127.0.0.1, which is this machine itself."),
        (("source", "add", "http://[fd00::1]/a"), "fd00::1, which belongs to a private network."),
        (("source", "add", "a\nb.md"), "a b.md has a name with a line break: rename it."),
        (("source", "add", "https://a.org/\nb"), "https://a.org/ b is no valid address."),
        (("source", "add", "README.md", "--guild", "help"), "--guild help is no server's id: give"),
        (("source", "add", "README.md", "--guild", "9" * 19), "9999 is no server's id: give"),
        (("source", "sync", "a.md"), "a.md is not a source. The sources are: none."),
        (("source", "remove", "https://a.org/"), "is not a source. The sources are: none."),
        (("source", "add", ""), "A source without a name was given: name a file, a folder or"),
        (("source", "remove", ""), "A source without a name was given: name a file, a folder or"),
        (("index", ""), "A source without a name was given: name a file, a folder or"),
        (("source", "add", "ftp://a.org/x"), "is no address that can be fetched: name one of http"),
        (("source", "add", "bad\udcff.md"), "has a name that is not UTF-8: rename it."),
        (("source", "add", "/dev/null"), "is neither a file nor a folder: name one."),
    ],
)
def test_what_can_not_be_done_with_an_address_is_said(
    terminal: Terminal, arguments: tuple[str | Path, ...], told: str
) -> None:
    done = terminal.run(*arguments)
    assert done.returncode == UNUSABLE
    assert told in done.stderr
