"""Web sync: visits, limits, tokens and internal hosts."""

import asyncio
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from simcord import Env

from bot.cli import named_sources
from bot.cli.named_sources import SourceOptions
from bot.config.settings import DataSettings, Settings, SourceSettings
from bot.core import index_updates
from bot.core.core import Core
from bot.core.index_updates import run_to_end
from bot.core.job_queue import Priority
from bot.process.client import Bot, start_worker
from bot.sources.service import AddOutcome, TypedAddress
from bot.sources.service import add_address as add_named
from bot.sources.web_sync import due_sources, recognise_service, visit_sources
from bot.sources.web_visits import WebVisits
from bot.storage.derived_data import open_entries
from indexer.ingest.pipeline import UpdateReport
from knowledge import corpus
from knowledge.sources.addition import (
    MissingSourceError,
    add_visited,
    crawl_location,
    page_location,
    repository_location,
    service_location,
)
from knowledge.sources.git.repository import COPIES
from knowledge.sources.net.polite_fetcher import Fetcher
from knowledge.sources.source import SyncStep, token_variable
from knowledge.store.store import Store
from knowledge.values.documents import SHARED, Document, Kind, Scope
from tests.fakes import WordEmbedder
from tests.knowledge import certificates
from tests.knowledge.git_server import GitServer
from tests.knowledge.web_server import Reply, WebServer

PAGE = "<html><body><h1>Ferry</h1><p>The ferry to Lisbon leaves at nine.</p></body></html>"
SOURCES = SourceSettings()


def local_fetcher(delay_seconds: float, sleep: Callable[[float], object]) -> Fetcher:
    """A fetcher that connects to the test's server without pauses."""
    return Fetcher(
        0, problem_with=lambda address: "", resolve=lambda host, port: ["127.0.0.1"], sleep=sleep
    )


@pytest.fixture
def server() -> Iterator[WebServer]:
    with WebServer() as made:
        made.pages["/ferry"] = Reply(PAGE, headers={"ETag": '"1"'})
        yield made


@pytest.fixture
def core(settings: Settings) -> Iterator[Core]:
    with Core(settings, WordEmbedder()) as opened:
        yield opened


@pytest.fixture(params=["sqlite", "postgres"])
def any_core(request: pytest.FixtureRequest, settings: Settings, tmp_path: Path) -> Iterator[Core]:
    """A core on either database, for what is stored differently."""
    if request.param == "postgres":
        url = request.getfixturevalue("postgres_url")
        settings = Settings(data=DataSettings(folder=tmp_path / "beside", database=url))
    with Core(settings, WordEmbedder()) as opened:
        yield opened


def add_address(store: Store, address: str, scope: Scope = SHARED) -> bool:
    return add_visited(store, page_location(address), scope)


def visit(
    settings: Settings,
    core: Core,
    *,
    only_due: bool = False,
    stopping: threading.Event | None = None,
    chosen: SourceSettings = SOURCES,
) -> list[SyncStep]:
    data = DataSettings(folder=core.folder, database=core.database)
    inside = Settings(data=data, sources=chosen)
    found = visit_sources(
        core.web_sources(),
        inside,
        named=due_sources(core.web_sources(), inside) if only_due else None,
        stopping=stopping,
        make_fetcher=local_fetcher,
    )
    return list(found)


def update(core: Core) -> UpdateReport:
    return run_to_end(index_updates.update(core))


