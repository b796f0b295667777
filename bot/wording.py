"""Every sentence the bot says in Discord, the format of citations, Discord's limits. Pure.

Quoted text is Markdown that somebody else wrote: here it is made safe to show. It pings nobody,
its masked links show where they lead, and no part of it is cut inside a code fence, a link or a
surrogate pair.

Source:
    Limits: Discord's developer documentation, "Message" and "Component reference".
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from bot.conversation import Answer, Citation, Clarification, Quote, Refusal, Reply
from indexer.passages import sentences
from indexer.retriever import RERANKER
from knowledge.model import (
    Decision,
    Evidence,
    Kind,
    Note,
    Question,
    State,
)

MESSAGE_CHARACTERS: Final = 2_000
BUTTON_CHARACTERS: Final = 80

# Where a note stands takes at most this much: a name, a time and most reasons whole.
STANDING_CHARACTERS: Final = 700

# The first passage is shown whole where it fits; further ones by the sentences around the one
# that answers, so that an answer is one message and one screen of a phone.
FIRST_QUOTE_CHARACTERS: Final = 1_100
FURTHER_QUOTE_CHARACTERS: Final = 280
SHORTEST_QUOTE_CHARACTERS: Final = 60

# A custom_id says what a button does and to what, so that it works after a restart.
ANSWER_BUTTON: Final = r"answer:(?P<question>\d+):(?P<action>helpful|unhelpful|more|why|share)"
CARD_BUTTON: Final = r"card:(?P<revision>\d+):(?P<action>approve|reject)"
GAP_BUTTON: Final = r"gap:(?P<question>\d+):(?P<action>write)"

_LINK = re.compile(r"(!?)\[([^\]\n]*)\]\(<?(https?://[^\s)>]+)>?(?:\s+\"[^\"\n]*\")?\)")
_BARE_LINK = re.compile(r"(?<![<\w])(https?://[^\s<>)\]]+)")
_ADDRESS = re.compile(r"https?://[^\s<>]{1,504}")
_MENTION = re.compile(r"@(?=everyone|here)|<(?=@|#|/|id:|a?:|t:)")
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]")
_FENCE_LINE = re.compile(
    r"^(?P<lead>(?:> ?){0,2}[ \t]{0,8})(?P<mark>`{3,}|~{3,})"
    r"(?P<language>[\w+#.-]{0,20})(?P<rest>[^`\n]*)$",
    re.MULTILINE,
)
# Room for the line that closes a fence: a line's end, the longest lead, three backticks.
_CLOSING_CHARACTERS: Final = 16


# Making text safe to show.


def plain(text: str) -> str:
    """One line of somebody's text with nothing in it that Discord would interpret."""
    line = " ".join(_INVISIBLE.sub("", text).split())
    return re.sub(r"([\\*_~`|<>\[\]()#@:-])", r"\\\1", line)


def shown(text: str) -> str:
    """Somebody's Markdown as it may be shown: mentions are text, links say where they lead."""
    text = _INVISIBLE.sub("", text)
    parts: list[str] = []
    position = 0
    for start, end in _fences(text):
        parts += [_shown_prose(text[position:start]), _shown_fence(text[start:end])]
        position = end
    parts.append(_shown_prose(text[position:]))
    return "".join(parts)


def _shown_fence(text: str) -> str:
    """A code fence as Discord knows it: three backticks, closed, and no others inside."""
    opening, *body = text.split("\n")
    opened = _FENCE_LINE.match(opening)
    if opened is None:
        return _shown_prose(text)
    if body and _closes(_FENCE_LINE.match(body[-1]), opened):
        body.pop()
    if opened["rest"].strip():
        body.insert(0, opened["rest"].strip())
    inside = "\n".join(body).replace("```", "`\u200b``")
    return f"{opened['lead']}```{opened['language']}\n{inside}\n{opened['lead']}```"


