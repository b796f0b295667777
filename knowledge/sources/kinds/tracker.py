"""GitHub and GitLab connectors: releases, closed issues that a maintainer answered, discussions.

Releases, issues and discussions are separate sources, each named by the address of its page. A
visit lists the changes since the last visit. If the service answers that the list of issues or
releases still has the same ETag, this request is the only one. GitLab shows comments only with a
token.

Source:
    docs.github.com: "REST API endpoints for issues", "… for releases", "Using the GraphQL API for
    Discussions", "Best practices for using the REST API". docs.gitlab.com: "Issues API", "Notes
    API", "Members API", "Releases API"
"""

import hashlib
import json
import re
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, ClassVar, Final
from urllib.parse import quote

from knowledge.chat.conversations import Message
from knowledge.sources.kinds.threads import (
    MOST_COMMENTS,
    Place,
    ThreadService,
    is_program,
    is_question,
    maintainers_answer,
    post,
    thread_content,
    visible,
    without_mentions,
)
from knowledge.sources.net.api_client import ApiClient, BusyError, LoginError, MissingError, pages
from knowledge.sources.net.polite_fetcher import Fetcher
from knowledge.sources.net.safe_network import LostError, RefusedError
from knowledge.sources.source import (
    Content,
    Listed,
    Listing,
    ListingEnd,
    Removed,
    any_value,
    token_variable,
)

PAGE_ITEMS: Final = "100"
# Every 30th visit lists all issues, once a month, and drops deleted ones.
WHOLE_EVERY: Final = 30

# Compressed, an issue takes some 2 kB.
REMEMBERED_BYTES: Final = 64_000_000

_NEXT: Final = re.compile(r'<([^<>]{1,2000})>;\s*rel="next"')


class PagedList:
    """A list in pages with links to the next; empty if the service still has the ETag `etag`."""

    def __init__(self, api: ApiClient, path: str, query: Mapping[str, str], etag: str) -> None:
        self.api = api
        self._first = api.get(
            path, query, [("If-None-Match", etag.encode("latin-1"))] if etag else ()
        )
        self.unchanged = self._first.status == 304
        self.etag = self._first.headers.get("etag", "")[:500]

    def __iter__(self) -> Iterator[Any]:
        return iter(()) if self.unchanged else pages(self._page)

    def _page(self, link: str) -> tuple[Sequence[Any], str]:
        answer = self.api.get(link) if link else self._first
        found = _NEXT.search(answer.headers.get("link", ""))
        return answer.json(), found[1] if found else ""


class ItemCache:
    """Cache of compressed items by key; when it is full, new items are not added."""

    def __init__(self) -> None:
        self._packed: dict[str, bytes] = {}
        self._room = REMEMBERED_BYTES

    def __len__(self) -> int:
        return len(self._packed)

    def add(self, key: str, item: Mapping[str, Any]) -> None:
        packed = zlib.compress(json.dumps(item).encode(), 1)
        self._room += len(self._packed.pop(key, b""))
        if len(packed) <= self._room:
            self._room -= len(packed)
            self._packed[key] = packed

    def get(self, key: str) -> Any:
        """The item with this key; None if it is not in the cache."""
        packed = self._packed.get(key)
        return json.loads(zlib.decompress(packed)) if packed is not None else None


class ListState:
    """State of a list between visits: time of the last change, ETag, number of visits."""

    def __init__(self, state: Mapping[str, str]) -> None:
        self.visits = int(state.get("visits", "-1")) + 1
        self.latest = state.get("since", "")
        self.is_whole = self.visits % WHOLE_EVERY == 0 or not self.latest
        self.etag = "" if self.is_whole else state.get("etag", "")
        if self.is_whole:
            # A time in the future would hide all changes until then.
            self.latest = ""

    def record_change(self, updated_at: str) -> None:
        self.latest = max(self.latest, updated_at)

    def state(self, etag: str) -> dict[str, str]:
        return {"visits": str(self.visits), "since": self.latest, "etag": etag}