def test_a_page_is_quoted_in_its_server_from_its_visit_until_it_is_removed(
    settings: Settings, any_core: Core, server: WebServer
) -> None:
    core, address = any_core, server.url("/ferry")
    add_address(core.store, address, Scope(7))
    assert core.locations() == []
    [failure] = update(core).failed
    assert "has not been fetched yet" in failure.reason
    before = datetime.now(UTC)
    visit(settings, core)
    server.requests.clear()
    kinds = {getattr(item, "kind", None) for item in corpus.documents(core.store, core.pages)}
    assert Kind.PAGE in kinds
    report = update(core)
    assert (report.added, report.failed) == ([f"page:7:{address}"], [])
    [hit, *_] = core.search("when does the ferry to Lisbon leave", 7, 3)
    assert (hit.passage.title, hit.passage.link) == ("Ferry", address)
    assert "Ferry" not in [hit.passage.title for hit in core.search("ferry to Lisbon", 8, 9)]
    assert update(core).unchanged
    assert server.requests == []
    [state] = core.source_states()
    assert (state.location, state.scope, state.failures) == (address, 7, ())
    assert (state.files, state.documents) == (1, 1)
    assert state.read_at is not None
    assert state.read_at >= before

    core.remove_source(address)
    assert update(core).removed == [f"page:7:{address}"]
    assert core.source_states() == []
    with open_entries(core.folder, core.database) as pages:
        assert pages.keys(address) == []


def test_pages_of_a_servers_own_sources_have_limited_space(
    settings: Settings, any_core: Core, server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SourceSettings, "web_megabytes", 1)
    core = any_core
    noise = " ".join(f"{number * 7_919:x}" for number in range(75_000))
    for number in range(3):
        server.pages[f"/{number}"] = Reply(f"<h1>Page {number}</h1><p>{noise}</p>")
        add_address(core.store, server.url(f"/{number}"), Scope(7))
    server.pages["/shared"] = Reply(f"<h1>For all</h1><p>{noise}</p>")
    add_address(core.store, server.url("/shared"))
    add_address(core.store, server.url("/0"), Scope(8))
    visit(settings, core)

    kept = {state.location: state.documents for state in core.source_states()}
    # The first page leaves no room for the second and third. Shared sources have no limit.
    assert kept == {
        server.url("/0"): 1,
        server.url("/1"): 0,
        server.url("/2"): 0,
        server.url("/shared"): 1,
    }


def test_only_due_sources_are_visited(settings: Settings, core: Core, server: WebServer) -> None:
    add_address(core.store, server.url("/ferry"))
    stopping = threading.Event()
    stopping.set()
    assert len(visit(settings, core, stopping=stopping)) == 1
    assert server.requests == []
    assert visit(settings, core, only_due=True)
    assert not visit(settings, core, only_due=True)
    assert visit(settings, core)


def test_a_visit_frees_other_hosts(settings: Settings, core: Core, server: WebServer) -> None:
    add_address(core.store, server.url("/ferry"))
    under_way = visit_sources(core.web_sources(), settings, make_fetcher=local_fetcher)
    next(under_way)
    add_address(core.store, server.url("/ferry", host="other.test"))
    urls = {step.key for step in visit(settings, core)}
    assert urls == {server.url("/ferry", host="other.test")}
    assert [step.key for step in under_way] == [server.url("/ferry")]


@pytest.mark.parametrize("address", ["https://me:secret@a.org/", "http:///x"])
def test_a_login_or_missing_host_is_refused(core: Core, address: str) -> None:
    with pytest.raises(MissingSourceError, match=r"has a name or password|names no host"):
        add_address(core.store, address)
    assert core.sources() == {}


# A running bot.


@pytest.fixture
def simcord_bot(settings: Settings, server: WebServer) -> Bot:
    with Core(settings, WordEmbedder()) as core:
        add_address(core.store, server.url("/ferry"))
    return Bot(settings, start_worker(settings, WordEmbedder()), local_fetcher)


async def test_due_sources_answer_later(simcord_env: Env, simcord_bot: Bot) -> None:
    async with asyncio.timeout(30):
        while True:
            states = await simcord_bot.worker.call(
                lambda core: core.source_states(), priority=Priority.ASKING
            )
            hits = await simcord_bot.worker.call(
                lambda core: core.search("ferry to Lisbon", None, 3), priority=Priority.ASKING
            )
            if "Ferry" in [hit.passage.title for hit in hits]:
                break
            await asyncio.sleep(0.02)
    assert states[0].documents == 1
    await simcord_bot.close()


