"""What may be typed into a note: how long, which tags, which links; or the sentence why not.

Errors:
    ValueError
    └── InvalidNoteError    a submission that can't become a revision, with the sentences to show
"""

import re
from dataclasses import dataclass
from typing import Final

# A title is ours to choose, and 100 keeps a citation on one line of a phone. What is longer than
# a form holds comes as a file; so much of it is embedded within a second.
TITLE_CHARACTERS: Final = 100
TEXT_CHARACTERS: Final = 30_000
FORM_CHARACTERS: Final = 4_000
TAG_CHARACTERS: Final = 30
TAGS: Final = 5
LINK_CHARACTERS: Final = 512
REASON_CHARACTERS: Final = 500

_LINK = re.compile(r"https?://[^\s<>]+")
_TAG = re.compile(r"[\w-]+")


class InvalidNoteError(ValueError):
    """The submission can't become a revision; the message is the sentence to show.

    `german` is the same sentence in German.
    """

    def __init__(self, english: str, german: str) -> None:
        """With the sentence in both languages."""
        super().__init__(english)
        self.german = german


@dataclass(frozen=True, slots=True)
class Submission:
    """What a contributor proposes, checked by `checked_submission`."""

    title: str
    text: str
    tags: tuple[str, ...] = ()
    link: str = ""


def checked_submission(title: str, text: str, tags: str = "", link: str = "") -> Submission:
    """Make a submission of what somebody typed.

    Args:
        title: one line.
        text: Markdown; kept to the letter except for blank lines around it.
        tags: separated by commas or spaces, with or without `#`; repeats are dropped.
        link: the source, an http or https address, or empty.

    Raises:
        InvalidNoteError: with one sentence that says what was found and what is expected.
    """
    title = " ".join(title.split())
    text = text.strip()
    link = link.strip()
    if not title:
        raise InvalidNoteError(
            "The title is empty: give the note a title of one line.",
            "Der Titel ist leer: Gib der Notiz einen Titel in einer Zeile.",
        )
    if len(title) > TITLE_CHARACTERS:
        raise InvalidNoteError(
            f"The title has {len(title):,} characters; {TITLE_CHARACTERS} is the most.",
            f"Der Titel hat {_german(len(title))} Zeichen; höchstens {TITLE_CHARACTERS} gehen.",
        )
    if not any(character.isalnum() for character in text):
        raise InvalidNoteError(
            "The text is empty: write what people should be able to find.",
            "Der Text ist leer: Schreib, was andere finden sollen.",
        )
    if len(text) > TEXT_CHARACTERS:
        raise InvalidNoteError(
            f"The text has {len(text):,} characters; {TEXT_CHARACTERS:,} is the most. "
            "Split it into two notes.",
            f"Der Text hat {_german(len(text))} Zeichen; höchstens {_german(TEXT_CHARACTERS)} "
            "gehen. Teile ihn in zwei Notizen.",
        )
    if link and not is_link(link):
        raise InvalidNoteError(
            "The source link is not an address: it must start with http:// or https:// "
            f"and have at most {LINK_CHARACTERS} characters.",
            "Der Link zur Quelle ist keine Adresse: Er muss mit http:// oder https:// anfangen und "
            f"darf höchstens {LINK_CHARACTERS} Zeichen haben.",
        )
    return Submission(title, text, checked_tags(tags), link)


def _german(number: int) -> str:
    return f"{number:,}".replace(",", ".")


def is_link(text: str) -> bool:
    """Whether a text is an address of the web that can be kept as a link."""
    return len(text) <= LINK_CHARACTERS and _LINK.fullmatch(text) is not None


def checked_tags(text: str) -> tuple[str, ...]:
    """The tags in `text`, lower case, without repeats, in the order they were typed.

    Raises:
        InvalidNoteError: if one of them can't be a tag, or there are too many.
    """
    words = (word.removeprefix("#").casefold() for word in re.split(r"[,\s]+", text))
    tags = tuple(dict.fromkeys(word for word in words if word))
    for tag in tags:
        if len(tag) > TAG_CHARACTERS or not _TAG.fullmatch(tag):
            raise InvalidNoteError(
                f"The tag “{tag[:40]}” can't be used: a tag is letters, digits, - and _, "
                f"at most {TAG_CHARACTERS} characters.",
                f"Das Tag „{tag[:40]}“ geht nicht: Ein Tag besteht aus Buchstaben, Ziffern, - und "
                f"_, höchstens {TAG_CHARACTERS} Zeichen.",
            )
    if len(tags) > TAGS:
        raise InvalidNoteError(
            f"There are {len(tags)} tags; {TAGS} is the most.",
            f"Das sind {len(tags)} Tags; höchstens {TAGS} gehen.",
        )
    return tags
