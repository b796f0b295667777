"""A digest fits one message in every language, with any names and questions."""

import pytest

from bot.interactions.pictures import drawing_file
from bot.statistics import overview as overview_messages
from bot.statistics import weekly
from bot.statistics.ui.weekly import DrawnOverview, digest_message
from bot.statistics.weekly import WEEK, NewNote
from bot.text.languages import Speaker
from bot.text.markdown import LAYOUT_CHARACTERS, size
from knowledge.values.guilds import Language
from knowledge.values.settings import Edition
from tests.bot.digests import AT, DIGEST, full
from tests.bot.statistics import overviews

# Discord's limit, of a message.
COMPONENTS = 40


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("edition", list(Edition))
def test_a_full_digest_fits_one_message(edition: Edition, language: Language) -> None:
    moved = weekly.MOVED(language, channel=f"<#{DIGEST.channel_id}>")
    said = "".join([*(part for part, _ in weekly.digest(full(edition), language)), moved])

    assert size(said) <= LAYOUT_CHARACTERS
    assert "<@&" not in said
    panels = overview_messages.panels(overviews.full(), language)
    file = drawing_file(b"", "overview", overview_messages.description(panels))
    overview = DrawnOverview([file], panels)
    view = digest_message(full(edition), language, moved, overview)["view"]
    assert view.total_children_count <= COMPONENTS
    assert view.content_length() <= LAYOUT_CHARACTERS


def test_a_new_note_leads_to_its_public_page() -> None:
    note = NewNote("GPU [hours]", "Mira", (), "https://a.org/notes/1/")
    assert "**[GPU \\[hours\\]](<https://a.org/notes/1/>)**" in weekly._new_note(
        note, Speaker(Language.ENGLISH)
    )


def test_a_digest_is_recognised_in_any_language() -> None:
    parts = weekly.digest(full(Edition.MODERATORS), Language.GERMAN)
    said = "\n".join(part for part, _ in parts)

    assert weekly.is_digest(said, Edition.MODERATORS, AT)
    assert not weekly.is_digest(said, Edition.EVERYBODY, AT)
    assert not weekly.is_digest(said, Edition.MODERATORS, AT + WEEK)
    assert not weekly.is_digest(f"He said:\n{said}", Edition.MODERATORS, AT)


def test_the_schedule_names_time_zone_and_time() -> None:
    said = weekly.schedule_of(DIGEST, AT, Language.ENGLISH, writable=True, others_read=False)

    assert "every Monday at 9:00 (Europe/Berlin)" in said
    assert f"<t:{int((AT + WEEK).timestamp())}:F>" in said