class SlowHost:
    """The answer of a host that is in the middle of a page until the test lets it go on."""

    def __init__(self, server: WebServer) -> None:
        self.server = server
        self.asked, self.goes_on = threading.Event(), threading.Event()

    def __call__(self, request: BaseHTTPRequestHandler) -> None:
        self.asked.set()
        self.goes_on.wait()
        self.server.send(request, Reply(PAGE))


@pytest.fixture
def slow_host(server: WebServer) -> Iterator[SlowHost]:
    host = SlowHost(server)
    server.pages["/slow"] = host
    yield host
    host.goes_on.set()


async def test_a_slow_host_keeps_no_other_source_of_a_running_bot_waiting(
    settings: Settings, server: WebServer, slow_host: SlowHost
) -> None:
    server.pages["/pier"] = Reply("<h1>Pier</h1><p>The pier opens at dawn.</p>")
    with Core(settings, WordEmbedder()) as core:
        for path, host in (("/slow", "slow.test"), ("/ferry", "quick.test")):
            add_address(core.store, server.url(path, host=host))
    bot = Bot(settings, start_worker(settings, WordEmbedder()), local_fetcher)
    visits = WebVisits(bot)
    round_of_visits = asyncio.create_task(visits.round())

    async def titles() -> list[str]:
        states = await bot.worker.call(Core.source_states, priority=Priority.ASKING)
        hits = await bot.worker.call(
            lambda core: core.search("ferry pier", None, 9), priority=Priority.ASKING
        )
        return [hit.passage.title for hit in hits if states]

    async with asyncio.timeout(60):
        await asyncio.to_thread(slow_host.asked.wait)
        while True:
            if "Ferry" in await titles():
                break
            await asyncio.sleep(0.02)
        added = server.url("/pier", host="new.test")
        await bot.worker.call(lambda core: add_address(core.store, added), priority=Priority.ASKING)
        assert await visits.visit_now([added])
        assert "Pier" in await titles()
        assert not round_of_visits.done()
        # Its own host is being visited.
        assert not await visits.visit_now([server.url("/slow", host="slow.test")])
        slow_host.goes_on.set()
        await round_of_visits
    await bot.close()


# Repositories and sites.


def test_a_repository_is_visited_when_due_and_its_copy_is_deleted_with_it(
    settings: Settings, any_core: Core, tmp_path: Path
) -> None:
    core = any_core
    with GitServer(tmp_path / "served") as git:
        git.repositories.make("handbook.git")
        git.repositories.commit("handbook.git", {"a.md": "# Ferry\n\nTo Lisbon at nine."})
        location = repository_location(git.url("handbook.git"))
        add_visited(core.store, location)
        assert [step.key for step in visit(settings, core, only_due=True)][1:] == ["a.md"]
        assert visit(settings, core, only_due=True) == []
        assert update(core).added[-1].endswith("handbook.git:a.md")
        [copy] = (core.folder / COPIES).iterdir()
        core.remove_source(location)
        assert update(core).removed
        assert not copy.exists()


def test_a_site_is_crawled_when_due(settings: Settings, core: Core, server: WebServer) -> None:
    server.pages["/docs/"] = Reply('<h1>Harbour</h1><p>Hi.</p><a href="ferry">Ferry</a>')
    server.pages["/docs/ferry"] = Reply(PAGE)
    location = crawl_location(server.url("/docs/"))
    add_visited(core.store, location)
    assert len(visit(settings, core, only_due=True)) == 3
    assert visit(settings, core, only_due=True) == []
    added = [one for one in update(core).added if one.startswith("page:")]
    assert added == [f"page:{server.url('/docs/')}", f"page:{server.url('/docs/ferry')}"]