def _shown_prose(text: str) -> str:
    # Discord lets three backticks open a fence anywhere; here they would turn real ones inside out.
    text = _tables_fenced(text.replace("```", r"\`\`\`"))
    text = _MENTION.sub(lambda match: f"{match[0]}\u200b", text)
    parts: list[str] = []
    position = 0
    for link in _LINK.finditer(text):
        parts += [_without_masks(text[position : link.start()]), _honest_link(link)]
        position = link.end()
    parts.append(_without_masks(text[position:]))
    return "".join(parts)


def _without_masks(text: str) -> str:
    """Text in which no address hides: what is no link that we know is no link for Discord."""
    return _BARE_LINK.sub(r"<\1>", text).replace("](", r"]\(")


def _honest_link(match: re.Match[str]) -> str:
    """A masked link that can't pretend: a label that looks like another address is set apart."""
    label, address = match[2].strip(), match[3]
    looks_like_address = re.search(r"\w\.\w{2,}|://", label)
    if not label or looks_like_address or match[1]:
        return f"{label} (<{address}>)".strip()
    return f"[{label}](<{address}>)"


def _tables_fenced(text: str) -> str:
    """Tables in code fences: Discord has no tables, and only a fence keeps their columns."""
    lines: list[str] = []
    inside = False
    for line in text.split("\n"):
        row = line.lstrip().startswith("|") and line.rstrip().endswith("|")
        if row != inside:
            lines.append("```")
            inside = row
        lines.append(line)
    if inside:
        lines.append("```")
    return "\n".join(lines)


def _fences(text: str) -> list[tuple[int, int]]:
    """The spans of code fences, from the opening line to the end of the closing one."""
    spans: list[tuple[int, int]] = []
    opened: re.Match[str] | None = None
    for match in _FENCE_LINE.finditer(text):
        if opened is None:
            opened = match
        elif _closes(match, opened):
            spans.append((opened.start(), match.end()))
            opened = None
    if opened is not None:
        spans.append((opened.start(), len(text)))
    return spans


def _closes(line: re.Match[str] | None, opened: re.Match[str]) -> bool:
    return (
        line is not None
        and line["mark"].startswith(opened["mark"])
        and not line["language"]
        and not line["rest"].strip()
    )


def split(text: str, limit: int = MESSAGE_CHARACTERS) -> list[str]:
    """A text in pieces of at most `limit` characters, cut at the best places.

    A fence that is cut is closed and opened again in the next piece with its language. Between
    fences the cut is made at a blank line, else at a line's end, else at a blank; a link is only
    cut where it alone is longer than a piece. Without its fences' marks, the pieces joined are
    the text without the white space at the cuts.
    """
    pieces: list[str] = []
    fence = ""
    rest = text
    while rest:
        opening = f"{fence}\n" if fence else ""
        if len(opening) + len(rest) <= limit:
            pieces.append(opening + rest)
            break
        # Room for a closing fence is kept whether or not it turns out to be needed.
        cut = _cut(rest, limit - len(opening) - _CLOSING_CHARACTERS, inside=bool(fence))
        piece, rest = rest[:cut], rest[cut:]
        still_open = _open_fence(piece, fence)
        closing = f"\n{still_open[: still_open.index('`')]}```" if still_open else ""
        pieces.append(opening + piece.rstrip() + closing)
        fence = still_open
        rest = rest.removeprefix("\n") if fence else rest.lstrip()
    # Discord refuses a message of nothing but blanks.
    return [piece for piece in pieces if piece.strip()]


def _cut(text: str, limit: int, *, inside: bool) -> int:
    """Where to cut `text`, at most at `limit`, which is below its length."""
    window = text[:limit]
    for separator in ("\n\n", "\n", " "):
        cut = window.rfind(separator)
        while cut > limit // 3:
            crosses = not inside and any(
                start < cut < end for start, end in _unbreakable(text, limit)
            )
            if not crosses:
                return cut + (0 if separator == " " else 1)
            cut = window.rfind(separator, 0, cut)
    before_link = [start for start, end in _unbreakable(text, limit) if start < limit < end]
    if not inside and before_link and before_link[0] > 0:
        return before_link[0]
    return limit