class Tracker(ThreadService):
    """Issues or releases of a project: all, or those with some labels.

    `page_form` is the form of their pages' addresses, with a `project` at a `host`, and the `part`
    of it; `page_name` names such a page. `hosts` are recognized. `closed` asks for closed issues,
    the latest change first, and `since_key` for changes since a time. `issue_key` and `release_key`
    are the fields with ids.
    """

    filters: ClassVar = {"label": any_value}
    page_form: ClassVar[re.Pattern[str]]
    page_name: ClassVar[str]
    hosts: ClassVar[tuple[str, ...]]
    closed: ClassVar[Mapping[str, str]]
    since_key: ClassVar[str]
    issue_key: ClassVar[str]
    release_key: ClassVar[str]

    @classmethod
    def page_of(cls, url: str) -> re.Match[str]:
        page = cls.page_form.fullmatch(url)
        if page is None:
            raise ValueError(f"is no page of {cls.page_name}")
        return page

    @classmethod
    def normal_address(cls, url: str) -> str:
        return cls.page_of(url)["page"]

    @classmethod
    def recognises(cls, url: str) -> bool:
        page = cls.page_form.fullmatch(url)
        return page is not None and page["host"] in cls.hosts

    def connect(self, fetcher: Fetcher, token: str = "") -> None:
        super().connect(fetcher, token)
        page = self.page_of(self.url)
        self.host_url, self.part = page["host"], page["part"]
        self.owner, _, self.name = str(page["project"]).rpartition("/")
        self.items = ItemCache()

    def listing(self, state: Mapping[str, str]) -> Listing:
        """List the changes since the last visit."""
        if self.part == "releases":
            return (yield from self._releases(state))
        return (yield from self._issues(ListState(state)))

    def content(self, key: str) -> Content | None:
        """Get a release, or a thread: an issue or a discussion."""
        try:
            return self._release(key) if self.part == "releases" else self.thread(key)
        except MissingError:
            # Deleted, moved or made confidential since it was listed.
            return None

    def thread(self, key: str) -> Content | None:
        raise NotImplementedError

    def may_be_answered(self, issue: Mapping[str, Any]) -> bool:
        """Whether a closed issue may have an answer."""
        raise NotImplementedError

    def release_text(self, release: Mapping[str, Any]) -> str:
        """A release's text; empty if the release isn't public yet."""
        raise NotImplementedError

    def release_place(self, release: Mapping[str, Any]) -> tuple[str, str]:
        """The link to a release, and the time of its publication."""
        raise NotImplementedError

    def wants(self, labels: Collection[str]) -> bool:
        chosen = self.values_of("label")
        return not chosen or not set(chosen).isdisjoint(labels)

    def _issues(self, since: ListState) -> Listing:
        """List and cache the changed issues that may have an answer; `since` is updated.

        If only changes are listed, a changed issue that can't have an answer is yielded as removed.
        If all issues are listed, such an issue isn't yielded, and the sync drops its document.
        """
        # Newest change first: an issue that changes meanwhile is listed twice, not skipped.
        query = {**self.closed, "per_page": PAGE_ITEMS}
        if not since.is_whole:
            # Including reopened issues, which are dropped.
            query |= {"state": "all", self.since_key: since.latest}
        elif len(labels := self.values_of("label")) == 1:
            query["labels"] = labels[0]
        found = PagedList(self.api, "/issues", query, since.etag)
        for issue in found:
            since.record_change(issue["updated_at"])
            key = str(issue[self.issue_key])
            if self.may_be_answered(issue):
                self.items.add(key, issue)
                yield Listed(key, issue["updated_at"])
            elif not since.is_whole:
                yield Removed(key)
        return ListingEnd(since.state(found.etag or since.etag), whole=since.is_whole)

    def _releases(self, state: Mapping[str, str]) -> Listing:
        """List and cache the releases with a visible text since the last visit."""
        found = PagedList(self.api, "/releases", {"per_page": PAGE_ITEMS}, state.get("etag", ""))
        for release in found:
            text, key = self.release_text(release), str(release[self.release_key])
            if visible(text):
                self.items.add(key, release)
                named = f"{release['name']}\n{text}"
                yield Listed(key, hashlib.sha256(named.encode()).hexdigest()[:16])
        return (
            ListingEnd(state) if found.unchanged else ListingEnd({"etag": found.etag}, whole=True)
        )

    def _release(self, key: str) -> Content:
        release = self.items.get(key) or self.api.json(f"/releases/{quote(key, safe='')}")
        link, published_at = self.release_place(release)
        text = visible(self.release_text(release))
        return Content(
            title=f"{self.name} {release['name'] or release['tag_name']}",
            body=without_mentions(text, self.without).encode(),
            link=link,
            content_type="text/markdown",
            verified=datetime.fromisoformat(published_at).date(),
        )

    def issue_content(
        self,
        place: Place,
        messages: Sequence[Message],
        maintainers: Collection[str],
        labels: Sequence[str],
    ) -> Content | None:
        """The document of a closed issue; None if no maintainer answered it."""
        answer = maintainers_answer(messages, frozenset(maintainers))
        if answer is None:
            return None
        people = [message for message in messages if not message.bot]
        return thread_content(place, people, answer, without=self.without, tags=labels)


