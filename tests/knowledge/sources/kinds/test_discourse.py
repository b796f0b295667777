from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from knowledge.sources.entries import EntryStore
from knowledge.sources.kinds.discourse import FIRST_POSTS
from tests.knowledge.sources.described_server import Asked, DescribedServer
from tests.knowledge.sources.visited import NOW, VisitedService
from tests.knowledge.web_server import Reply

PER_PAGE = 3

# The author of a post, its HTML, and further fields.
Post = tuple[str, str, dict[str, Any]]


@dataclass
class Topic:
    """A topic: its posts, and the numbers of its answer and of deleted posts."""

    title: str
    posts: Sequence[Post]
    accepted: int = 0
    day: float = 0
    category: int = 1
    fields: dict[str, Any] = field(default_factory=dict)
    purged: Collection[int] = ()

    @property
    def bumped_at(self) -> str:
        return (NOW + timedelta(days=self.day)).isoformat().replace("+00:00", ".000Z")


class Forum:
    """A forum with these topics by id, served as Discourse describes its API."""

    def __init__(self, server: DescribedServer) -> None:
        self.server = server
        self.topics: dict[int, Topic] = {}
        server.answers = {
            "/categories.json": self._categories,
            "/latest.json": lambda asked: self._list(asked, [*self.topics]),
            "/tag/{name}.json": lambda asked: self._list(asked, self._tagged(asked["name"])),
            "/c/{slug}/{id}.json": lambda asked: self._list(asked, self._within(int(asked["id"]))),
            "/t/{id}.json": lambda asked: self._topic(int(asked["id"])),
            "/t/{id}/posts.json": self._posts,
        }

    def _categories(self, _: Asked) -> Any:
        staff = {"id": 9, "name": "Staff", "slug": "staff", "read_restricted": True}
        inner = {"id": 2, "name": "Boats", "slug": "boats", "read_restricted": False}
        outer = {"id": 1, "name": "Harbour", "slug": "harbour", "read_restricted": False}
        return {"category_list": {"categories": [{**outer, "subcategory_list": [inner]}, staff]}}

    def _tagged(self, tag: str) -> list[int]:
        return [key for key, one in self.topics.items() if tag in one.fields.get("tags", ())]

    def _within(self, category: int) -> list[int]:
        return [key for key, one in self.topics.items() if one.category == category]

    def _list(self, asked: Asked, keys: Sequence[int]) -> Any:
        shown = [key for key in keys if asked.get("solved") != "yes" or self.topics[key].accepted]
        pinned = [key for key in shown if self.topics[key].fields.get("pinned")]
        rest = sorted(set(shown) - set(pinned), key=lambda key: -self.topics[key].day)
        start = int(asked.get("page", "0")) * PER_PAGE
        some = [*pinned, *rest][start : start + PER_PAGE]
        found: dict[str, Any] = {"topics": [self._item(key) for key in some]}
        if start + PER_PAGE < len(shown):
            found["more_topics_url"] = "/latest?page=next"
        return {"topic_list": found}

    def _item(self, key: int) -> Any:
        topic = self.topics[key]
        return {
            "id": key,
            "title": topic.title,
            "bumped_at": topic.bumped_at,
            "posts_count": len(topic.posts),
            "category_id": topic.category,
            "has_accepted_answer": bool(topic.accepted),
            **{"archetype": "regular", "visible": True, **topic.fields},
        }

    def _topic(self, key: int) -> Any:
        if key not in self.topics:
            return Reply("{}", 404)
        topic = self.topics[key]
        accepted = {"accepted_answer": {"post_number": topic.accepted}} if topic.accepted else {}
        posts = [
            self._post(key, number)
            for number in range(1, len(topic.posts) + 1)
            if number not in topic.purged
        ]
        ids = [one["id"] for one in posts]
        tags = [{"name": tag} for tag in topic.fields.get("tags", ())]
        stream = {
            "post_stream": {"posts": posts[:20], "stream": ids},
            "highest_post_number": len(topic.posts),
        }
        about = {"slug": "a-topic", **self._item(key), "tags": tags, "tags_descriptions": {}}
        return {**about, **stream, **accepted}

    def _post(self, key: int, number: int) -> Any:
        author, html, fields = self.topics[key].posts[number - 1]
        told = {"id": key * 1000 + number, "post_number": number, "username": author}
        at = (NOW + timedelta(hours=number)).isoformat()
        return {**told, "cooked": html, "post_type": 1, "created_at": at, **fields}

    def _posts(self, asked: Asked) -> Any:
        # The server keeps the last of the ids; the others are in the request's query.
        query = self.server.requests[-1][0].partition("?")[2]
        wanted = [int(one.partition("=")[2]) for one in query.split("&")]
        key = int(asked["id"])
        return {"post_stream": {"posts": [self._post(key, one % 1000) for one in wanted]}}


