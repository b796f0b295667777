"""A digest fits one message in every language, with any names and questions."""

import pytest

from bot.interactions.pictures import drawing_file
from bot.statistics import overview as overview_messages
from bot.statistics import weekly
from bot.statistics.ui.weekly import DrawnOverview, digest_message
from bot.statistics.weekly import WEEK, NewNote
from bot.text.markdown import LAYOUT_CHARACTERS, size
from knowledge.values.guilds import Language
from knowledge.values.settings import Edition
from tests.bot.digests import AT, DIGEST, full
from tests.bot.spoken import english, said_in
from tests.bot.statistics import overviews

# Discord's limit, of a message.
COMPONENTS = 40


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("edition", list(Edition))
def test_a_full_digest_fits_one_message(edition: Edition, language: Language) -> None:
    moved = said_in(language, weekly.MOVED, channel=f"<#{DIGEST.channel_id}>")
    said = "".join([*(part for part, _ in said_in(language, weekly.digest, full(edition))), moved])

    assert size(said) <= LAYOUT_CHARACTERS
    assert "<@&" not in said
    panels = said_in(language, overview_messages.panels, overviews.full())
    file = drawing_file(b"", "overview", overview_messages.description(panels))
    overview = DrawnOverview([file], panels)
    view = said_in(language, digest_message, full(edition), moved, overview)["view"]
    assert view.total_children_count <= COMPONENTS
    assert view.content_length() <= LAYOUT_CHARACTERS


def test_a_new_note_leads_to_its_public_page() -> None:
    note = NewNote("GPU [hours]", "Mira", (), "https://a.org/notes/1/")
    assert "**[GPU \\[hours\\]](<https://a.org/notes/1/>)**" in weekly._new_note(note)


def test_a_digest_is_recognised_in_any_language() -> None:
    parts = said_in(Language.GERMAN, weekly.digest, full(Edition.MODERATORS))
    said = "\n".join(part for part, _ in parts)

    assert weekly.is_digest(said, Edition.MODERATORS, AT)
    assert not weekly.is_digest(said, Edition.EVERYBODY, AT)
    assert not weekly.is_digest(said, Edition.MODERATORS, AT + WEEK)
    assert not weekly.is_digest(f"He said:\n{said}", Edition.MODERATORS, AT)


def test_the_schedule_names_time_zone_and_time() -> None:
    said = english(weekly.schedule_of, DIGEST, AT, writable=True, others_read=False)

    assert "every Monday at 9:00 (Europe/Berlin)" in said
    assert f"<t:{int((AT + WEEK).timestamp())}:F>" in said