def token_required(data: str, url: str) -> LostError:
    """Make the error for `data`, such as comments, that a service shows only with a token."""
    variable = token_variable(url)
    return LostError(
        f"shows {data} only with a token: the operator adds it for every server on the command "
        f"line, and sets {variable}"
    )


def message(number: int, author: str, written_at: str, body: str | None) -> Message:
    """Convert a tracker's post to a message, whose author is identified by name."""
    return post(number, 0, author, written_at, visible(body or ""), bot=is_program(author))


_MAINTAINERS: Final = ("OWNER", "MEMBER", "COLLABORATOR")
_UNANSWERED: Final = ("not_planned", "duplicate")

# For more issues than this, the newest comments of all are listed, a hundred a request.
FEW_ISSUES: Final = 20
NEWEST_COMMENTS: Final = 2_000

# As many as a discussion's query asks for.
DISCUSSION_COMMENTS: Final = 50

_DISCUSSIONS: Final = """
query($owner: String!, $name: String!, $after: String) {
  repository(owner: $owner, name: $name) {
    discussions(
      first: 100, after: $after, answered: true, orderBy: {field: UPDATED_AT, direction: DESC}
    ) {
      pageInfo { hasNextPage endCursor }
      nodes { number updatedAt labels(first: 20) { nodes { name } } }
    }
  }
}
"""
_DISCUSSION: Final = """
query($owner: String!, $name: String!, $number: Int!) {
  repository(owner: $owner, name: $name) {
    discussion(number: $number) {
      title body url createdAt author { login } labels(first: 20) { nodes { name } }
      answer { id body url createdAt author { login } }
      comments(first: 50) { nodes { id body url createdAt isMinimized author { login } } }
    }
  }
}
"""


