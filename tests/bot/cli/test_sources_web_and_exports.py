"""`source …` with chat exports and addresses of the web."""

import json
from pathlib import Path

import pytest

from bot.cli.console import UNUSABLE
from bot.cli.sources import UNREAD
from bot.storage.data_folder import data_folder
from tests.bot.cli.test_sources import Terminal
from tests.bot.cli.test_sources import terminal as terminal
from tests.knowledge.exporting import GUILD_ID, SOLVED, TEXT, as_json, export
from tests.knowledge.git_server import Repositories
from tests.knowledge.sources.wiki_server import WikiPage, WikiServer
from tests.knowledge.web_server import Reply, WebServer


def test_a_folder_of_exports_names_its_server(terminal: Terminal) -> None:
    (terminal.guides / "thread.json").write_bytes(as_json(export(SOLVED)))
    added = terminal.run("source", "add", terminal.guides)
    assert (
        f"Everyone in server {GUILD_ID}, and nobody else, can be shown 1 conversation"
        in added.stdout
    )
    assert "Remove exports of channels that not everyone there may read." in added.stdout
    assert terminal.json("source", "list")["documents"] == 1
    again = terminal.run("source", "sync")
    assert "chat exports" not in again.stdout


def test_a_plain_text_export_is_refused(terminal: Terminal) -> None:
    path = terminal.guides / "thread.txt"
    path.write_text(TEXT)
    [failure] = terminal.json("source", "add", path, "--guild", "77", code=UNREAD)["failed"]
    assert "is a chat export as TXT" in failure["reason"]
    assert "export the channel as JSON" in failure["reason"]


def test_one_servers_export_cannot_become_everybodys(terminal: Terminal) -> None:
    path = terminal.guides / "thread.json"
    path.write_bytes(as_json(export(SOLVED)))
    assert terminal.json("source", "add", path, "--guild", "77")["failed"] == []
    listed = terminal.json("source", "list")
    assert (listed["scope"], listed["documents"]) == ("77", 1)
    refused = terminal.run("source", "add", path)
    assert refused.returncode == UNUSABLE
    assert "is already a source for server 77: remove it first" in refused.stderr
    assert terminal.json("source", "remove", path)["removed"]


@pytest.mark.parametrize("named", ["handbook", "handbook/ --crawl", "handbook.git"])
def test_addresses_of_this_machine_are_refused(terminal: Terminal, named: str) -> None:
    # Resolvers take this for 127.0.0.1.
    address, *options = f"http://127.1:9/{named}".split()
    refused = terminal.run("source", "add", address, *options)
    assert refused.returncode == UNUSABLE
    assert f"{address} leads to 127.0.0.1, which is this machine itself." in refused.stderr
    assert "There is no source yet" in terminal.run("source", "list").stdout
    assert terminal.json("source", "sync")["failed"] == []
    assert terminal.run("index").returncode == 0


def test_cited_pages_are_checked_politely(terminal: Terminal) -> None:
    (terminal.guides / "a.md").write_text("# A\n\nText.")
    add = ("source", "add", terminal.guides, "--base-url", "mkdocs:http://127.1:9", "--check-links")
    done = terminal.run(*add)
    assert done.returncode == 0
    assert "Found 0 of 1 cited pages." in done.stdout
    reason = "leads to 127.0.0.1, which is this machine itself"
    assert f"could not be checked: http://127.1:9/a/ {reason}\n" in done.stdout
    _, links = terminal.run(*add, "--json").stdout.splitlines()
    assert json.loads(links)["links"]["unchecked"] == {"http://127.1:9/a/": reason}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("source", "add", "https://me:secret@a.org/"), "has a name or password in it."),
        (("index", "https://a.org/"), "is an address of the web: name it to `commonplace source"),
        (("source", "add", "http://127.0.0.1:9/a"), "127.0.0.1, which is this machine itself."),
        (("source", "add", "http://127.0.0.1:9/a"), "name it in `sources.internal`."),
        (("source", "add", "http://169.254.169.254/latest"), "Such an address is never read."),
        (("source", "add", "http://[fd00:ec2::254]/"), "Such an address is never read."),
        (
            ("source", "add", "mediawiki+https://a.org/"),
            "type `commonplace source add https://a.org/ --kind mediawiki`.",
        ),
        (
            ("source", "add", "git+https://a.org/x"),
            "`commonplace source add https://a.org/x --git`.",
        ),
        (("source", "add", "http://[::1"), "http://[::1 is no valid address."),
        (("source", "add", "wiki+https://a.org/"), "can't be fetched: name an http or https"),
        (("source", "add", "http://[fd00::1]/a"), "fd00::1, which belongs to a private network."),
        (("source", "add", "a\nb.md"), "a b.md has a name with a line break: rename it."),
        (("source", "add", "https://a.org/\nb"), "https://a.org/ b is no valid address."),
        (("source", "add", "README.md", "--guild", "help"), "--guild help is no server's id."),
        (("source", "add", "README.md", "--guild", "9" * 19), "9999 is no server's id."),
        (("source", "sync", "a.md"), "a.md is not a source. The sources are: none."),
        (("source", "remove", "https://a.org/"), "is not a source. The sources are: none."),
        (("source", "add", ""), "A source without a name was given: name a file, a folder or"),
        (("source", "remove", ""), "A source without a name was given: name a file, a folder or"),
        (("index", ""), "A source without a name was given: name a file, a folder or"),
        (("source", "add", "www.a.org"), "not there. If it is a web address, begin it with https"),
        (("source", "add", "ftp://a.org/x"), "can't be fetched: name an http or https address"),
        (("source", "add", "bad\udcff.md"), "has a name that is not UTF-8: rename it."),
        (("source", "add", "/dev/null"), "is neither a file nor a folder: name one."),
    ],
)
def test_what_can_not_be_done_with_an_address_is_said(
    terminal: Terminal, arguments: tuple[str | Path, ...], told: str
) -> None:
    data_folder(terminal.data)
    done = terminal.run(*arguments)
    assert done.returncode == UNUSABLE
    assert told in done.stderr