ASKED: Post = ("mira", "<p>When does the ferry leave?</p>", {})
ANSWERED: Post = ("ada", "<p>It leaves at nine from <a href='/pier'>pier 4</a>.</p>", {})
CHAT: Post = ("bo", "<p>The timetable is also at the harbour office.</p>", {})
FERRY = Topic("Ferry to Lisbon", [ASKED, CHAT, ANSWERED], accepted=3)


@pytest.fixture
def forum() -> Iterator[Forum]:
    with DescribedServer("discourse") as server:
        forum = Forum(server)
        forum.topics = {7: FERRY}
        yield forum
        assert server.problems == []


@pytest.fixture
def source(forum: Forum, pages: EntryStore) -> VisitedService:
    return VisitedService("discourse", forum.server.base, pages)


def only(source: VisitedService, *filters: tuple[str, str]) -> VisitedService:
    return VisitedService("discourse", source.location.partition("+")[2], source.pages, filters)


def test_solved_topic_has_its_accepted_answer(forum: Forum, source: VisitedService) -> None:
    source.sync()
    [found] = source.documents.values()
    base = forum.server.base
    assert found.link == f"{base}/t/a-topic/7"
    assert found.text == (
        f"**[mira]({base}/t/a-topic/7/1)**, 10 Mar 2026:\n\nWhen does the ferry leave?\n\n"
        f"**[ada]({base}/t/a-topic/7/3)**, 10 Mar 2026:\n\n"
        f"It leaves at nine from [pier 4]({base}/pier).\n\n"
        f"## Replies\n\n**[bo]({base}/t/a-topic/7/2)**, 10 Mar 2026:\n\n"
        "The timetable is also at the harbour office."
    )


def test_an_answer_behind_the_first_posts_is_found(forum: Forum, source: VisitedService) -> None:
    forum.topics[7] = Topic("Ferry", [ASKED, *[CHAT] * 40, ANSWERED], accepted=42)
    source.sync()
    assert "pier 4" in source.documents["Ferry"].text


def test_only_the_first_posts_of_a_topic_are_read(forum: Forum, source: VisitedService) -> None:
    late: Post = ("eve", "<p>It leaves never.</p>", {})
    forum.topics[7] = Topic("Ferry", [ASKED, ANSWERED, *[CHAT] * (FIRST_POSTS - 2), late], 2)
    kept = forum.server.answers["/t/{id}.json"]

    def every_post(asked: Asked) -> Any:
        topic = kept(asked)
        posts = [forum._post(7, number) for number in range(1, FIRST_POSTS + 2)]
        return {**topic, "post_stream": {**topic["post_stream"], "posts": posts}}

    forum.server.answers["/t/{id}.json"] = every_post
    source.sync()
    text = source.documents["Ferry"].text
    assert text.count("harbour office") == FIRST_POSTS - 2
    assert "never" not in text


def test_an_answer_behind_many_deleted_posts_is_found(forum: Forum, source: VisitedService) -> None:
    posts = [ASKED, *[CHAT] * 80, ANSWERED]
    forum.topics[7] = Topic("Ferry", posts, accepted=82, purged=range(10, 50))
    source.sync()
    assert "pier 4" in source.documents["Ferry"].text