class GitHub(Tracker):
    """The issues, discussions or releases of a repository."""

    kind = "github"
    label = "GitHub"
    page_form = re.compile(
        r"(?P<page>(?P<host>https?://[^/?#]+)/(?P<project>[\w.-]+/[\w.-]+)/"
        r"(?P<part>issues|discussions|releases))/?(?:[?#].*)?"
    )
    page_name = "issues, discussions or releases, such as https://github.com/owner/name/issues"
    hosts = ("https://github.com", "https://www.github.com")
    closed: ClassVar = {"state": "closed", "sort": "updated", "direction": "desc"}
    since_key = "since"
    issue_key, release_key = "number", "id"

    @classmethod
    def api_address(cls, url: str) -> str:
        page = cls.page_of(url)
        is_own = page["host"] in cls.hosts
        host = "https://api.github.com" if is_own else f"{page['host']}/api/v3"
        return f"{host}/repos/{page['project']}"

    def connect(self, fetcher: Fetcher, token: str = "") -> None:
        super().connect(fetcher, token)
        self._newest: dict[str, list[Mapping[str, Any]]] | None = None

    def listing(self, state: Mapping[str, str]) -> Listing:
        """List the changes since the last visit."""
        since = ListState(state)
        try:
            if self.part == "discussions":
                return (yield from self._discussions(since))
            return (yield from super().listing(state))
        except BusyError:
            if not since.is_whole or not state.get("since"):
                raise
            # Without a token, GitHub's limit may be too low for a whole listing: try next month.
            return ListingEnd({**state, "visits": str(since.visits)})

    # Issues and releases.

    def may_be_answered(self, issue: Mapping[str, Any]) -> bool:
        labels = _labels(issue)
        return (
            issue["state"] == "closed"
            and "pull_request" not in issue
            and issue.get("state_reason") not in _UNANSWERED
            and issue.get("author_association") not in _MAINTAINERS
            and 0 < issue["comments"] <= MOST_COMMENTS
            and self.wants(labels)
            and is_question(issue["title"], visible(issue.get("body") or ""), labels)
        )

    def thread(self, key: str) -> Content | None:
        if self.part == "discussions":
            return self._discussion(key)
        issue = self.items.get(key) or self.api.json(f"/issues/{key}")
        if not self.may_be_answered(issue):
            return None
        comments = self._comments(key, issue["comments"])
        if len(comments) > MOST_COMMENTS:
            return None
        posts = [issue, *(comment for comment in comments if not comment.get("minimized"))]
        messages = [
            message(post["id"], _login(post["user"]), post["created_at"], post.get("body"))
            for post in posts
        ]
        maintainers = {
            written.author
            for written, post in zip(messages, posts, strict=True)
            if post.get("author_association") in _MAINTAINERS
        }
        links = {post["id"]: str(post["html_url"]) for post in posts}
        place = Place(0, issue["id"], issue["title"], url=issue["html_url"], links=links)
        return self.issue_content(place, messages, maintainers, _labels(issue))

    def _comments(self, key: str, count: int) -> Sequence[Mapping[str, Any]]:
        """The comments of an issue, oldest first.

        If many issues are listed, the first call fetches the newest comments of all issues. If some
        of this issue's `count` comments aren't among them, this issue's comments are fetched.
        """
        if self._newest is None:
            self._newest = {}
            query = {"sort": "created", "direction": "desc", "per_page": PAGE_ITEMS}
            if len(self.items) > FEW_ISSUES:
                found = PagedList(self.api, "/issues/comments", query, "")
                room = REMEMBERED_BYTES
                for comment in islice(found, NEWEST_COMMENTS):
                    room -= len(json.dumps(comment))
                    if room < 0:
                        break
                    its = comment["issue_url"].rpartition("/")[2]
                    self._newest.setdefault(its, []).insert(0, comment)
        known = self._newest.get(key, [])
        if len(known) == count:
            return known
        return [*self.api.json(f"/issues/{key}/comments", {"per_page": PAGE_ITEMS})]

    def release_text(self, release: Mapping[str, Any]) -> str:
        return "" if release["draft"] else release.get("body") or ""

    def release_place(self, release: Mapping[str, Any]) -> tuple[str, str]:
        return release["html_url"], release["published_at"]

    # Discussions.

    def _discussions(self, since: ListState) -> Listing:
        def page(cursor: str) -> tuple[list[Mapping[str, Any]], str]:
            found = self._query(_DISCUSSIONS, after=cursor or None)["discussions"]
            info = found["pageInfo"]
            return found["nodes"], info["endCursor"] if info["hasNextPage"] else ""

        before = "" if since.is_whole else since.latest
        for discussion in pages(page):
            if discussion["updatedAt"] < before:
                break
            since.record_change(discussion["updatedAt"])
            if self.wants(_label_names(discussion)):
                yield Listed(str(discussion["number"]), discussion["updatedAt"])
        return ListingEnd(since.state(""), whole=since.is_whole)

    def _discussion(self, key: str) -> Content | None:
        found = self._query(_DISCUSSION, number=int(key))["discussion"]
        if found is None or found["answer"] is None:
            return None
        comments = found["comments"]["nodes"][:DISCUSSION_COMMENTS]
        posts = [comment for comment in comments if not comment["isMinimized"]]
        if all(post["id"] != found["answer"]["id"] for post in posts):
            # The answer is a reply to a comment, or not among the first comments.
            posts.append(found["answer"])
        posts.sort(key=lambda post: str(post["createdAt"]))
        messages = [
            message(at, _login(post["author"]), post["createdAt"], post["body"])
            for at, post in enumerate([found, *posts], start=1)
        ]
        links = {at: str(post["url"]) for at, post in enumerate([found, *posts], start=1)}
        [answer] = [at for at, post in enumerate(posts, 1) if post["id"] == found["answer"]["id"]]
        return thread_content(
            Place(0, int(key), found["title"], url=found["url"], links=links),
            messages,
            messages[answer],
            without=self.without,
            tags=_label_names(found),
        )

    def _query(self, query: str, **variables: Any) -> Mapping[str, Any]:
        """Send a GraphQL query; returns the answer's `repository` object."""
        known = {"owner": self.owner, "name": self.name, **variables}
        is_own = self.host_url in self.hosts
        url = "https://api.github.com/graphql" if is_own else f"{self.host_url}/api/graphql"
        try:
            found = self.api.json(url, payload={"query": query, "variables": known})
        except LoginError as error:
            raise token_required("discussions", self.host_url) from error
        for problem in found.get("errors") or ():
            if problem.get("type") == "RATE_LIMITED":
                raise BusyError("asks to be left alone for now")
            raise RefusedError(f"can't be read: {str(problem.get('message'))[:200]}")
        repository: Mapping[str, Any] = found["data"]["repository"]
        return repository