def _unbreakable(text: str, limit: int) -> list[tuple[int, int]]:
    """The spans of links that could be cut at `limit`."""
    reach = text[: limit + 2_000]
    return [m.span() for m in re.finditer(r"\[[^\]\n]*\]\([^)\n]*\)|<?https?://\S+", reach)]


def _open_fence(piece: str, fence: str) -> str:
    """The opening line of the fence that is open at the end of `piece`, or nothing."""
    for match in _FENCE_LINE.finditer(piece):
        if match["mark"].startswith("~"):
            continue
        if not fence:
            fence = f"{match['lead']}```{match['language']}"
        elif not match["language"]:
            fence = ""
    return fence


def quoted_parts(text: str, limit: int = MESSAGE_CHARACTERS) -> list[str]:
    """A text as quotations of at most `limit` characters, each with every line quoted."""
    size = limit
    while True:
        parts = [quoted(part) for part in split(text, size)]
        if all(len(part) <= limit for part in parts):
            return parts
        # The marks of the quotation need room, the more the shorter the lines are.
        size = size * 4 // 5


def quoted(text: str) -> str:
    """A text as a Discord quotation; every line of it, so that none can leave the quotation."""
    return "\n".join(f"> {line}" for line in text.split("\n"))


def _units(text: str) -> list[tuple[int, int]]:
    """What an excerpt takes or leaves: sentences, and tables whole."""
    units: list[tuple[int, int]] = []
    for start, end in sentences(text):
        row = text.startswith("|", start)
        if (
            row
            and units
            and text.startswith("|", units[-1][0])
            and not text[units[-1][1] : start].strip()
        ):
            units[-1] = (units[-1][0], end)
        else:
            units.append((start, end))
    return units


def excerpt(text: str, limit: int, deciding: tuple[int, int] | None) -> tuple[str, bool]:
    """As much of a passage as fits, around the sentence that answers, that one in bold.

    Returns:
        The excerpt, with … where something was left out, and whether anything was.
    """
    spans = _units(text)
    if not spans:
        return text[:limit], len(text) > limit
    centre = next((i for i, span in enumerate(spans) if span == deciding), 0)
    first = last = centre
    while True:
        grown = False
        for candidate in ((first, last + 1), (first - 1, last)):
            if candidate[0] >= 0 and candidate[1] < len(spans):
                start, end = spans[candidate[0]][0], spans[candidate[1]][1]
                if end - start <= limit:
                    first, last = candidate
                    grown = True
        if not grown:
            break
    start, end = spans[first][0], spans[last][1]
    before = "… " if first > 0 else ""
    if end - start > limit:
        # One sentence longer than the limit: it is all there is, so bold would mark nothing.
        return f"{before}{text[start : start + limit - 1].rstrip()}…", True
    after = " …" if last < len(spans) - 1 else ""
    return f"{before}{_emphasised(text[start:end], start, deciding)}{after}", bool(before or after)


def _emphasised(text: str, offset: int, deciding: tuple[int, int] | None) -> str:
    """The text with the deciding sentence in bold, if that is not broken by what it contains."""
    if deciding is None:
        return text
    start, end = deciding[0] - offset, deciding[1] - offset
    if start < 0 or end > len(text):
        return text
    sentence = text[start:end]
    if sentence.startswith(("```", "~~~", "|")) or "\n\n" in sentence:
        return text
    mark = re.match(r"\s*(?:[-*+•]|\d{1,3}[.)])\s+", sentence)
    lead = mark[0] if mark else ""
    inner = sentence[len(lead) :].replace("**", "")
    return f"{text[:start]}{lead}**{inner}**{text[end:]}"


