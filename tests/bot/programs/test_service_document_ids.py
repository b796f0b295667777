"""Public ids of documents: stable, and without paths of this machine."""

import pytest

from bot.config.settings import Settings
from bot.programs.service import document_id_of, public_id
from knowledge.values.documents import SHARED, Scope
from tests.bot.programs.quokkas import HERE, filled, shown


@pytest.mark.parametrize(
    "document_id",
    [
        "file:/srv/community/faq.md",
        "file:/srv/export.zip:inner/faq.md",
        "git:file:///srv/handbook@main:docs/faq.md",
        "git:7:file:///srv/handbook:docs/faq.md",
        "git:/srv/handbook:docs/faq.md",
    ],
)
def test_an_id_with_a_path_of_this_machine_is_shown_as_a_digest(document_id: str) -> None:
    assert "srv" not in public_id(document_id)
    assert "/" not in public_id(document_id)
    assert public_id(document_id).split(":")[0] == document_id.split(":")[0]


@pytest.mark.parametrize(
    "document_id",
    [
        "note:7",
        "article:what-is-open-source-ai",
        "page:https://example.org/file:/faq",
        "git:https://example.org/handbook@main:docs/faq.md",
    ],
)
def test_any_other_id_is_shown_as_it_is(document_id: str) -> None:
    assert public_id(document_id) == document_id


def test_a_digest_finds_what_a_path_does_not(settings: Settings) -> None:
    with filled(settings) as core:
        assert document_id_of(core, shown("shared"), [SHARED]) == "file:/shared.md"
        assert document_id_of(core, shown("here"), [SHARED]) == ""
        assert document_id_of(core, shown("here"), [SHARED, Scope(HERE)]) != ""
        assert document_id_of(core, "file:/shared.md", [SHARED]) == ""
        assert document_id_of(core, "note:7", [SHARED]) == "note:7"
