"""Discourse connector: solved topics of a forum as question and accepted answer.

A visit lists the topics bumped since the last visit. Every seventh visit lists all topics, so the
sync drops hidden and deleted topics. Only public topics are read, even with an API key.

Source:
    https://docs.discourse.org, and the serializers of Discourse's plugin "solved"
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from html import escape
from typing import Any, ClassVar, Final
from urllib.parse import quote

from knowledge.chat.conversations import Message
from knowledge.files.reader import parse_fragments
from knowledge.sources.kinds.threads import Place, ThreadService, post, thread_content
from knowledge.sources.net.api_client import pages
from knowledge.sources.net.safe_network import LostError, RefusedError
from knowledge.sources.source import Content, Listed, Listing, ListingEnd, any_value

# Discourse's own limit.
PAGE_TOPICS: Final = 100
# Every seventh visit lists all topics: once a week.
WHOLE_EVERY: Final = 7
# Accepting an answer bumps no topic, and may happen days later.
OVERLAP: Final = timedelta(days=7)
# The first posts that are read of a topic; Discourse sends as many with it.
FIRST_POSTS: Final = 20
# Posts to get up to an answer that isn't among a topic's first posts.
NEAR_POSTS: Final = 20
# Posts in one request at most, because its URL lists their ids.
MOST_POSTS: Final = 200

# Discourse's type of members' posts; other types are whispers and notes on moderation.
_REGULAR: Final = 1


def _yes(value: str) -> str:
    return "" if value == "yes" else "is not understood: write all=yes"


class Discourse(ThreadService):
    """A forum, or some of its categories or tags."""

    kind = "discourse"
    label = "Discourse"
    filters: ClassVar = {"category": any_value, "tag": any_value, "all": _yes}

    @staticmethod
    def headers(token: str) -> list[tuple[str, str]]:
        return [("Api-Key", token)]

    def listing(self, state: Mapping[str, str]) -> Listing:
        """List the topics bumped since the last visit; all of them at every seventh visit."""
        number = int(state.get("visits", "-1")) + 1
        whole = number % WHOLE_EVERY == 0
        latest = state.get("bumped_at", "")
        since = "" if whole or not latest else str(datetime.fromisoformat(latest) - OVERLAP)
        if whole:
            # A time in the future would hide all changes until then.
            latest = ""
        categories = self._categories()
        private = {category["id"] for category in categories if category.get("read_restricted")}
        for path in self._paths(categories):
            for topic in self._topics(path, since):
                latest = max(latest, str(topic["bumped_at"]))
                if topic.get("category_id") not in private and self._is_wanted(topic):
                    revision = f"{topic['bumped_at']} {topic['posts_count']}"
                    yield Listed(str(topic["id"]), revision)
        return ListingEnd({"visits": str(number), "bumped_at": latest}, whole=whole)

    def _categories(self) -> list[dict[str, Any]]:
        """All categories, each before its subcategories."""
        found = self.api.json("/categories.json", {"include_subcategories": "true"})
        known = [*found["category_list"]["categories"]]
        for category in known:
            known.extend(category.get("subcategory_list") or ())
        return known

    def _paths(self, categories: Sequence[Mapping[str, Any]]) -> list[str]:
        paths = [f"/tag/{quote(tag, safe='')}.json" for tag in self.values_of("tag")]
        for wanted in self.values_of("category"):
            named = [
                category
                for category in categories
                if wanted in (category["slug"], category["name"])
            ]
            if not named:
                raise RefusedError(f"has no public category {wanted}")
            paths += [
                f"/c/{quote(category['slug'], safe='')}/{category['id']}.json" for category in named
            ]
        return paths or ["/latest.json"]

    def _topics(self, path: str, since: str) -> Iterator[Mapping[str, Any]]:
        """Yield a list's topics, last bumped first, until a page goes back before `since`."""
        seen: set[int] = set()
        query = {"per_page": str(PAGE_TOPICS), "order": "activity"}
        if not self.values_of("all"):
            query["solved"] = "yes"

        def page(token: str) -> tuple[list[Mapping[str, Any]], str]:
            number = int(token or "0")
            found = self.api.json(path, {**query, "page": str(number)} if number else query)
            listed = found["topic_list"]
            new = [topic for topic in listed["topics"] if topic["id"] not in seen]
            seen.update(topic["id"] for topic in new)
            # Pinned topics come first, whatever their age.
            old = since and any(
                datetime.fromisoformat(topic["bumped_at"]) < datetime.fromisoformat(since)
                for topic in new
                if not topic.get("pinned")
            )
            goes_on = new and not old and listed.get("more_topics_url")
            return new, str(number + 1) if goes_on else ""

        return pages(page)

    def _is_wanted(self, topic: Mapping[str, Any]) -> bool:
        shown = topic.get("visible", True) and topic.get("archetype") == "regular"
        return bool(shown and (self.values_of("all") or topic.get("has_accepted_answer")))

    def content(self, key: str) -> Content | None:
        """Get a topic's first posts and accepted answer; None if the topic is hidden or gone."""
        try:
            topic = self.api.json(f"/t/{key}.json")
        except LostError:
            # Deleted, or moved to a private category, since it was listed.
            return None
        if topic["archetype"] != "regular" or not topic["visible"] or topic.get("deleted_at"):
            return None
        accepted = topic.get("accepted_answers") or [topic.get("accepted_answer")]
        number = (accepted[0] or {}).get("post_number")
        if number is None and not self.values_of("all"):
            return None
        posts = {
            post["post_number"]: post for post in self._posts(topic, number) if _is_public(post)
        }
        if 1 not in posts or number not in (None, *posts):
            return None
        url = f"{self.url}/t/{quote(topic['slug'], safe='')}/{topic['id']}"
        messages = _messages(url, [posts[at] for at in sorted(posts)])
        links = {one.id: f"{url}/{at}" for at, one in messages.items()}
        return thread_content(
            Place(0, topic["id"], topic["title"], thread=True, url=url, links=links),
            [*messages.values()],
            messages.get(number) if number is not None else None,
            without=self.without,
            tags=[one if isinstance(one, str) else one["name"] for one in topic.get("tags", ())],
        )

    def _posts(self, topic: Mapping[str, Any], number: int | None) -> list[dict[str, Any]]:
        """The first posts of a topic; a later accepted answer is added, with posts before it."""
        posts: list[dict[str, Any]] = topic["post_stream"]["posts"][:FIRST_POSTS]
        stream = topic["post_stream"]["stream"]
        if number is None or any(post["post_number"] == number for post in posts):
            return posts
        # The stream lacks deleted posts, so the answer may come earlier in it than its number says.
        deleted = max(0, topic["highest_post_number"] - len(stream))
        first = number - NEAR_POSTS - min(deleted, MOST_POSTS - NEAR_POSTS)
        asked = "&".join(f"post_ids[]={int(post_id)}" for post_id in stream[max(0, first) : number])
        found = self.api.json(f"/t/{topic['id']}/posts.json?{asked}")["post_stream"]["posts"]
        near = [post for post in found if post["post_number"] <= number]
        return [*posts, *near[-NEAR_POSTS:]]


def _is_public(post: Mapping[str, Any]) -> bool:
    gone = post.get("hidden") or post.get("deleted_at") or post.get("user_deleted")
    return post["post_type"] == _REGULAR and not gone


def _messages(url: str, posts: Sequence[Mapping[str, Any]]) -> dict[int, Message]:
    """The messages of a topic's posts by number, all parsed in one job of the sandbox."""
    # Quotations of earlier posts are `<aside>` elements, which the parser drops.
    base = f'<link rel="canonical" href="{escape(url)}">'
    texts = parse_fragments([f"{base}<body>{post['cooked']}</body>" for post in posts])
    return {
        each["post_number"]: post(
            each["id"], each.get("user_id", 0), each["username"], each["created_at"], text
        )
        for each, text in zip(posts, texts, strict=True)
    }
