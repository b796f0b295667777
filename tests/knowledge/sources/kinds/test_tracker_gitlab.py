from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from knowledge.sources.entries import EntryStore
from tests.knowledge.sources.described_server import Asked, DescribedServer
from tests.knowledge.sources.visited import NOW, VisitedService
from tests.knowledge.web_server import Reply

PROJECT = "/projects/{id}"
HELP = ("ada", "The pan has to be hot first: wait for two minutes, then pour the batter.")


def at(day: float) -> str:
    return (NOW + timedelta(days=day)).isoformat().replace("+00:00", "Z")


class Lab(DescribedServer):
    """A project on a GitLab of one's own; who shows no token sees no comments."""

    def __init__(self) -> None:
        super().__init__("gitlab", "/api/v4")
        self.issues: dict[int, dict[str, Any]] = {}
        self.notes: dict[int, list[dict[str, Any]]] = {}
        self.releases: list[dict[str, Any]] = []
        self.answers = {
            f"{PROJECT}/issues": self._issues,
            f"{PROJECT}/issues/{{issue_iid}}": lambda asked: self.issues[int(asked["issue_iid"])],
            f"{PROJECT}/issues/{{issue_iid}}/notes": self._notes,
            f"{PROJECT}/members/all": lambda asked: [
                {"username": "ada", "access_level": 30},
                {"username": "guest", "access_level": 10},
            ],
            f"{PROJECT}/releases": lambda asked: self.releases,
        }

    def add(
        self, number: int, name: str, *notes: tuple[str, str], day: float = 0, **fields: Any
    ) -> None:
        """Add a closed issue; a note is its author and its text."""
        self.issues[number] = {
            "id": number * 100,
            "iid": number,
            "title": name,
            "description": "It stays black. What can I do?",
            "author": {"username": "mira"},
            "state": "closed",
            "user_notes_count": len(notes),
            "updated_at": at(day),
            "created_at": at(-9),
            "issue_type": "issue",
            "web_url": f"{self.base}/g/s/p/-/issues/{number}",
            **fields,
        }
        self.notes[number] = [
            {"id": place, "author": {"username": author}, "body": body, "created_at": at(place)}
            for place, (author, body) in enumerate(notes, start=1)
        ]

    def headers(self, template: str, asked: Asked, told: Any) -> dict[str, str]:
        return {"ETag": f'W/"{hash(str(told))}"'}

    def _issues(self, asked: Asked) -> Any:
        assert asked["id"] == "g/s/p"
        wanted = (asked["state"],) if asked["state"] != "all" else ("opened", "closed")
        since = asked.get("updated_after", "")
        found = [one for one in self.issues.values() if one["state"] in wanted]
        return [one for one in found if one["updated_at"] >= since]

    def _notes(self, asked: Asked) -> Any:
        if "private-token" not in self.requests[-1][1]:
            return Reply("{}", 401)
        return self.notes[int(asked["issue_iid"])]


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab() as lab:
        lab.add(7, "Waffles stay black", HELP)
        yield lab
        assert lab.problems == []


@pytest.fixture
def source(lab: Lab, pages: EntryStore) -> VisitedService:
    source = VisitedService("gitlab", f"{lab.base}/g/s/p/-/issues", pages)
    source.token = "hunter2"  # noqa: S105 - no password of anybody
    return source


def test_an_issue_is_its_question_with_a_members_answer(lab: Lab, source: VisitedService) -> None:
    lab.add(8, "Irons stick", ("guest", HELP[1]))
    lab.add(9, "Batter runs", ("bo", HELP[1]), closed_by={"username": "bo"})
    lab.add(10, "Butter burns", ("mira", HELP[1]), closed_by={"username": "mira"})
    source.sync()
    assert sorted(source.documents) == ["Batter runs", "Waffles stay black"]
    link = f"{lab.base}/g/s/p/-/issues/7"
    assert source.documents["Waffles stay black"].link == link
    assert f"**[ada]({link}#note_1)**" in source.documents["Waffles stay black"].text


def test_what_is_not_public_is_never_read(lab: Lab, source: VisitedService) -> None:
    lab.add(7, "Waffles stay black", HELP, ("bo", "An internal word about this customer."))
    lab.notes[7][1]["internal"] = True
    lab.add(8, "Irons stick", HELP, confidential=True)
    lab.add(9, "Outage", HELP, issue_type="incident")
    source.sync()
    [found] = source.documents.values()
    assert "internal word" not in found.text


def test_issues_need_a_token(lab: Lab, source: VisitedService) -> None:
    source.token = ""
    source.sync()
    [reason] = source.reasons
    assert reason.startswith("shows comments of issues only with a token: the operator adds it")


def test_releases_are_documents_and_upcoming_ones_are_none(lab: Lab, pages: EntryStore) -> None:
    released = {"tag_name": "v2/x", "name": "2.0", "description": "Waffles are round now."}
    released |= {"released_at": at(0)}
    lab.releases = [
        {**released},
        {**released, "tag_name": "v3", "name": "3.0", "upcoming_release": True},
    ]
    source = VisitedService("gitlab", f"{lab.base}/g/s/p/-/releases", pages)
    source.sync()
    [found] = source.documents.values()
    assert (found.title, found.text) == ("p 2.0", "Waffles are round now.")
    assert found.link == f"{lab.base}/g/s/p/-/releases/v2%2Fx"
    source.sync(1)
    assert len(lab.requests) == 2