def test_unsolved_topics_are_read_if_asked_for(forum: Forum, source: VisitedService) -> None:
    forum.topics[8] = Topic("Market", [("mira", "<p>When does the market open?</p>", {}), ANSWERED])
    source.sync()
    assert [*source.documents] == ["Ferry to Lisbon"]
    every = only(source, ("all", "yes"))
    every.sync()
    assert sorted(every.documents) == ["Ferry to Lisbon", "Market"]


def test_what_is_not_public_is_never_read(forum: Forum, source: VisitedService) -> None:
    forum.topics |= {
        8: Topic("Staff talk", FERRY.posts, 3, category=9),
        9: Topic("Unlisted", FERRY.posts, 3, fields={"visible": False}),
        10: Topic("Letter", FERRY.posts, 3, fields={"archetype": "private_message"}),
    }
    forum.topics[7] = Topic(
        "Ferry",
        [
            ASKED,
            ("ghost", "<p>Whispered words among the staff.</p>", {"post_type": 4}),
            ("rude", "<p>Hidden words after some flags.</p>", {"hidden": True}),
            ("gone", "<p>Deleted words of somebody.</p>", {"deleted_at": NOW.isoformat()}),
            ("mod", "<p>Closed this topic a while ago.</p>", {"post_type": 3}),
            ANSWERED,
        ],
        accepted=6,
    )
    source.sync()
    [found] = source.documents.values()
    assert not any(word in found.text for word in ("Whispered", "Hidden", "Deleted", "Closed"))
    assert {asked["id"] for template, asked in forum.server.asked if "{id}" in template} == {"7"}


def test_categories_and_tags_narrow_a_forum(forum: Forum, source: VisitedService) -> None:
    forum.topics |= {
        8: Topic("Boat", FERRY.posts, 3, category=2),
        9: Topic("Net", FERRY.posts, 3, fields={"tags": ["fishing"]}),
    }
    some = only(source, ("category", "boats"), ("tag", "fishing"))
    some.sync()
    assert sorted(some.documents) == ["Boat", "Net"]
    assert some.documents["Net"].tags == ("fishing",)
    none = only(source, ("category", "staffroom"))
    none.sync()
    assert none.reasons == ["has no public category staffroom."]


def test_an_unchanged_forum_costs_two_requests(forum: Forum, source: VisitedService) -> None:
    forum.topics |= {
        key: Topic(f"Topic {key}", FERRY.posts, 3, day=-10 * key) for key in range(10, 16)
    }
    forum.topics[99] = Topic("Pinned", FERRY.posts, 3, day=-400, fields={"pinned": True})
    source.sync()
    assert len(source.documents) == 8
    forum.server.asked.clear()
    source.sync(1)
    assert [template for template, _ in forum.server.asked] == ["/categories.json", "/latest.json"]


def test_topic_gone_when_asked_for_does_no_harm(forum: Forum, source: VisitedService) -> None:
    forum.topics[8] = Topic("Market", FERRY.posts, 3)
    kept = forum.server.answers["/t/{id}.json"]
    forum.server.answers["/t/{id}.json"] = lambda asked: (
        Reply("{}", 403) if asked["id"] == "8" else kept(asked)
    )
    source.sync()
    assert [*source.documents] == ["Ferry to Lisbon"]
    assert source.reasons == []


def test_opted_out_people_are_left_out(forum: Forum, source: VisitedService) -> None:
    mention: Post = ("mira", "<p>Thanks, @bo and @bosun, see you at the pier.</p>", {})
    forum.topics[7] = Topic("Ferry to Lisbon", [*FERRY.posts, mention], accepted=3)
    forum.topics[8] = Topic("Market", [CHAT, ANSWERED], accepted=2)
    source.sync()
    source.without = ("Bo",)
    source.sync(1)
    [found] = source.documents.values()
    assert "harbour office" not in found.text
    assert "@someone and @bosun" in found.text


def test_a_list_without_an_end_is_left(forum: Forum, source: VisitedService) -> None:
    item = forum._item(7)
    endless = {"topic_list": {"topics": [item], "more_topics_url": "/latest?page=1"}}
    forum.server.answers["/latest.json"] = lambda asked: endless
    source.sync()
    assert [*source.documents] == ["Ferry to Lisbon"]
    assert len(forum.server.asked) == 4