def _login(user: Mapping[str, Any] | None) -> str:
    # GitHub shows a deleted account as "ghost".
    return str((user or {}).get("login", "ghost"))


def _labels(issue: Mapping[str, Any]) -> list[str]:
    return [label if isinstance(label, str) else label["name"] for label in issue["labels"]]


def _label_names(discussion: Mapping[str, Any]) -> list[str]:
    return [label["name"] for label in (discussion["labels"] or {"nodes": ()})["nodes"]]


# GitLab's number for the role Reporter, which triages issues.
_REPORTER: Final = 20


class GitLab(Tracker):
    """The issues or releases of a project."""

    kind = "gitlab"
    label = "GitLab"
    page_form = re.compile(
        r"(?P<page>(?P<host>https?://[^/?#]+)/(?P<project>[\w.-]+(?:/[\w.-]+){1,20})/-/"
        r"(?P<part>issues|releases))/?(?:[?#].*)?"
    )
    page_name = "issues or releases, such as https://gitlab.com/group/project/-/issues"
    hosts = ("https://gitlab.com",)
    closed: ClassVar = {"state": "closed", "order_by": "updated_at", "sort": "desc", "scope": "all"}
    since_key = "updated_after"
    issue_key, release_key = "iid", "tag_name"

    @staticmethod
    def headers(token: str) -> list[tuple[str, str]]:
        return [("PRIVATE-TOKEN", token)]

    @classmethod
    def api_address(cls, url: str) -> str:
        page = cls.page_of(url)
        return f"{page['host']}/api/v4/projects/{quote(page['project'], safe='')}"

    def connect(self, fetcher: Fetcher, token: str = "") -> None:
        super().connect(fetcher, token)
        self._members: set[str] | None = None

    def may_be_answered(self, issue: Mapping[str, Any]) -> bool:
        return (
            issue["state"] == "closed"
            and not issue.get("confidential")
            and issue.get("issue_type", "issue") == "issue"
            and not issue.get("moved_to_id")
            and 0 < issue["user_notes_count"] <= MOST_COMMENTS
            and self.wants(issue["labels"])
            and is_question(issue["title"], visible(issue["description"] or ""), issue["labels"])
        )

    def thread(self, key: str) -> Content | None:
        issue = self.items.get(key) or self.api.json(f"/issues/{key}")
        if not self.may_be_answered(issue):
            return None
        query = {"sort": "asc", "order_by": "created_at", "per_page": PAGE_ITEMS}
        try:
            found = self.api.json(f"/issues/{key}/notes", query)[: int(PAGE_ITEMS)]
        except LoginError as error:
            raise token_required("comments of issues", self.url) from error
        notes = [
            note
            for note in found
            if not (note["system"] or note.get("internal") or note.get("confidential"))
        ]
        # Only members close the issues of others.
        author, closer = _username(issue["author"]), _username(issue["closed_by"])
        maintainers = self._maintainers() | ({closer} - {author, ""})
        question = message(issue["id"], author, issue["created_at"], issue["description"])
        comments = [
            message(note["id"], _username(note["author"]), note["created_at"], note["body"])
            for note in notes
        ]
        links = {note["id"]: f"{issue['web_url']}#note_{note['id']}" for note in notes}
        place = Place(0, issue["id"], issue["title"], url=issue["web_url"], links=links)
        labels = [str(label) for label in issue["labels"]]
        return self.issue_content(place, [question, *comments], maintainers, labels)

    def _maintainers(self) -> set[str]:
        """The members with the role Reporter or above; empty if they can't be listed."""
        if self._members is None:
            try:
                found = [*PagedList(self.api, "/members/all", {"per_page": PAGE_ITEMS}, "")]
            except LostError:
                found = []
            self._members = {
                _username(member) for member in found if member["access_level"] >= _REPORTER
            }
        return self._members

    def release_text(self, release: Mapping[str, Any]) -> str:
        return "" if release.get("upcoming_release") else release["description"] or ""

    def release_place(self, release: Mapping[str, Any]) -> tuple[str, str]:
        return f"{self.url}/{quote(release['tag_name'], safe='')}", release["released_at"]


def _username(user: Mapping[str, Any] | None) -> str:
    return str((user or {}).get("username", ""))