@pytest.mark.parametrize(
    ("scope", "host", "token", "advice"),
    [
        (SHARED, "127.0.0.1", "", "set its token in {variable}."),
        (SHARED, "127.0.0.1", "id:secret", "check the token in {variable}."),
        (
            SHARED,
            "docs.test",
            "id:secret",
            "a token is sent over https only: add its https address instead.",
        ),
        (Scope(7), "docs.test", "id:secret", "only the operator's sources can have a token."),
    ],
)
def test_a_service_that_asks_for_a_login_is_reported_with_advice_for_its_token(
    settings: Settings,
    core: Core,
    server: WebServer,
    monkeypatch: pytest.MonkeyPatch,
    scope: Scope,
    host: str,
    token: str,
    advice: str,
) -> None:
    url, is_inside = server.url("", host), host == "127.0.0.1"
    monkeypatch.setenv(token_variable(url), token)
    server.pages["/api/pages?count=500&sort=%2Bid"] = Reply("", 401)
    add_visited(core.store, service_location("bookstack", url, internal=is_inside), scope)
    visit(settings, core, chosen=SourceSettings(internal=(f"127.0.0.1:{server.port}",)))
    [failure] = core.failures()
    told = advice.format(variable=token_variable(url))
    assert failure.reason.endswith(f"(the host answers 401); {told}")
    sent = [headers.get("authorization") for _, headers in server.requests]
    assert ("Token id:secret" in sent) == (is_inside and bool(token))


# Internal hosts.


@pytest.mark.parametrize("first", ["operator", "administrator"])
def test_an_internal_host_is_read_for_the_operator_and_never_for_an_administrator(
    settings: Settings, core: Core, server: WebServer, first: str
) -> None:
    address = server.url("/ferry", "localhost")
    chosen = SourceSettings(internal=(f"localhost:{server.port}",))
    inside = Settings(data=DataSettings(folder=core.folder, database=core.database), sources=chosen)

    def read() -> list[str]:
        list(visit_sources(core.web_sources(), inside))
        found = list(corpus.web_pages(core.store, core.pages))
        return [one.id for one in found if isinstance(one, Document)]

    named = page_location(address, internal=True)
    # An administrator's source of an earlier release: today, its address is refused.
    both = [(named, SHARED), (address, Scope(7))]
    for location, scope in both if first == "operator" else reversed(both):
        add_visited(core.store, location, scope)
    assert read() == read() == [f"page:{address}"]
    [failure] = core.failures()
    assert failure.reason.startswith("leads to ")
    assert failure.reason.endswith("which is this machine itself.")
    core.remove_source(named)
    assert read() == []


def test_every_kind_of_source_may_be_on_an_internal_host(
    settings: Settings, core: Core, server: WebServer, tmp_path: Path
) -> None:
    server.pages["/docs/"] = Reply('<h1>Harbour</h1><p>Hi.</p><a href="ferry">Ferry</a>')
    server.pages["/docs/ferry"] = Reply(PAGE)
    server.pages["/llms.txt"] = Reply("# Harbour\n\n- [Ferry](/ferry)\n", kind="text/plain")
    host = "127.0.0.1"
    with GitServer(tmp_path / "served") as git:
        git.repositories.make("handbook.git")
        git.repositories.commit("handbook.git", {"a.md": "# Pier\n\nTo Porto at ten."})
        repository = git.url("handbook.git", host)
        for location in (
            crawl_location(server.url("/docs/", host), internal=True),
            page_location(server.url("/llms.txt", host), internal=True),
            repository_location(repository, internal=True),
        ):
            add_visited(core.store, location)
        hosts = (f"{host}:{server.port}", f"{host}:{urlsplit(repository).port}")
        chosen = SourceSettings(internal=hosts)
        data = DataSettings(folder=core.folder, database=core.database)
        list(visit_sources(core.web_sources(), Settings(data=data, sources=chosen)))
    report = update(core)
    assert report.failed == []
    assert {one.removeprefix("page:") for one in report.added if "127" in one} == {
        server.url("/docs/", host),
        server.url("/docs/ferry", host),
        server.url("/ferry", host),
        f"git:{repository}:a.md",
    }


