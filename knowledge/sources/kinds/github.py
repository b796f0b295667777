"""GitHub connector: releases, closed issues that a maintainer answered, and answered discussions.

Releases, issues and discussions are separate sources, each named by the address of its page. A
visit lists the changes since the last visit. If GitHub answers that the list of issues or releases
still has the same ETag, this request is the only one.

Source:
    docs.github.com: "REST API endpoints for issues", "… for releases", "Using the GraphQL API for
    Discussions", "Best practices for using the REST API"
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from knowledge.chat.conversations import Message
from knowledge.sources.kinds.threads import (
    MOST_COMMENTS,
    Place,
    is_question,
    thread_content,
    visible,
)
from knowledge.sources.kinds.tracker import (
    PAGE_ITEMS,
    REMEMBERED_BYTES,
    ListState,
    PagedList,
    Tracker,
    changed_issues,
    changed_releases,
    issue_content,
    message,
    release_content,
    token_required,
)
from knowledge.sources.net.api_client import BusyError, LoginError, MissingError, pages
from knowledge.sources.net.polite_fetcher import Fetcher
from knowledge.sources.net.safe_network import RefusedError
from knowledge.sources.source import (
    Content,
    Listed,
    Listing,
    ListingEnd,
)

_PAGE: Final = re.compile(
    r"(?P<host>https?://[^/?#]+)/(?P<repository>[\w.-]+/[\w.-]+)/"
    r"(?P<part>issues|discussions|releases)/?(?:[?#].*)?"
)
_HOSTS: Final = ("https://github.com", "https://www.github.com")
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

    @staticmethod
    def api_address(url: str) -> str:
        page = _page(url)
        host = "https://api.github.com" if page["host"] in _HOSTS else f"{page['host']}/api/v3"
        return f"{host}/repos/{page['repository']}"

    @staticmethod
    def normal_address(url: str) -> str:
        page = _page(url)
        return f"{page['host']}/{page['repository']}/{page['part']}"

    @staticmethod
    def recognises(url: str) -> bool:
        found = _PAGE.fullmatch(url)
        return found is not None and found["host"] in _HOSTS

    def connect(self, fetcher: Fetcher, token: str = "") -> None:
        super().connect(fetcher, token)
        page = _page(self.url)
        self._host, self._part = page["host"], page["part"]
        self._owner, self._name = str(page["repository"]).split("/")
        self._newest: dict[str, list[Mapping[str, Any]]] | None = None

    def listing(self, state: Mapping[str, str]) -> Listing:
        """List the changes since the last visit."""
        if self._part == "releases":
            return (yield from changed_releases(self.api, state, self.items, "id", _release_text))
        since = ListState(state)
        try:
            if self._part == "issues":
                return (yield from self._issues(since))
            return (yield from self._discussions(since))
        except BusyError:
            if not since.is_whole or not state.get("since"):
                raise
            # Without a token, GitHub's limit may be too low for a whole listing: try next month.
            return ListingEnd({**state, "visits": str(since.visits)})

    def content(self, key: str) -> Content | None:
        """Get an issue, a discussion or a release."""
        try:
            if self._part == "releases":
                return self._release(key)
            return self._issue(key) if self._part == "issues" else self._discussion(key)
        except MissingError:
            # Deleted or moved since it was listed.
            return None

    # Issues.

    def _issues(self, since: ListState) -> Listing:
        # Newest change first: an issue that changes meanwhile is listed twice, not skipped.
        query = {"state": "closed", "sort": "updated", "direction": "desc", "per_page": PAGE_ITEMS}
        if not since.is_whole:
            # Including reopened issues, which are dropped.
            query |= {"state": "all", "since": since.latest}
        elif len(labels := self.values_of("label")) == 1:
            query["labels"] = labels[0]
        found = PagedList(self.api, "/issues", query, since.etag)
        return (
            yield from changed_issues(found, since, self.items, "number", self._may_be_answered)
        )

    def _may_be_answered(self, issue: Mapping[str, Any]) -> bool:
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

    def _issue(self, key: str) -> Content | None:
        issue = self.items.get(key) or self.api.json(f"/issues/{key}")
        if not self._may_be_answered(issue):
            return None
        comments = self._comments(key, issue["comments"])
        if len(comments) > MOST_COMMENTS:
            return None
        posts = [issue, *(comment for comment in comments if not comment.get("minimized"))]
        messages = [_message(post) for post in posts]
        maintainers = {
            written.author
            for written, one in zip(messages, posts, strict=True)
            if one.get("author_association") in _MAINTAINERS
        }
        links = {post["id"]: str(post["html_url"]) for post in posts}
        place = Place(0, issue["id"], issue["title"], url=issue["html_url"], links=links)
        return issue_content(place, messages, maintainers, self.without, _labels(issue))

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

    # Discussions.

    def _discussions(self, since: ListState) -> Listing:
        before = "" if since.is_whole else since.latest
        for discussion in self._answers():
            if discussion["updatedAt"] < before:
                break
            since.record_change(discussion["updatedAt"])
            if self.wants(_label_names(discussion)):
                yield Listed(str(discussion["number"]), discussion["updatedAt"])
        return ListingEnd(since.state(""), whole=since.is_whole)

    def _answers(self) -> Iterator[Mapping[str, Any]]:
        def page(cursor: str) -> tuple[list[Mapping[str, Any]], str]:
            found = self._query(_DISCUSSIONS, after=cursor or None)["discussions"]
            pages = found["pageInfo"]
            return found["nodes"], pages["endCursor"] if pages["hasNextPage"] else ""

        return pages(page)

    def _discussion(self, key: str) -> Content | None:
        found = self._query(_DISCUSSION, number=int(key))["discussion"]
        if found is None or found["answer"] is None:
            return None
        comments = found["comments"]["nodes"][:DISCUSSION_COMMENTS]
        posts = [comment for comment in comments if not comment["isMinimized"]]
        if all(post["id"] != found["answer"]["id"] for post in posts):
            # The answer is a reply to a comment, or not among the first comments.
            posts.append(found["answer"])
        posts.sort(key=lambda one: str(one["createdAt"]))
        messages = [
            message(at, (one["author"] or {}).get("login", "ghost"), one["createdAt"], one["body"])
            for at, one in enumerate([found, *posts], start=1)
        ]
        links = {at: str(one["url"]) for at, one in enumerate([found, *posts], start=1)}
        [answer] = [at for at, one in enumerate(posts, 1) if one["id"] == found["answer"]["id"]]
        return thread_content(
            Place(0, int(key), found["title"], url=found["url"], links=links),
            messages,
            messages[answer],
            without=self.without,
            tags=_label_names(found),
        )

    def _query(self, query: str, **variables: Any) -> Mapping[str, Any]:
        """Send a GraphQL query; returns the answer's `repository` object."""
        known = {"owner": self._owner, "name": self._name, **variables}
        is_own = self._host in _HOSTS
        url = "https://api.github.com/graphql" if is_own else f"{self._host}/api/graphql"
        try:
            found = self.api.json(url, payload={"query": query, "variables": known})
        except LoginError as error:
            raise token_required("discussions", self._host) from error
        for problem in found.get("errors") or ():
            if problem.get("type") == "RATE_LIMITED":
                raise BusyError("asks to be left alone for now")
            raise RefusedError(f"can't be read: {str(problem.get('message'))[:200]}")
        repository: Mapping[str, Any] = found["data"]["repository"]
        return repository

    # Releases.

    def _release(self, key: str) -> Content:
        release = self.items.get(key) or self.api.json(f"/releases/{key}")
        return release_content(
            f"{self._name} {release['name'] or release['tag_name']}",
            release["body"],
            release["html_url"],
            release["published_at"],
            self.without,
        )


def _release_text(release: Mapping[str, Any]) -> str:
    return "" if release["draft"] else release.get("body") or ""


def _message(post: Mapping[str, Any]) -> Message:
    author = (post["user"] or {}).get("login", "ghost")
    return message(post["id"], author, post["created_at"], post.get("body"))


def _labels(issue: Mapping[str, Any]) -> list[str]:
    return [label if isinstance(label, str) else label["name"] for label in issue["labels"]]


def _label_names(discussion: Mapping[str, Any]) -> list[str]:
    return [label["name"] for label in (discussion["labels"] or {"nodes": ()})["nodes"]]


def _page(url: str) -> re.Match[str]:
    found = _PAGE.fullmatch(url)
    if found is None:
        raise ValueError(
            "is no page of issues, discussions or releases, such as "
            "https://github.com/owner/name/issues"
        )
    return found
