"""Drafts of notes: a form's fields as typed, before they are checked."""

from dataclasses import dataclass, replace
from enum import StrEnum

from knowledge.values.notes import Member, SourceMessage
from knowledge.values.pictures import Picture
from knowledge.values.submissions import TITLE_CHARACTERS, Submission, checked_submission


class OnPage(StrEnum):
    """A writer's consent to the public page.

    `UNTOLD`: the form didn't mention it. `TOLD`: the form said that the note will be on it.
    `OFF`: the writer opted out.
    """

    UNTOLD = "u"
    TOLD = "t"
    OFF = "o"


@dataclass(frozen=True, slots=True)
class Draft:
    """A form's fields as typed.

    `wordings` are other ways to ask, one a line.

    `note_id` and `guild_id` are set for a revision, `source` for a note saved from a message,
    `question_id` for a note about a gap. `origin` is the message with the file it was read from.
    `contributor` is the author of its words, if another member submits it. `anyway` submits it
    despite similar notes. `extends` puts the file's text below the note's. `pictures` are the
    attached ones, beside that file. They replace the note's pictures, or follow them with
    `adds_pictures`; `without_pictures` removes all. `pictures_read` is whether the contributor has
    seen the text recognized in them. `page` is the form's choice about the public page.
    """

    title: str = ""
    text: str = ""
    tags: str = ""
    link: str = ""
    wordings: str = ""
    note_id: int | None = None
    guild_id: int | None = None
    source: SourceMessage | None = None
    question_id: int | None = None
    origin: int = 0
    anyway: bool = False
    extends: bool = False
    contributor: Member | None = None
    pictures: tuple[Picture, ...] = ()
    adds_pictures: bool = False
    without_pictures: bool = False
    pictures_read: bool = False
    page: OnPage = OnPage.UNTOLD

    @property
    def is_own(self) -> bool:
        """Whether its writer typed it, instead of saving another's message."""
        return self.source is None and self.contributor is None

    def submission(self) -> Submission:
        """The checked submission.

        Raises:
            InvalidNoteError: if it is invalid, with the sentence to show.
        """
        return checked_submission(self.title, self.text, self.tags, self.link, self.wordings)

    def filled(self, title: str, text: str) -> "Draft":
        """The draft with a file's text, and with its title unless one was typed."""
        line = " ".join(title.split())[:TITLE_CHARACTERS].rstrip()
        return replace(self, title=self.title.strip() or line, text=text)
