import json
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from knowledge.sources.entries import EntryStore
from knowledge.sources.source import token_variable
from tests.knowledge.sources.described_server import Asked, DescribedServer
from tests.knowledge.sources.visited import NOW, VisitedService
from tests.knowledge.web_server import Reply

REPOSITORY = "/repos/{owner}/{repo}"
PAGE_ITEMS = 2


def at(day: float) -> str:
    return (NOW + timedelta(days=day)).isoformat().replace("+00:00", "Z")


class Hub(DescribedServer):
    """A repository on GitHub Enterprise, whose lists have two items a page."""

    def __init__(self) -> None:
        super().__init__("github", "/api/v3")
        self.issues: dict[int, dict[str, Any]] = {}
        self.comments: dict[int, list[dict[str, Any]]] = {}
        self.releases: list[dict[str, Any]] = []
        self.answers = {
            f"{REPOSITORY}/issues": self._issues,
            f"{REPOSITORY}/issues/comments": self._newest,
            f"{REPOSITORY}/issues/{{issue_number}}": self._issue,
            f"{REPOSITORY}/issues/{{issue_number}}/comments": self._comments,
            f"{REPOSITORY}/releases": lambda asked: self.releases,
            f"{REPOSITORY}/releases/{{release_id}}": lambda asked: next(
                one for one in self.releases if one["id"] == int(asked["release_id"])
            ),
        }

    def add(
        self, number: int, name: str, *comments: tuple[str, str, str], day: float = 0, **fields: Any
    ) -> None:
        """Add a closed issue; a comment is its author, their association, and its text."""
        self.issues[number] = {
            "id": number * 100,
            "number": number,
            "title": name,
            "body": "<!-- Tell us more. -->\nIt stays black. What can I do?",
            "user": {"login": "mira"},
            "state": "closed",
            "state_reason": "completed",
            "author_association": "NONE",
            "comments": len(comments),
            "updated_at": at(day),
            "created_at": at(-9),
            "html_url": f"{self.base}/o/n/issues/{number}",
            **fields,
        }
        self.comments[number] = [
            {
                "id": number * 100 + place,
                "user": {"login": author},
                "author_association": association,
                "body": body,
                "created_at": at(-8 + place / 10),
                "html_url": f"{self.base}/o/n/issues/{number}#issuecomment-{place}",
                "issue_url": f"{self.base}{self.prefix}/repos/o/n/issues/{number}",
            }
            for place, (author, association, body) in enumerate(comments, start=1)
        ]

    def headers(self, template: str, asked: Asked, told: Any) -> dict[str, str]:
        found = {"ETag": f'"{hash(json.dumps(told))}"'}
        if template == f"{REPOSITORY}/issues" and len(self._matching(asked)) > self._end(asked):
            page = int(asked.get("page", "1")) + 1
            query = "&".join(f"{k}={v}" for k, v in asked.items() if k not in ("owner", "repo"))
            link = f"{self.base}{self.prefix}/repos/o/n/issues?{query}&page={page}"
            found["Link"] = f'<{link}>; rel="next", <{link}>; rel="last"'
        return found

    @staticmethod
    def _end(asked: Asked) -> int:
        return int(asked.get("page", "1")) * PAGE_ITEMS

    def _matching(self, asked: Asked) -> list[dict[str, Any]]:
        wanted = (asked["state"],) if asked["state"] != "all" else ("open", "closed")
        found = [one for one in self.issues.values() if one["state"] in wanted]
        found = [one for one in found if one["updated_at"] >= asked.get("since", "")]
        return sorted(found, key=lambda one: str(one["updated_at"]), reverse=True)

    def _issues(self, asked: Asked) -> Any:
        return self._matching(asked)[self._end(asked) - PAGE_ITEMS : self._end(asked)]

    def _issue(self, asked: Asked) -> Any:
        return self.issues[int(asked["issue_number"])]

    def _newest(self, _: Asked) -> Any:
        found = [one for comments in self.comments.values() for one in comments]
        return sorted(found, key=lambda one: str(one["created_at"]), reverse=True)[:50]

    def _comments(self, asked: Asked) -> Any:
        return self.comments[int(asked["issue_number"])]