# Answers.


def answer(reply: Reply) -> str:
    """What is shown for a reply: one message."""
    if isinstance(reply.outcome, Clarification):
        return reply.outcome.problem
    if isinstance(reply.outcome, Refusal):
        return refusal(reply.question, reply.foreign)
    return _answer(reply.question, reply.outcome, reply.foreign)


LANGUAGE_NAMES: Final[Mapping[str, str]] = {
    "ar": "Arabic",
    "de": "German",
    "el": "Greek",
    "en": "English",
    "es": "Spanish",
    "fr": "French",
    "he": "Hebrew",
    "hi": "Hindi",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "nl": "Dutch",
    "pt": "Portuguese",
    "ru": "Russian",
    "th": "Thai",
    "zh": "Chinese",
}


def not_my_language(language: str) -> str:
    """When a question is in a language that the model is not made for."""
    name = LANGUAGE_NAMES.get(language, language)
    return (
        f"This looks like {name}, which my model doesn't read well: I may have missed what there "
        "is. Try it in English."
    )


def partial(missing: Sequence[str]) -> str:
    """What stands above passages that may not answer; `missing` are words that none of them has.

    Where every word is there, nothing says that a part is answered: only that it is about it.
    """
    if not missing:
        return "This is the nearest I found; it may not answer your question."
    return f"This may answer only a part of it. I found nothing on {', '.join(missing)}."


def _answer(question: str, outcome: Answer, foreign: str) -> str:
    lines = [f"**{plain(_shortened(question, 200))}**"]
    if foreign:
        lines.append(not_my_language(foreign))
    if outcome.evidence is Evidence.PARTIAL:
        lines.append(partial([f"“{plain(_shortened(word, 20))}”" for word in outcome.missing]))
    limits = [FIRST_QUOTE_CHARACTERS, *([FURTHER_QUOTE_CHARACTERS] * len(outcome.quotes))]
    room = MESSAGE_CHARACTERS - len("\n".join(lines))
    for number, (quote, limit) in enumerate(zip(outcome.quotes, limits, strict=False)):
        part = _quote(quote, limit)
        # What makes text safe makes it longer, so the best passage is shortened until it fits.
        while number == 0 and len(part) + 1 > room and limit > SHORTEST_QUOTE_CHARACTERS:
            limit = limit * 2 // 3
            part = _quote(quote, limit)
        if len(part) + 1 > room:
            continue
        room -= len(part) + 1
        lines.append(part)
    return "\n".join(lines)


def _quote(quote: Quote, limit: int) -> str:
    text, _ = excerpt(quote.text, limit, quote.deciding)
    return f"{quoted(shown(text))}\n{citation(quote.citation)}"


def citation(cited: Citation) -> str:
    """Where a passage is from: title and heading, link, contributor, when it was last verified."""
    parts = [_place(cited.title, cited.heading, cited.link)]
    if cited.kind is Kind.NOTE and cited.contributor:
        parts.append(f"by {plain(_shortened(cited.contributor, 40))}")
    if cited.verified:
        moment = datetime(cited.verified.year, cited.verified.month, cited.verified.day)  # noqa: DTZ001
        parts.append(f"verified {moment:%d %b %Y}")
    return "-# " + " · ".join(parts)


def _place(title: str, heading: str, link: str) -> str:
    """A document and the heading in it, leading to its source where that is a web address."""
    where = " › ".join(plain(_shortened(part, 100)) for part in (title, heading) if part)
    return f"[{where}](<{link}>)" if _ADDRESS.fullmatch(link) else f"**{where}**"


def refusal(question: str, foreign: str = "") -> str:
    """An honest no."""
    language = f"{not_my_language(foreign)}\n" if foreign else ""
    return (
        f"**{plain(_shortened(question, 200))}**\n{language}"
        "I don't know: nothing I may quote answers this. I've noted the question for the "
        "moderators. If you know the answer, write it down with `/note add`."
    )


