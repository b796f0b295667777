"""Submissions: checks of a note's typed fields, and the sentences that refuse them.

Errors:
    ValueError
    └── InvalidNoteError    a submission that can't become a revision, with the sentence to show
"""

import re
from dataclasses import dataclass, replace
from typing import Final, Self

from knowledge.secrets import without_secrets
from knowledge.text import storable

# 100 characters keep a citation on one line of a phone. Texts longer than a form come as a file;
# one of this size is embedded within a second.
TITLE_CHARACTERS: Final = 100
TEXT_CHARACTERS: Final = 30_000
FORM_CHARACTERS: Final = 4_000
WORDING_CHARACTERS: Final = 100
WORDINGS: Final = 5
TAG_CHARACTERS: Final = 30
TAGS: Final = 5
LINK_CHARACTERS: Final = 512
REASON_CHARACTERS: Final = 500

_LINK = re.compile(r"https?://[^\s<>]+")
# An address as people type it: `example.org/page`.
_BARE_LINK = re.compile(r"(?:[\w-]+\.)+[^\W\d_]{2,}(?:[:/?#][^\s<>]*)?")
# A single word of fewer bytes is too little for a note: "q", "test". Bytes, because three Chinese
# characters say as much as ten letters.
_FEW: Final = 8
_TAG = re.compile(r"[\w-]+")


class InvalidNoteError(ValueError):
    """The submission can't become a revision; the message is the sentence to show.

    `sentence` is the message before `values` are filled in, so a caller can translate it.
    """

    def __init__(self, sentence: str, **values: object) -> None:
        super().__init__(sentence.format(**values))
        self.sentence = sentence
        self.values = values


@dataclass(frozen=True, slots=True)
class Submission:
    """A contributor's proposal, checked by `checked_submission`.

    `wordings` are other ways to ask the note's question.
    """

    title: str
    text: str
    tags: tuple[str, ...] = ()
    link: str = ""
    wordings: tuple[str, ...] = ()

    @property
    def safe(self) -> Self:
        """The submission without secrets, for others and for the index."""
        return replace(
            self,
            title=without_secrets(self.title),
            text=without_secrets(self.text),
            link=without_secrets(self.link),
            wordings=tuple(map(without_secrets, self.wordings)),
        )


def checked_submission(
    title: str, text: str, tags: str = "", link: str = "", wordings: str = ""
) -> Submission:
    """Make a submission of a contributor's input.

    Args:
        title: one line.
        text: Markdown; kept exactly, except for surrounding blanks and unstorable characters.
        tags: separated by commas or spaces, with or without `#`; repeats are dropped.
        link: the source, an http or https address, or empty; `https://` may be left out.
        wordings: other ways to ask, one a line.

    Raises:
        InvalidNoteError: with a sentence that names the problem and the rule.
    """
    title = " ".join(storable(title).split())
    text = storable(text).strip()
    link = storable(link).strip()
    if _BARE_LINK.fullmatch(link):
        link = f"https://{link}"
    if not title:
        raise InvalidNoteError("The title is empty. Give the note a title of one line.")
    if len(title) > TITLE_CHARACTERS:
        raise InvalidNoteError(
            "The title has {number:,} characters; the limit is {most:,}.",
            number=len(title),
            most=TITLE_CHARACTERS,
        )
    if not any(character.isalnum() for character in text):
        raise InvalidNoteError("The text is empty. Write something for others to find.")
    if len(text) > TEXT_CHARACTERS:
        raise InvalidNoteError(
            "The text has {number:,} characters; the limit is {most:,}. Split it into two notes.",
            number=len(text),
            most=TEXT_CHARACTERS,
        )
    if link and not is_link(link):
        raise InvalidNoteError(
            "The source link isn't a web address. It must start with http:// or https:// and have "
            "at most {most:,} characters.",
            most=LINK_CHARACTERS,
        )
    checked = checked_tags(storable(tags))
    letters = "".join(filter(str.isalnum, text)).encode(errors="replace")
    if len(text.split()) < 2 and len(letters) < _FEW:
        raise InvalidNoteError(
            "“{text}” alone is too short for a note. Answer a question in a full sentence, so that "
            "others understand it.",
            text=text,
        )
    return Submission(title, text, checked, link, checked_wordings(wordings, title))


def checked_wordings(text: str, title: str = "") -> tuple[str, ...]:
    """The wordings in `text`, one a line, without repeats and without the title.

    Raises InvalidNoteError if a wording is too long or has no letter, or there are too many
    wordings.
    """
    lines = [" ".join(line.split()) for line in storable(text).splitlines()]
    found = {line.casefold(): line for line in reversed(lines) if line}
    found.pop(title.casefold(), None)
    wordings = tuple(reversed(found.values()))
    for wording in wordings:
        if len(wording) > WORDING_CHARACTERS or not any(map(str.isalnum, wording)):
            raise InvalidNoteError(
                "“{wording}” can't be another way to ask. Write one question per line, at most "
                "{most} characters each.",
                wording=wording[:40],
                most=WORDING_CHARACTERS,
            )
    if len(wordings) > WORDINGS:
        raise InvalidNoteError(
            "That's {number} other ways to ask; the limit is {most}.",
            number=len(wordings),
            most=WORDINGS,
        )
    return wordings


def is_link(text: str) -> bool:
    return len(text) <= LINK_CHARACTERS and _LINK.fullmatch(text) is not None


def checked_tags(text: str) -> tuple[str, ...]:
    """The tags in `text`, lower case, without repeats, in the order they were typed.

    Raises InvalidNoteError if a tag is invalid, or there are too many tags.
    """
    words = (word.removeprefix("#").casefold() for word in re.split(r"[,\s]+", text))
    tags = tuple(dict.fromkeys(word for word in words if word))
    for tag in tags:
        if len(tag) > TAG_CHARACTERS or not _TAG.fullmatch(tag):
            raise InvalidNoteError(
                "“{tag}” can't be a tag. Use only letters, digits, - and _, at most {most} "
                "characters.",
                tag=tag[:40],
                most=TAG_CHARACTERS,
            )
    if len(tags) > TAGS:
        raise InvalidNoteError(
            "That's {number} tags; the limit is {most}.", number=len(tags), most=TAGS
        )
    return tags