HELP = ("ada", "MEMBER", "The pan has to be hot first: wait for two minutes, then pour the batter.")


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as hub:
        hub.add(7, "Waffles stay black", HELP, ("mira", "NONE", "Thanks, that worked!"))
        yield hub
        assert hub.problems == []


@pytest.fixture
def source(hub: Hub, pages: EntryStore) -> VisitedService:
    return VisitedService("github", f"{hub.base}/o/n/issues", pages)


def test_issue_has_the_maintainers_answer(hub: Hub, source: VisitedService) -> None:
    source.sync()
    [found] = source.documents.values()
    link = f"{hub.base}/o/n/issues/7"
    assert (found.title, found.link) == ("Waffles stay black", link)
    assert found.text.startswith(
        f"**[mira]({link})**, 01 Mar 2026:\n\nIt stays black. What can I do?\n\n"
        f"**[ada]({link}#issuecomment-1)**, 02 Mar 2026:\n\nThe pan has to be hot first"
    )


def test_issues_beyond_memory_are_asked_for(
    hub: Hub, source: VisitedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("knowledge.sources.kinds.tracker.REMEMBERED_BYTES", 0)
    source.sync()
    assert [*source.documents] == ["Waffles stay black"]


@pytest.mark.parametrize(
    "fields",
    [
        {"state": "open"},
        {"state_reason": "not_planned"},
        {"pull_request": {}},
        {"author_association": "OWNER"},
        {"labels": [{"name": "enhancement"}]},
        {"title": "Add a timer"},
        {"comments": 400},
    ],
)
def test_tasks_cost_no_request(hub: Hub, source: VisitedService, fields: dict[str, Any]) -> None:
    hub.add(7, "Waffles stay black", HELP, **fields)
    source.sync()
    assert source.documents == {}
    assert len(hub.asked) == 1


@pytest.mark.parametrize(
    "comment",
    [
        ("stale[bot]", "NONE", "This issue has had no activity for a month and is closed now."),
        ("ada", "MEMBER", "Closing this as a duplicate of #3. Feel free to reopen it."),
        ("ada", "MEMBER", "Could you tell us which version of the iron you use, please?"),
        ("bo", "NONE", "The pan has to be hot first: wait for two minutes, then pour it."),
    ],
)
def test_other_comments_are_asked_for_once(
    hub: Hub, source: VisitedService, comment: tuple[str, str, str]
) -> None:
    hub.add(7, "Waffles stay black", comment)
    source.sync()
    source.sync(1)
    assert source.documents == {}
    comments = f"{REPOSITORY}/issues/{{issue_number}}/comments"
    assert [template for template, _ in hub.asked].count(comments) == 1


def test_an_unchanged_repository_costs_one_request(hub: Hub, source: VisitedService) -> None:
    for number in range(10, 20):
        hub.add(number, f"Question {number}", HELP, day=-number)
    source.sync()
    source.sync(1)
    hub.requests.clear()
    source.sync(2)
    [(path, headers)] = hub.requests
    assert "since=2026-03" in path
    assert headers["if-none-match"]
    assert len(source.documents) == 11


def test_comments_of_many_issues_are_asked_for_together(hub: Hub, source: VisitedService) -> None:
    for number in range(10, 50):
        hub.add(number, f"Question {number}", HELP, ("mira", "NONE", "Thanks, that worked!"))
    source.sync()
    asked = [asked["issue_number"] for _, asked in hub.asked if "issue_number" in asked]
    # Of the 82 comments, 50 are listed together: the thanks of all, and the answers of nine.
    assert len(asked) == 32
    assert len(source.documents) == 41
    assert all("pan has to be hot" in one.text for one in source.documents.values())


def test_deleted_issues_are_dropped_within_a_month(hub: Hub, source: VisitedService) -> None:
    hub.add(8, "Irons stick", HELP)
    source.sync()
    del hub.issues[8]
    for day in range(1, 31):
        source.sync(day)
    assert [*source.documents] == ["Waffles stay black"]


def test_limit_on_listing_does_not_stop_following(hub: Hub, source: VisitedService) -> None:
    for day in range(30):
        source.sync(day)
    hub.add(8, "Irons stick", HELP, day=29)
    hub.first = [Reply("{}", 403, {"X-RateLimit-Remaining": "0", "Retry-After": "3600"})]
    source.sync(30)
    assert source.reasons == []
    source.sync(31)
    assert sorted(source.documents) == ["Irons stick", "Waffles stay black"]


def test_labels_narrow_the_issues(hub: Hub, pages: EntryStore) -> None:
    hub.add(8, "Irons stick", HELP, labels=[{"name": "iron"}])
    some = VisitedService("github", f"{hub.base}/o/n/issues", pages, (("label", "iron"),))
    some.sync()
    assert [*some.documents] == ["Irons stick"]
    assert some.documents["Irons stick"].tags == ("iron",)


def test_people_who_asked_not_to_be_quoted_are_left_out(hub: Hub, source: VisitedService) -> None:
    hub.add(7, "Waffles stay black", ("bo", "NONE", "I have the same here, @mira."), HELP)
    source.sync()
    source.without = ("bo",)
    source.sync(1)
    [found] = source.documents.values()
    assert "same here" not in found.text
    source.without = ("ada", "bo")
    source.sync(2)
    assert source.documents == {}


def test_a_link_to_another_host_is_not_followed(hub: Hub, source: VisitedService) -> None:
    source.token = "hunter2"  # noqa: S105 - no password of anybody
    elsewhere = hub.url("/api/v3/repos/o/n/issues?page=2", host="evil.test")
    body = json.dumps([hub.issues[7] | {"labels": []}])
    hub.first = [Reply(body, 200, {"Link": f'<{elsewhere}>; rel="next"'})]
    source.sync()
    assert len(hub.requests) == 1
    assert source.reasons == [
        f"leads to {hub.url('', host='evil.test')}: add that address instead."
    ]


def test_releases_are_documents_and_drafts_are_none(hub: Hub, pages: EntryStore) -> None:
    released = {"id": 1, "tag_name": "v2", "name": "2.0", "body": "Waffles are round now."}
    released |= {"published_at": at(0), "html_url": f"{hub.base}/o/n/releases/tag/v2"}
    hub.releases = [released, {**released, "id": 2, "name": "3.0", "draft": True}]
    source = VisitedService("github", f"{hub.base}/o/n/releases", pages)
    source.sync()
    [found] = source.documents.values()
    assert (found.title, found.text) == ("n 2.0", "Waffles are round now.")
    source.sync(1)
    assert len(hub.requests) == 2
    hub.releases = [{**released, "body": "Waffles are square again."}]
    source.sync(2)
    assert "square" in source.documents["n 2.0"].text


def test_releases_name_nobody_who_asked_not_to_be_quoted(hub: Hub, pages: EntryStore) -> None:
    released = {"id": 1, "tag_name": "v2", "name": "2.0", "body": "Round waffles, by @Bo."}
    hub.releases = [{**released, "published_at": at(0), "html_url": f"{hub.base}/o/n/v2"}]
    source = VisitedService("github", f"{hub.base}/o/n/releases", pages)
    source.sync()
    source.without = ("bo",)
    source.sync(1)
    assert source.documents["n 2.0"].text == "Round waffles, by @someone."


class Discussions:
    """The GraphQL API of a repository's discussions, for those with a token."""

    def __init__(self, hub: Hub) -> None:
        self.asked: list[dict[str, Any]] = []
        self.found: dict[int, dict[str, Any]] = {}
        self.hub = hub
        self.problem: dict[str, str] | None = None
        self.revoked_after_listing = False
        hub.pages["/api/graphql"] = self._answer

    def add(self, number: int, title: str, day: float = 0) -> None:
        posts = [
            {"id": f"c{place}", "body": body, "url": f"{self.hub.base}/d{number}#{place}"}
            | {"createdAt": at(day + place), "isMinimized": place == 2, "author": {"login": author}}
            for place, (author, body) in enumerate(
                [("bo", "I would like to know this, too, by the way."), ("x", "Buy watches!")], 1
            )
        ]
        answer = {"id": "a", "body": HELP[2], "url": f"{self.hub.base}/d{number}#a"}
        self.found[number] = {
            "number": number,
            "updatedAt": at(day),
            "title": title,
            "body": "How hot should the iron be?",
            "url": f"{self.hub.base}/o/n/discussions/{number}",
            "createdAt": at(-3),
            "author": None,
            "labels": {"nodes": [{"name": "iron"}]},
            "answer": {**answer, "createdAt": at(3), "author": {"login": "ada"}},
            "comments": {"nodes": posts},
        }

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        asked = json.loads(request.rfile.read(int(request.headers["Content-Length"])))
        number = asked["variables"].get("number")
        is_revoked = self.revoked_after_listing and number is not None
        if is_revoked or request.headers.get("Authorization") != "Bearer hunter2":
            self.hub.send(request, Reply("{}", 401))
            return
        self.asked.append(asked["variables"])
        newest = sorted(self.found.values(), key=lambda one: str(one["updatedAt"]), reverse=True)
        pages = {"hasNextPage": False, "endCursor": None}
        listed = {"discussions": {"pageInfo": pages, "nodes": newest}}
        found = listed if number is None else {"discussion": self.found.get(number)}
        told: dict[str, Any] = {"data": {"repository": found}}
        if self.problem:
            told = {"data": None, "errors": [self.problem]}
        self.hub.send(request, Reply(json.dumps(told)))


@pytest.fixture
def discussions(hub: Hub) -> Discussions:
    found = Discussions(hub)
    found.add(5, "Heat of the iron")
    return found


@pytest.fixture
def asked_source(hub: Hub, pages: EntryStore, discussions: Discussions) -> VisitedService:
    source = VisitedService("github", f"{hub.base}/o/n/discussions", pages)
    source.token = "hunter2"  # noqa: S105 - no password of anybody
    return source


def test_discussion_has_its_marked_answer(hub: Hub, asked_source: VisitedService) -> None:
    asked_source.sync()
    [found] = asked_source.documents.values()
    assert found.link == f"{hub.base}/o/n/discussions/5"
    assert "How hot should the iron be?" in found.text
    assert found.text.index("**[ada]") < found.text.index("## Replies") < found.text.index("bo")
    assert "watches" not in found.text


def test_unchanged_discussions_cost_a_request(
    discussions: Discussions, asked_source: VisitedService
) -> None:
    asked_source.sync()
    discussions.asked.clear()
    asked_source.sync(1)
    assert len(discussions.asked) == 1
    discussions.add(6, "Shape of the iron", day=2)
    asked_source.sync(3)
    assert sorted(asked_source.documents) == ["Heat of the iron", "Shape of the iron"]


def test_discussions_need_a_token(asked_source: VisitedService) -> None:
    asked_source.token = ""
    asked_source.sync()
    [reason] = asked_source.reasons
    assert reason == (
        "shows discussions only with a token: the operator adds it for every server on the "
        f"command line, and sets {token_variable(asked_source.location.partition('+')[2])}."
    )


@pytest.mark.parametrize(
    ("problem", "reason"),
    [
        ({"type": "RATE_LIMITED", "message": "API rate limit"}, "asks to be left alone for now"),
        ({"type": "NOT_FOUND", "message": "Could not resolve"}, "can't be read: Could not resolve"),
    ],
)
def test_errors_of_the_graphql_api_are_told(
    discussions: Discussions, asked_source: VisitedService, problem: dict[str, str], reason: str
) -> None:
    asked_source.sync()
    discussions.problem = problem
    asked_source.sync(1)
    assert [*asked_source.documents] == ["Heat of the iron"]
    assert any(each.startswith(reason) for each in asked_source.reasons)


def test_token_revoked_in_a_visit_drops_nothing(
    hub: Hub, discussions: Discussions, asked_source: VisitedService
) -> None:
    asked_source.sync()
    discussions.add(5, "Heat of the iron", day=1)
    steps = asked_source.steps(1)
    next(steps)
    discussions.revoked_after_listing = True
    assert [*steps] == []
    assert [*asked_source.documents] == ["Heat of the iron"]
    assert asked_source.reasons[0].startswith("shows discussions only with a token")
