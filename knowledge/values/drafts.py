"""Drafts of notes: a form's fields as typed, before they are checked."""

from dataclasses import dataclass, replace
from enum import StrEnum

from knowledge.values.notes import Member, Picture, SourceMessage
from knowledge.values.submissions import TITLE_CHARACTERS, Submission, checked_submission


class OnPage(StrEnum):
    """A writer's consent to the public page.

    `UNTOLD`: the form didn't mention the page. `TOLD`: the form said that the note will be on the
    page. `OFF`: the writer opted out.
    """

    UNTOLD = "u"
    TOLD = "t"
    OFF = "o"


@dataclass(frozen=True, slots=True)
class Draft:
    """A form's fields as typed.

    Attributes:
        wordings: other ways to ask the question, one a line.
        note_id, guild_id: the note to revise, and its guild; None for a new note.
        source: the message that the note is saved from.
        question_id: the gap that the note answers.
        origin: the id of the bot's message with the button or file that the draft was made from; 0
            if there is none. Two clicks on such a message submit the draft once.
        anyway: whether to submit the draft despite similar notes.
        extends: whether the text is the note's text with an addition below it.
        contributor: the author of the text, if another member submits it.
        adds_pictures: whether `pictures` are added to the note's pictures, instead of replacing
            them.
        without_pictures: whether to remove all pictures of the note.
        pictures_read: whether the sender has seen the text recognized in `pictures`.
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
        """Whether the sender typed the draft, instead of saving another member's message."""
        return self.source is None and self.contributor is None

    def submission(self) -> Submission:
        """The checked submission.

        Raises InvalidNoteError if the draft is invalid, with the sentence to show.
        """
        return checked_submission(self.title, self.text, self.tags, self.link, self.wordings)

    def with_file_text(self, title: str, text: str) -> "Draft":
        """The draft with a file's text, and with its title unless one was typed."""
        line = " ".join(title.split())[:TITLE_CHARACTERS].rstrip()
        return replace(self, title=self.title.strip() or line, text=text)
