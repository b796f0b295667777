"""Drafts of notes: fields of a form as they were typed, before they are checked."""

from dataclasses import dataclass, replace
from enum import StrEnum

from knowledge.values.notes import Member, SourceMessage
from knowledge.values.pictures import Picture
from knowledge.values.submissions import TITLE_CHARACTERS, Submission, checked_submission


class OnPage(StrEnum):
    """What a draft's writer was told of the public page, or has chosen.

    `TOLD`: that the note will be on it; `OFF`: they keep it off.
    """

    UNTOLD = "u"
    TOLD = "t"
    OFF = "o"


@dataclass(frozen=True, slots=True)
class Draft:
    """The fields of a form as they were typed, checked or not.

    `note_id` and `guild_id` are set where it is a revision of a note, `source` where it was saved
    from a message, `question_id` where it is written for a gap. `origin` is the message whose file
    it was read from. `contributor` is whose words it has, where somebody else submits it. With
    `anyway` it is submitted whatever is near. With `extends` its text is the note's with what was
    in that file below it. `pictures` are those that were fetched, which lie beside that file; they
    are `added` to the note's, take their place, or leave them as they are where there are none;
    `without` them the next revision has none. Their text was `read` to its contributor. `page` is
    what its form said of the public page.
    """

    title: str = ""
    text: str = ""
    tags: str = ""
    link: str = ""
    note_id: int | None = None
    guild_id: int | None = None
    source: SourceMessage | None = None
    question_id: int | None = None
    origin: int = 0
    anyway: bool = False
    extends: bool = False
    contributor: Member | None = None
    pictures: tuple[Picture, ...] = ()
    added: bool = False
    without: bool = False
    read: bool = False
    page: OnPage = OnPage.UNTOLD

    @property
    def is_own(self) -> bool:
        """Whether it was typed by its writer, and not taken from what somebody has said."""
        return self.source is None and self.contributor is None

    def submission(self) -> Submission:
        """What is proposed.

        Raises:
            InvalidNoteError: if it can't be taken, with the sentence to show.
        """
        return checked_submission(self.title, self.text, self.tags, self.link)

    def filled(self, title: str, text: str) -> "Draft":
        """The draft with a file's text, and with its title unless one was typed."""
        line = " ".join(title.split())[:TITLE_CHARACTERS].rstrip()
        return replace(self, title=self.title.strip() or line, text=text)