def test_an_internal_host_removed_from_the_settings_gets_no_request(
    settings: Settings, core: Core, server: WebServer
) -> None:
    add_visited(core.store, page_location(server.url("/ferry", "127.0.0.1"), internal=True))
    data = DataSettings(folder=core.folder, database=core.database)
    list(visit_sources(core.web_sources(), Settings(data=data)))
    [failure] = update(core).failed
    assert "which `sources.internal` doesn't name" in failure.reason
    assert server.requests == []


def test_addresses_of_trackers_are_added_as_services(core: Core, settings: Settings) -> None:
    named = TypedAddress("https://github.com/owner/name/issues", only="label=question, label=bug")
    added = add_named(core, named, Scope(7), 1)
    location = "github+https://github.com/owner/name/issues#label=bug&label=question"
    assert added == (location, AddOutcome.SERVICE)
    page = "https://gitlab.com/group/name/-/releases"
    assert named_sources.add(core, [page], SourceOptions(), settings) == [f"gitlab+{page}"]
    assert named_sources.add(core, [page], SourceOptions(crawl=True), settings) == [
        crawl_location(page)
    ]


@pytest.mark.parametrize(("scope", "sent"), [(SHARED, "Bearer hunter2"), (Scope(5), None)])
def test_a_token_is_sent_for_sources_of_the_operator_alone(
    core: Core,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    scope: Scope,
    sent: str | None,
) -> None:
    authority = ssl.create_default_context(cadata=certificates.AUTHORITY)
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate = tmp_path / "certificate.pem"
    certificate.write_text(certificates.CERTIFICATE + certificates.KEY)
    served.load_cert_chain(certificate)

    def trusting_fetcher(_: float, sleep: Callable[[float], object]) -> Fetcher:
        return Fetcher(
            0,
            problem_with=lambda address: "",
            resolve=lambda host, port: ["127.0.0.1"],
            sleep=sleep,
            trusted=authority,
        )

    with WebServer(served) as server:
        address = server.url("")
        # Files and editors end lines.
        monkeypatch.setenv(token_variable(address), "hunter2\n")
        monkeypatch.setenv(token_variable(server.url("", host="docs-test")), "another")
        server.pages["/lib/exe/jsonrpc.php"] = Reply('{"result": []}')
        add_visited(core.store, service_location("dokuwiki", address), scope)
        list(visit_sources(core.web_sources(), settings, make_fetcher=trusting_fetcher))
    [(_, headers)] = server.requests
    assert headers.get("authorization") == sent
    for file in core.folder.rglob("*"):
        assert not file.is_file() or b"hunter2" not in file.read_bytes()


def test_recognition_gives_up_on_a_slow_host(
    settings: Settings, server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow_fetcher(_: float, sleep: Callable[[float], object]) -> Fetcher:
        return Fetcher(
            60,
            problem_with=lambda address: "",
            resolve=lambda host, port: ["127.0.0.1"],
            sleep=sleep,
        )

    server.pages["/"] = Reply('<meta name="generator" content="MediaWiki 1.43">')
    assert recognise_service(server.url("/"), settings, slow_fetcher) is None
    # The first request to a host needs no pause.
    assert len(server.requests) == 1


def test_a_slow_host_does_not_keep_other_sources_waiting(
    core: Core, settings: Settings, server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for host in ("a.test", "b.test"):
        add_address(core.store, server.url("/ferry", host=host))
    monkeypatch.setattr("bot.sources.web_sync.VISIT_SECONDS", -1)
    steps = visit(settings, core)
    assert [step.key for step in steps] == [
        server.url("/ferry", host=host) for host in ("a.test", "b.test")
    ]