def why(question: Question) -> list[str]:
    """Why an answer was given, from what was recorded: one text, in messages."""
    lines = [
        f"**{plain(_shortened(question.text, 200))}**",
        f"Evidence: {question.evidence.value}. Index generation {question.generation}. "
        f"Asked <t:{int(question.asked_at.timestamp())}:f>.",
    ]
    for rank, hit in enumerate(question.hits[:5], start=1):
        where = " › ".join(plain(part) for part in (hit.title, hit.heading) if part)
        lines.append(f"{rank}. **{where}** – score {hit.score:.2f}, found by {found_by(hit.legs)}.")
    if not question.hits:
        lines.append("No passage came near it.")
    return split("\n".join(lines))


def found_by(legs: Sequence[str]) -> str:
    """Which legs found a passage, and whether the reranker read it."""
    found = " and ".join(leg for leg in legs if leg != RERANKER)
    return f"{found}, placed by the reranker" if RERANKER in legs else found


def more(question: Question) -> list[str]:
    """Every passage that was found for a question, whole, in messages."""
    parts = [
        f"{shown(hit.passage)}\n-# {_place(hit.title, hit.heading, hit.link)}"
        for hit in question.hits[:5]
    ]
    return split("\n\n".join(parts)) if parts else ["No passage came near this question."]


FEEDBACK_HELPFUL: Final = "Thank you. That helps to rank it."
FEEDBACK_UNHELPFUL: Final = "Thank you. I've noted that this didn't help."
FEEDBACK_GONE: Final = "That answer is no longer on record."
ASK_ME: Final = "Ask me something: mention me with a question, or use `/ask`."


