"""Transcripts: conversations as documents, with question, answer, replies and jump links.

The title is the thread's name, or the question's first words. Texts are verbatim except for
secrets. Markdown that would affect the next message (headings, rules, open code fences) is
neutralized, and mentions become names that ping nobody.
"""

import hashlib
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from knowledge.chat.conversations import (
    THREAD_MESSAGES,
    ConversationSplitter,
    Exchange,
    Message,
    exchange,
)
from knowledge.chat.intents import is_marked_solved, is_small_talk, without_solved_mark, word_count
from knowledge.secrets import without_secrets
from knowledge.store.erasure.quote_opt_outs import NOTHING, Withheld
from knowledge.text import QUESTION_MARKS
from knowledge.values.documents import SHARED, Document, Kind, Scope
from knowledge.values.submissions import TITLE_CHARACTERS

# Discord's own limit for paying members.
MESSAGE_CHARACTERS: Final = 4_000

# Read and cut in about 20 ms.
STEP_MESSAGES: Final = 256

SOMEONE: Final = "someone"

_SYNTAX: Final = re.compile(
    r"(?P<code>```.*?(?:```|\Z)|`[^`\n]+`)"
    r"|<@!?(?P<member>\d{1,20})>"
    r"|<@&(?P<role>\d{1,20})>"
    r"|<#(?P<channel>\d{1,20})>"
    r"|<a?:(?P<emoji>\w{2,32}):\d{1,20}>"
    r"|<t:(?P<time>-?\d{1,13})(?::[tTdDfFR])?>"
    r"|</(?P<command>[^:>\n]{1,100}):\d{1,20}>"
    r"|<id:(?P<page>\w{1,32})>"
    r"|(?<!\w)@(?P<all>everyone|here)\b",
    re.DOTALL,
)
# A fence; with another backtick on its line it is inline code.
_FENCE: Final = re.compile(r"^ {0,3}(?P<fence>`{3,}+(?![^\n]*`)|~{3,})")
_HEADING: Final = re.compile(r"^ {0,3}#{1,6}(?=[ \t]|$)")
_UNDERLINE: Final = re.compile(r"^ {0,3}(?:-+|=+)[ \t]*$")
# HTML at the start of a line can swallow everything below it; an address in brackets can't.
_TAG: Final = re.compile(r"^( {0,3})<(?=[!?/A-Za-z])(?!https?://)")
_MARKUP: Final = re.compile(r"[\\`*_\[\]<>#|~]")
_SENTENCE_END: Final = re.compile(r"(?<=[.?!…؟])\s+|(?<=[？。！])|\n+")
# Shorter questions ("What now?") need their context.
TITLE_WORDS: Final = 4
_WORDLESS: Final = re.compile(r"[\W_]*")
_UNTITLED: Final = re.compile(
    r"```.*?(?:```|\Z)|https?://\S+|^\(attached: [^\n]*\)$", re.DOTALL | re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel; ids are 0 if unknown.

    `solved` is whether a tag marks the thread as solved. `private` is whether the channel's kind
    hides it from some members of the guild.
    """

    guild_id: int
    id: int
    name: str
    parent: str = ""
    thread: bool = False
    private: bool = False
    solved: bool = False

    def link(self, message: Message | None = None) -> str:
        """The jump link to a message, or to the channel; empty without ids."""
        if not (self.guild_id and self.id):
            return ""
        link = f"https://discord.com/channels/{self.guild_id}/{self.id}"
        return f"{link}/{message.id}" if message is not None and message.id else link


def readable(text: str, names: Mapping[int, str], channels: Mapping[int, str]) -> str:
    """Replace Discord's markup by words, except in code.

    `names` and `channels` have the names by id. Other ids become "@member" and "#channel".
    """

    def word(found: re.Match[str]) -> str:
        kind, value = found.lastgroup, found[found.lastgroup or 0]
        match kind:
            case "member":
                return "@" + names.get(int(value), "member")
            case "channel":
                return "#" + channels.get(int(value), "channel")
            case "role":
                return "@role"
            case "emoji":
                return f":{value}:"
            case "command":
                return f"/{value}"
            case "time":
                return _time(int(value))
            case _:
                # Code, a page of the server, or "everyone" without its `@`, which can't ping.
                return value

    return _SYNTAX.sub(word, text)


def _time(seconds: int) -> str:
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%d %B %Y %H:%M} UTC"
    except (OverflowError, OSError, ValueError):
        return "a time"


def documents(
    channel: Channel,
    messages: Iterable[Message | None],
    scope: Scope = SHARED,
    withheld: Withheld = NOTHING,
) -> Iterator[Document | None]:
    """The documents of a channel's messages, oldest first.

    A thread of at most `THREAD_MESSAGES` messages is one document. Longer threads and all channels
    are split into conversations. Yields None for each None among the messages, and after every
    `STEP_MESSAGES` messages, so the caller can do other work.
    """
    stream = iter(messages)
    if channel.thread:
        beginning: list[Message] = []
        for message in stream:
            if message is None:
                yield None
                continue
            beginning.append(message)
            if len(beginning) > THREAD_MESSAGES:
                break
        else:
            beginning.sort(key=lambda message: (message.at, message.id))
            yield document(channel, beginning, scope, withheld)
            return
        stream = itertools.chain(beginning, stream)
        channel = replace(channel, thread=False)
    cutter = ConversationSplitter()
    for number, message in enumerate(stream):
        if message is None or number % STEP_MESSAGES == 0:
            yield None
        if message is None:
            continue
        for conversation in cutter.add(message):
            yield document(channel, conversation, scope, withheld)
    for conversation in cutter.rest():
        yield document(channel, conversation, scope, withheld)


def document(
    channel: Channel,
    messages: Sequence[Message],
    scope: Scope = SHARED,
    withheld: Withheld = NOTHING,
) -> Document | None:
    """The document of a thread or conversation; None without a question or possible answer.

    A thread with a withheld first post has no document, because its author also wrote the title.
    """
    found = _exchange(channel, messages, withheld)
    if found is None:
        return None
    return Document(
        id=document_id(channel, found.question),
        scope=scope,
        kind=Kind.CHAT,
        title=_title(channel, found),
        text=exchange_text(channel, found),
        link=channel.link(found.question),
        contributor=found.answer.author if found.answer is not None else "",
    )


def _exchange(channel: Channel, messages: Sequence[Message], withheld: Withheld) -> Exchange | None:
    people = [message for message in messages if not message.bot]
    if channel.thread and people and people[0] in withheld:
        return None
    kept = [without_message_secrets(message) for message in people if message not in withheld]
    solved = channel.solved or is_marked_solved(channel.name)
    return exchange(kept, thread=channel.thread, solved=solved)


@dataclass(frozen=True, slots=True)
class Transcript:
    """An exchange as the text of a note; `left_out` is the number of replies without room."""

    title: str
    text: str
    messages: tuple[Message, ...]
    left_out: int


def transcript(
    channel: Channel, messages: Sequence[Message], withheld: Withheld, most: int
) -> Transcript | None:
    """The text of an exchange in at most `most` characters; None if there is no exchange.

    Replies without room are left out, the last first. Consecutive replies by one author stay
    together. `most` must have room for the question and the answer.
    """
    found = _exchange(channel, messages, withheld)
    if found is None:
        return None
    runs, parts = _runs(found.replies), _parts(channel, found)
    kept = len(parts)
    while kept > 1 and len("\n\n".join(parts[:kept])) > most:
        kept -= 1
    # The last parts are the replies, in runs by author.
    gone = runs[len(runs) - (len(parts) - kept) :] if kept < len(parts) else []
    left_out = [message for run in gone for message in run]
    first = [found.question, *([found.answer] if found.answer is not None else [])]
    shown = [*first, *(reply for reply in found.replies if reply not in left_out)]
    text = "\n\n".join(parts[:kept])
    return Transcript(_title(channel, found), text, tuple(shown), len(left_out))


def post_document(channel: Channel, message: Message, scope: Scope = SHARED) -> Document | None:
    """The document of a message, titled by its first line; None for small talk and bots."""
    if not message.worth_reading:
        return None
    message = without_message_secrets(message)
    title = next(iter(_meaningful_lines(message.text)), channel.name)
    return Document(
        id=document_id(channel, message),
        scope=scope,
        kind=Kind.CHAT,
        title=_shorten(title),
        text=_attribution(channel, message),
        link=channel.link(message),
        contributor=message.author,
    )


def without_message_secrets(message: Message) -> Message:
    """A copy of the message with secrets removed from its text."""
    return replace(message, text=without_secrets(message.text))


def document_id(channel: Channel, question: Message) -> str:
    """The id of a conversation's document; it depends only on the channel and the question."""
    if channel.id and question.id:
        return f"{channel.id}:{question.id}"
    told = f"{channel.id}\n{channel.name}\n{question.author}\n{question.at}\n{question.text}"
    return hashlib.sha256(told.encode(errors="replace")).hexdigest()[:24]


def _title(channel: Channel, found: Exchange) -> str:
    """The thread's name without its solved mark, or the question's first words."""
    name = without_solved_mark(channel.name)
    if channel.thread and not _WORDLESS.fullmatch(name):
        return _shorten(without_secrets(name))
    telling = _meaningful_lines(found.question.text)
    asking = [text for text in telling if text.endswith(QUESTION_MARKS)]
    long = [text for text in asking if word_count(text) >= TITLE_WORDS]
    return _shorten(next(iter([*long, *telling]), channel.name))


def title_of(text: str) -> str:
    """The first meaningful line or sentence of a message, without markup."""
    return _shorten(next(iter(_meaningful_lines(text)), ""))


def _meaningful_lines(text: str) -> list[str]:
    """The meaningful lines and sentences of a message, without markup."""
    plain = _MARKUP.sub("", _UNTITLED.sub(" ", text))
    sentences = [" ".join(sentence.split()) for sentence in _SENTENCE_END.split(plain)]
    return [text for text in sentences if text and not is_small_talk(text)]


def _shorten(text: str) -> str:
    text = " ".join(text.split())
    if len(text) <= TITLE_CHARACTERS:
        return text
    return text[: TITLE_CHARACTERS - 1].rsplit(" ", 1)[0].rstrip(" ,;:") + "…"


def exchange_text(channel: Channel, found: Exchange) -> str:
    """The text of an exchange: the question, the answer right below it, then the replies."""
    return "\n\n".join(_parts(channel, found))


def _parts(channel: Channel, found: Exchange) -> list[str]:
    """The parts of an exchange: question, answer, and each author's consecutive replies."""
    parts = [_attribution(channel, found.question)]
    rest = [_attribution(channel, *run) for run in _runs(found.replies)]
    if found.answer is not None:
        parts.append(_attribution(channel, found.answer))
        rest[:1] = [f"## Replies\n\n{first}" for first in rest[:1]]
    return parts + rest


def _runs(messages: Sequence[Message]) -> list[list[Message]]:
    """Group consecutive messages of the same author."""
    runs: list[list[Message]] = []
    for message in messages:
        if runs and runs[-1][-1].member == message.member and not message.reply_to:
            runs[-1].append(message)
        else:
            runs.append([message])
    return runs


def _attribution(channel: Channel, *messages: Message) -> str:
    first = messages[0]
    name = _MARKUP.sub(lambda match: "\\" + match[0], " ".join(first.author.split())) or SOMEONE
    link = channel.link(first) if first.id else ""
    who = f"[{name}]({link})" if link else name
    body = "\n\n".join(contain_markdown(message.text) for message in messages)
    return f"**{who}**, {first.at:%d %b %Y}:\n\n{body}"


def contain_markdown(text: str) -> str:
    """Neutralize a message's Markdown, so it can't affect other text of the document.

    Headings become bold. A line of `=` or `-` gets a blank line before it, so it doesn't make the
    previous line a heading. Open fences are closed, and overlong text is cut.
    """
    if len(text) > MESSAGE_CHARACTERS:
        text = text[:MESSAGE_CHARACTERS].rstrip() + "…"
    lines: list[str] = []
    fence = ""
    for line in text.strip().split("\n"):
        match = _FENCE.match(line)
        if fence:
            if match and match["fence"].startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
        elif match:
            fence = match["fence"]
        else:
            line = _TAG.sub(r"\1\\<", _without_heading(line))
        lines.append(line)
    if fence:
        lines.append(fence)
    return "\n".join(lines)


def _without_heading(line: str) -> str:
    heading = _HEADING.match(line)
    if heading is not None:
        told = line[heading.end() :].strip()
        before_closing = told.rstrip("#")
        if before_closing.endswith((" ", "\t")):
            told = before_closing.strip()
        return f"**{told}**" if told else ""
    return f"\n{line}" if _UNDERLINE.match(line) else line
