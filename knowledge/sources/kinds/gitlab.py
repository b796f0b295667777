"""GitLab connector: releases, and closed issues that a member of the project answered.

Releases and issues are separate sources, each named by the address of its page. A visit lists the
changes since the last visit. If GitLab answers that the list of issues or releases still has the
same ETag, this request is the only one. GitLab shows comments only with a token.

Source:
    docs.gitlab.com: "Issues API", "Notes API", "Members API", "Releases API"
"""

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from knowledge.sources.kinds.threads import MOST_COMMENTS, Place, is_question, visible
from knowledge.sources.kinds.tracker import (
    PAGE_ITEMS,
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
from knowledge.sources.net.api_client import LoginError, MissingError
from knowledge.sources.net.polite_fetcher import Fetcher
from knowledge.sources.net.safe_network import LostError
from knowledge.sources.source import (
    Content,
    Listing,
)

_PAGE: Final = re.compile(
    r"(?P<host>https?://[^/?#]+)/(?P<project>[\w.-]+(?:/[\w.-]+){1,20})/-/"
    r"(?P<part>issues|releases)/?(?:[?#].*)?"
)
# GitLab's number for the role Reporter, which triages issues.
_REPORTER: Final = 20


class GitLab(Tracker):
    """The issues or releases of a project."""

    kind = "gitlab"
    label = "GitLab"

    @staticmethod
    def headers(token: str) -> list[tuple[str, str]]:
        return [("PRIVATE-TOKEN", token)]

    @staticmethod
    def api_address(url: str) -> str:
        page = _page(url)
        return f"{page['host']}/api/v4/projects/{quote(page['project'], safe='')}"

    @staticmethod
    def normal_address(url: str) -> str:
        page = _page(url)
        return f"{page['host']}/{page['project']}/-/{page['part']}"

    @staticmethod
    def recognises(url: str) -> bool:
        found = _PAGE.fullmatch(url)
        return found is not None and found["host"] == "https://gitlab.com"

    def connect(self, fetcher: Fetcher, token: str = "") -> None:
        super().connect(fetcher, token)
        page = _page(self.url)
        self._part, self._name = page["part"], page["project"].rpartition("/")[2]
        self._members: set[str] | None = None

    def listing(self, state: Mapping[str, str]) -> Listing:
        """List the changes since the last visit."""
        if self._part == "releases":
            released = changed_releases(self.api, state, self.items, "tag_name", _release_text)
            return (yield from released)
        since = ListState(state)
        query = {"state": "closed", "order_by": "updated_at", "sort": "desc"}
        query |= {"per_page": PAGE_ITEMS, "scope": "all"}
        if not since.is_whole:
            # Including reopened issues, which are dropped.
            query |= {"state": "all", "updated_after": since.latest}
        elif len(labels := self.values_of("label")) == 1:
            query["labels"] = labels[0]
        found = PagedList(self.api, "/issues", query, since.etag)
        return (yield from changed_issues(found, since, self.items, "iid", self._may_be_answered))

    def content(self, key: str) -> Content | None:
        """Get an issue or a release."""
        try:
            return self._release(key) if self._part == "releases" else self._issue(key)
        except LoginError as error:
            raise token_required("comments of issues", self.url) from error
        except MissingError:
            # Deleted, moved or made confidential since it was listed.
            return None

    def _may_be_answered(self, issue: Mapping[str, Any]) -> bool:
        return (
            issue["state"] == "closed"
            and not issue.get("confidential")
            and issue.get("issue_type", "issue") == "issue"
            and not issue.get("moved_to_id")
            and 0 < issue["user_notes_count"] <= MOST_COMMENTS
            and self.wants(issue["labels"])
            and is_question(issue["title"], visible(issue["description"] or ""), issue["labels"])
        )

    def _issue(self, key: str) -> Content | None:
        issue = self.items.get(key) or self.api.json(f"/issues/{key}")
        if not self._may_be_answered(issue):
            return None
        query = {"sort": "asc", "order_by": "created_at", "per_page": PAGE_ITEMS}
        notes = [
            note
            for note in self.api.json(f"/issues/{key}/notes", query)[: int(PAGE_ITEMS)]
            if not (note["system"] or note.get("internal") or note.get("confidential"))
        ]
        # Only members close the issues of others.
        author, closer = _name(issue["author"]), _name(issue["closed_by"])
        maintainers = self._maintainers() | ({closer} - {author, ""})
        question = message(issue["id"], author, issue["created_at"], issue["description"])
        comments = [
            message(note["id"], _name(note["author"]), note["created_at"], note["body"])
            for note in notes
        ]
        links = {note["id"]: f"{issue['web_url']}#note_{note['id']}" for note in notes}
        place = Place(0, issue["id"], issue["title"], url=issue["web_url"], links=links)
        labels = [str(label) for label in issue["labels"]]
        return issue_content(place, [question, *comments], maintainers, self.without, labels)

    def _maintainers(self) -> set[str]:
        """The members with the role Reporter or above; empty if they can't be listed."""
        if self._members is None:
            try:
                found = [*PagedList(self.api, "/members/all", {"per_page": PAGE_ITEMS}, "")]
            except LostError:
                found = []
            self._members = {
                _name(member) for member in found if member["access_level"] >= _REPORTER
            }
        return self._members

    def _release(self, key: str) -> Content:
        name = quote(key, safe="")
        release = self.items.get(key) or self.api.json(f"/releases/{name}")
        return release_content(
            f"{self._name} {release['name'] or key}",
            release["description"],
            f"{self.url}/{name}",
            release["released_at"],
            self.without,
        )


def _release_text(release: Mapping[str, Any]) -> str:
    return "" if release.get("upcoming_release") else release["description"] or ""


def _name(user: Mapping[str, Any] | None) -> str:
    return str((user or {}).get("username", ""))


def _page(url: str) -> re.Match[str]:
    found = _PAGE.fullmatch(url)
    if found is None:
        raise ValueError(
            "is no page of issues or releases, such as https://gitlab.com/group/project/-/issues"
        )
    return found