def _shortened(text: str, limit: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


# Notes and reviews.


def note_taken(note: Note) -> str:
    """To the contributor, when a note has been taken."""
    title = plain(note.revision.submission.title)
    return f"Thank you. “{title}” is with the moderators; I'll tell you what they decide."


NO_REVIEW_CHANNEL: Final = (
    "Notes can't be taken here yet: an administrator has to run `/setup` first and choose the "
    "channel where they are reviewed."
)
NOTES_NEED_A_SERVER: Final = "Notes belong to a server: propose this one there."
CARD_NOT_POSTED: Final = (
    "Your note is kept, but I can't post it in the review channel. Please tell a moderator that I "
    "may not send messages there."
)
NOT_A_MODERATOR: Final = "Only moderators can decide on notes."
OWN_NOTE: Final = "You proposed this note: another moderator has to decide on it."
CARD_GONE: Final = "That note is no longer on record."


def card(note: Note) -> list[str]:
    """A review card: the revision whole, who proposed it, and where it stands; in messages.

    The last message carries the buttons, and where the note stands: it alone changes with a
    decision, so the cuts between the messages leave room for the longest decision.
    """
    submission = note.revision.submission
    head = (
        f"**{plain(submission.title)}**\n"
        f"-# Note {note.id}, proposed by {plain(note.contributor)} "
        f"<t:{int(note.revision.created_at.timestamp())}:R>\n"
    )
    details = []
    if submission.tags:
        details.append("Tags: " + ", ".join(plain(tag) for tag in submission.tags))
    if submission.link:
        details.append(f"Source: <{submission.link}>")
    foot = "\n".join([*details, standing(note)])
    room = len("\n".join([*details, ""])) + STANDING_CHARACTERS
    first, *rest = quoted_parts(shown(submission.text), MESSAGE_CHARACTERS - len(head))
    parts = [head + first, *rest]
    # A blank line, because some clients draw what follows a quotation as a part of it.
    if len(parts[-1]) + 2 + room <= MESSAGE_CHARACTERS:
        return [*parts[:-1], f"{parts[-1]}\n\n{foot}"]
    return [*parts, foot]


def standing(note: Note) -> str:
    """Where a note stands, in one line."""
    if note.review is None:
        return "**Pending**"
    name = {State.APPROVED: "Approved", State.REJECTED: "Rejected"}.get(
        note.revision.state, "Decided"
    )
    line = (
        f"**{name}** by {plain(note.review.moderator)} "
        f"<t:{int(note.review.created_at.timestamp())}:R>"
    )
    if not note.review.reason:
        return line
    reason = plain(note.review.reason)
    if len(line) + 2 + len(reason) > STANDING_CHARACTERS:
        reason = plain(_shortened(note.review.reason, 200))
    return f"{line}: {reason}"


def already_decided(note: Note) -> str:
    """To the second of two moderators."""
    return f"This note has been decided already. {standing(note)}"


def decided(note: Note) -> str:
    """To the moderator who decided."""
    title = plain(note.revision.submission.title)
    if note.revision.state is State.APPROVED:
        return f"“{title}” is live: questions are answered from it now."
    return f"“{title}” is rejected. I'm telling {plain(note.contributor)}."


def outcome_for_contributor(note: Note) -> list[str]:
    """To the contributor, when a moderator has decided: in messages, the first says it all.

    A rejected text follows, so that it is not lost. It is for the contributor alone: the first
    message may be shown where others read, what was rejected may not.
    """
    title = plain(note.revision.submission.title)
    if note.revision.state is State.APPROVED:
        return [f"Your note “{title}” was approved: questions are answered from it now. Thank you!"]
    review = note.review
    reason = f"\nThe reason: {plain(review.reason)}" if review and review.reason else ""
    back = "This is what you wrote, should you want to propose it again with `/note add`:\n"
    text = shown(note.revision.submission.text)
    first, *rest = quoted_parts(text, MESSAGE_CHARACTERS - len(back))
    return [f"Your note “{title}” was not accepted.{reason}", back + first, *rest]


# Setting up, and about.

PERMISSION_NAMES: Final[Mapping[str, str]] = {
    "view_channel": "View Channel",
    "send_messages": "Send Messages",
    "send_messages_in_threads": "Send Messages in Threads",
    "read_message_history": "Read Message History",
    "embed_links": "Embed Links",
}


def set_up(channel: str, role: str, missing: Sequence[str]) -> str:
    """To the administrator, when `/setup` is done. `channel` and `role` are mentions."""
    lines = [f"Notes are reviewed in {channel}, by {role} and by administrators."]
    if missing:
        names = ", ".join(f"**{PERMISSION_NAMES.get(name, name)}**" for name in missing)
        lines.append(f"I still lack permissions in {channel}: {names}. Grant me these there.")
    else:
        lines.append("I have every permission I need there.")
    return "\n".join(lines)


SETUP_NEEDS_ADMIN: Final = "Only somebody who may manage the server can run `/setup`."


def about(version: str, counts: Mapping[str, int], model: str) -> str:
    """What this is and how much it knows."""
    lines = [
        f"**Commonplace {version}** answers from what this community knows, in quotations.",
        f"{counts['documents']:,} documents in {counts['passages']:,} passages; index generation "
        f"{counts['generation']:,}; model {plain(model)}.",
    ]
    if "live" in counts:
        lines.append(
            f"Here: {_counted(counts['live'], 'note')} live, {counts['pending']:,} waiting for "
            f"review, {_counted(counts['questions'], 'question')} asked."
        )
    lines.append("Ask with `/ask`, add what you know with `/note add`.")
    return "\n".join(lines)


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def failed(error_id: str) -> str:
    """When something went wrong that nobody foresaw."""
    return (
        "Something went wrong on my side, and nothing was lost that had been confirmed. "
        f"Please tell an administrator this number: `{error_id}`."
    )


def decision_label(decision: Decision) -> str:
    """The button for a decision."""
    return {Decision.APPROVE: "Approve", Decision.REJECT: "Reject"}[decision]