# Repositories that are here, and sites.

FERRY = "# Ferries\n\n## Lisbon\n\nThe ferry to Lisbon leaves at nine.\n"


@pytest.fixture
def handbook(tmp_path: Path) -> Repositories:
    made = Repositories(tmp_path / "served")
    repository = made.make("handbook.git")
    config = repository.get_config()
    config.set((b"remote", b"origin"), b"url", b"git@github.com:harbour/handbook.git")
    config.write_to_path()
    return made


def test_a_local_repository_is_read_by_commit(terminal: Terminal, handbook: Repositories) -> None:
    path = handbook.folder / "handbook.git"
    first = handbook.commit("handbook.git", {"docs/ferry.md": FERRY, "other.md": "# Other\n\nNo."})
    added = terminal.json("source", "add", path, "--path", "docs/")["added"]
    assert [one for one in added if one.startswith("git:")] == [f"git:{path}:docs/ferry.md"]
    listed = terminal.json("source", "list")
    assert (listed["location"], listed["commit"]) == (f"git+file://{path}#docs", first)
    assert listed["base_url"] == "https://github.com/harbour/handbook"
    assert f"commit {first[:10]}" in terminal.run("source", "list").stdout
    link = f"https://github.com/harbour/handbook/blob/{first}/docs/ferry.md?plain=1#L3-L5"
    assert link in terminal.run("ask", "When does the ferry to Lisbon leave?").stdout
    second = handbook.commit("handbook.git", {"docs/ferry.md": FERRY.replace("nine", "ten")})
    report = terminal.json("source", "sync", path)
    assert (len(report["changed"]), report["removed"]) == (1, [])
    assert second in terminal.run("ask", "When does the ferry to Lisbon leave?").stdout
    assert terminal.json("source", "remove", path)["removed"]


def test_a_bad_repository_is_one_sentence(terminal: Terminal, handbook: Repositories) -> None:
    path = handbook.folder / "handbook.git"
    [failure] = terminal.json("source", "add", path, "--git", code=UNREAD)["failed"]
    assert failure == {"source": str(path), "reason": "is empty: it has no commit yet."}
    handbook.commit("handbook.git", {"a.md": "# A\n\nText."})
    *_, failure = terminal.json("source", "add", path, "--branch", "x", code=UNREAD)["failed"]
    assert failure["reason"] == "has no branch x; it has main."


def test_options_that_do_not_belong_together_are_refused(terminal: Terminal) -> None:
    address = "https://docs.example.org/"
    for arguments, told in (
        (("--crawl", "--git"), "--crawl is for sites; --git, --branch and --path are for"),
        (("--depth", "2"), "--depth and --pages limit a crawl: add --crawl."),
        (("--crawl", "--depth", "11"), "A crawl goes 0 to 10 links deep and asks for 1 to 2,000"),
        (("--crawl", "--base-url", address), "--base-url is for one file, folder or repository"),
        (("--git", "--path", "../x"), "../x is no folder in a repository."),
    ):
        refused = terminal.run("source", "add", address, *arguments)
        assert refused.returncode == UNUSABLE
        assert told in refused.stderr
    refused = terminal.run("source", "add", terminal.guides, "--crawl")
    assert "--crawl and --kind need a web address." in refused.stderr
    refused = terminal.run("source", "add", "git@github.com:owner/name.git")
    assert refused.returncode == UNUSABLE
    assert "name the repository's https address." in refused.stderr


def test_a_named_local_wiki_is_a_source(terminal: Terminal) -> None:
    with WebServer() as server:
        server.pages["/wiki/ferry"] = Reply("<h1>Ferry</h1><p>To Lisbon at nine.</p>")
        address = server.url("/wiki/ferry", "127.0.0.1")
        refused = terminal.run("source", "add", address)
        assert refused.returncode == UNUSABLE
        assert "which is this machine itself. If it is yours, name it" in refused.stderr
        config = terminal.guides / "config.toml"
        config.write_text(f'[sources]\ninternal = ["127.0.0.1:{server.port}"]\n')
        named = ("--config", config)
        assert f"page:{address}" in terminal.json("source", "add", address, *named)["added"]
        assert f"internal+{address}" in terminal.run("source", "list").stdout
        assert terminal.json("source", "sync", address, *named)["failed"] == []
        assert terminal.json("source", "remove", address)["removed"] == [f"page:{address}"]


def test_a_wiki_is_recognised_by_its_main_page(terminal: Terminal) -> None:
    with WikiServer() as wiki:
        wiki.pages["/"] = Reply('<meta name="generator" content="MediaWiki 1.43.1">')
        wiki.content = {1: WikiPage("Ferry"), 2: WikiPage("Pier", revision=3)}
        wiki.rights = {"text": "CC BY 4.0"}
        config = terminal.guides / "config.toml"
        config.write_text(f'[sources]\ninternal = ["127.0.0.1:{wiki.port}"]\n')
        address = wiki.url("/", "127.0.0.1")
        added = terminal.run("source", "add", address, "--config", config)
        assert "is read by the API of MediaWiki" in added.stderr
        listed = terminal.json("source", "list")
        assert listed["location"] == f"internal+mediawiki+{address.rstrip('/')}"
        assert (listed["documents"], listed["licence"]) == (2, "CC BY 4.0")
