"""A digest is one message, whatever members are called and have asked, in every language."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.digest import messages
from bot.digest.schedule import WEEK, Due
from bot.digest.service import MOST_GAPS, MOST_POSTS, MOST_THANKED, NewNote, UnansweredPost, Week
from bot.gaps.service import Group
from bot.text.markdown import LAYOUT_CHARACTERS, size
from knowledge.model.digests import Digest, Edition
from knowledge.model.guilds import Language
from knowledge.model.questions import Evidence
from knowledge.store.credit import Contributor
from knowledge.store.questions.gaps import OpenQuestion
from knowledge.store.questions.period_figures import Asked

AT = datetime(2026, 3, 30, 7, tzinfo=UTC)
ID = 2**62
MANY = 999_999
LONG = "*_`[~<@&1>🦘|" * 400
DIGEST = Digest(ID, Edition.MODERATORS, ID, 0, 9, "Europe/Berlin", AT - WEEK)


def full(edition: Edition) -> Week:
    question = OpenQuestion(ID, ID, ID, ID, LONG, "", AT, Evidence.PARTIAL, content=False)
    return Week(
        replace(DIGEST, edition=edition),
        Due(AT, AT - WEEK),
        asked=Asked(MANY, MANY, MANY),
        gaps=(Group((question,) * 999, question, awaited=True),) * MOST_GAPS,
        open_gaps=MANY,
        pending=MANY,
        due=MANY,
        waiting_since=AT,
        posts=(UnansweredPost(ID, AT),) * MOST_POSTS,
        thanked=(Contributor(LONG, MANY, MANY),) * MOST_THANKED,
        new=(NewNote(LONG, LONG, (LONG,) * 999),) * 99,
    )


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("edition", list(Edition))
def test_a_full_digest_fits_one_message_with_what_is_below_it(
    edition: Edition, language: Language
) -> None:
    said = "".join(
        [*messages.digest(full(edition), language).parts, messages.moved(DIGEST, language)]
    )

    assert size(said) <= LAYOUT_CHARACTERS
    assert "<@&" not in said


def test_a_digest_is_known_again_by_its_beginning_whatever_language_it_is_in() -> None:
    said = "\n".join(messages.digest(full(Edition.MODERATORS), Language.GERMAN).parts)

    assert messages.is_digest(said, Edition.MODERATORS, AT)
    assert not messages.is_digest(said, Edition.EVERYBODY, AT)
    assert not messages.is_digest(said, Edition.MODERATORS, AT + WEEK)
    assert not messages.is_digest(f"He said:\n{said}", Edition.MODERATORS, AT)


def test_a_digest_names_the_clock_and_the_time_that_it_comes_next() -> None:
    said = messages.chosen(DIGEST, AT, writable=True, moderators_only=True)

    assert "each Monday at 9:00 (Europe/Berlin)" in said
    assert f"<t:{int((AT + WEEK).timestamp())}:F>" in said
