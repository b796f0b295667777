"""Messages of hand-overs: for askers, for helpers, and with helpers' answers. Pure."""

import re
from collections.abc import Mapping
from typing import Final

from bot.gaps.messages import answer_lead
from bot.text import markdown
from bot.text.languages import Sentence, speak
from knowledge.values.questions import (
    HANDING_PAUSE,
    Handover,
    HandoverState,
    NotHandedOn,
    OpenQuestion,
    Question,
)

# Below a refusal.

ASK_MODERATORS_LABELS: Final[Mapping[str, Sentence]] = {
    "ask": Sentence("Ask the moderators"),
    "sure": Sentence("Ask them"),
}

ASKS_FIRST: Final = Sentence(
    "You asked this privately. This server's moderators and helpers will see the question, but not "
    "your name. Only you will get the answer."
)
QUESTION_GONE: Final = Sentence("That question is no longer on record: ask it again with `/ask`.")
NOT_SET_UP: Final = Sentence(
    "This server has turned this off. Moderators can still see your question in `/gaps`."
)
NOT_POSTED: Final = Sentence(
    "I couldn't post in the moderators' channel. Try again later; they can see the question in "
    "`/gaps` anyway."
)
_REFUSED: Final[Mapping[NotHandedOn, Sentence]] = {
    NotHandedOn.ALREADY: Sentence(
        "The moderators already have this question. I'll tell everyone who asked it once there's "
        "an answer."
    ),
    NotHandedOn.TOO_SOON: Sentence(
        "You asked the moderators something in the last {minutes} minutes. Give them a little "
        "time, then try again."
    ),
    NotHandedOn.NO_GAP: Sentence(
        "This question was answered or put aside. Ask it again with `/ask`: I'll either answer it "
        "or put it back on the moderators' list."
    ),
    NotHandedOn.PRIVATE: Sentence(
        "Not sent: not everybody in the helpers' channel may read this question. Moderators can "
        "see it in `/gaps`."
    ),
}


def refusal(why: NotHandedOn) -> str:
    return _REFUSED[why](minutes=int(HANDING_PAUSE.total_seconds() // 60))


def confirmation(*, by_asker: bool, quiet: bool) -> str:
    """The response to whoever handed a question over; a `quiet` asker gets no notices."""
    after = speak("I'll tell the asker when somebody answers.")
    if by_asker and quiet:
        after = speak(
            "You've turned off notices about answers, so I won't tell you. Turn them on again with "
            "`/privacy`."
        )
    elif by_asker:
        after = speak("I'll tell you when somebody answers.")
    return speak("I've asked the moderators.") + f" {after}"


# To the helpers.

# They leave room for the rest of the message, even if every character is escaped.
_PUT_CHARACTERS: Final = 800
_ANSWER_CHARACTERS: Final = 360
_ADDRESS: Final = re.compile(r"https?://[^\s<>]{1,150}")
THREAD_CHARACTERS: Final = 100

LABELS: Final[Mapping[str, Sentence]] = {
    "claim": Sentence("Claim"),
    "answer": Sentence("Answer"),
    "decline": Sentence("Not for us"),
    "back": Sentence("Give it back"),
    "again": Sentence("Open again"),
    "send": Sentence("Send to review"),
}

_NEAREST: Final = Sentence("closest I found: {titles}")
_OPEN: Final = Sentence("**Open** · Nobody is on it yet. Press *Answer* to reply to the asker.")
_CLAIMED: Final = Sentence("**Claimed** by {helper} {when}")
_STALE: Final = Sentence("**Still open** · Nobody has answered since {when}.")
_STALE_CLAIM: Final = Sentence(
    "**Still open** · Claimed by {helper} {when}, but not answered yet: anyone may take over."
)
A_HELPER: Final = Sentence("a helper")


def actions(handover: Handover) -> list[str]:
    """The actions that the state of a hand-over allows, in the order of their buttons."""
    if handover.state is HandoverState.OPEN:
        return ["claim", "answer", "decline"]
    if handover.state is HandoverState.CLAIMED:
        return [*(["claim"] if handover.stale else []), "answer", "back", "decline"]
    if handover.state is HandoverState.DECLINED:
        return ["again"]
    return ["send"] if handover.answer and not handover.noted else []


def handover_message(handover: Handover, question: Question) -> str:
    """The message to the helpers: the question without the asker, the state, and any answer."""
    when = f"<t:{int(question.asked_at.timestamp())}:R>"
    place = (
        speak("asked privately {when}", when=when)
        if question.private or question.channel_id is None
        else speak("asked {when} in <#{channel}>", when=when, channel=question.channel_id)
    )
    lines = [
        speak("**A member is asking the moderators** what I couldn't answer:"),
        f"> {markdown.plain_within(question.text, _PUT_CHARACTERS)}",
        f"-# {place}",
    ]
    titles: dict[str, None] = {}
    for hit in [hit for hit in question.hits if hit.title]:
        title = markdown.plain_within(hit.title, 60)
        has_link = _ADDRESS.fullmatch(hit.link)
        titles[f"[{title}](<{hit.link}>)" if has_link else f"**{title}**"] = None
    if titles and not handover.answer:
        lines.append(f"-# {_NEAREST(titles=' · '.join([*titles][:3]))}")
    lines.append(state_line(handover))
    if handover.answer:
        noted = speak("This answer was proposed as a note.")
        draft = speak(
            "*Send to review* proposes this answer as a note, so that I can quote it next time."
        )
        lines.append(f"> {markdown.plain_within(handover.answer, _ANSWER_CHARACTERS)}")
        lines.append(f"-# {noted if handover.noted else draft}")
    return "\n".join(lines)


def state_line(handover: Handover) -> str:
    """The state of a hand-over, with its helper and time."""
    at = f"<t:{int(handover.changed_at.timestamp())}:R>"
    helper = f"<@{handover.helper_id}>" if handover.helper_id else A_HELPER()
    if handover.state is HandoverState.ANSWERED:
        # A helper who opted against being named stays unnamed among helpers, too.
        helper = helper if handover.helper else A_HELPER()
        return speak(
            "**Answered** by {helper} {when}. I'll pass this on to the asker:",
            helper=helper,
            when=at,
        )
    if handover.state is HandoverState.DECLINED:
        return speak("**Not for us**, said {helper} {when}", helper=helper, when=at)
    if handover.state is HandoverState.CLAIMED:
        sentence = _STALE_CLAIM if handover.stale else _CLAIMED
        return sentence(helper=helper, when=at)
    return (_STALE if handover.stale else _OPEN)(when=at)


def thread_name(question: Question) -> str:
    return markdown.shorten(question.text, THREAD_CHARACTERS)


GONE: Final = Sentence("This question is no longer on record.")
_TAKEN: Final = Sentence("{helper} claimed this {when}.")
_DONE: Final = Sentence("{helper} answered this {when}.")


def already_taken(handover: Handover) -> str:
    """The response to a helper's click if the hand-over is claimed, answered or declined."""
    if handover.state is HandoverState.OPEN:
        return speak("Only the helper who claimed this or a moderator can do that.")
    sentence = _TAKEN
    if handover.state is HandoverState.ANSWERED:
        sentence = _DONE
    elif handover.state is HandoverState.DECLINED:
        sentence = Sentence("{helper} put this aside {when}. *Open again* brings it back.")
    at = f"<t:{int(handover.changed_at.timestamp())}:R>"
    helper = f"<@{handover.helper_id}>" if handover.helper_id else A_HELPER()
    return sentence(helper=helper, when=at)


# The form of an answer.

# At most two messages, and within the limit of a note.
ANSWER_CHARACTERS: Final = 2_000

FORM_TITLE_CHARACTERS: Final = 45
EMPTY: Final = Sentence("Your answer is empty. Write something, then send it.")
ANSWER_LABEL: Final = Sentence("Your answer")
GOES_PUBLIC_AND_PROPOSED: Final = Sentence(
    "I'll post it where the question was asked, and propose it as a note."
)
NAME_LABEL: Final = Sentence("May I say who answered?")
NAME_CHOICES: Final[Mapping[str, Sentence]] = {
    "named": Sentence("Yes, with my name"),
    "unnamed": Sentence("No, without a name"),
}


def form_title(question: str) -> str:
    """The question as the form's title, because the form covers the message on a phone."""
    return markdown.shorten(markdown.legible(question), FORM_TITLE_CHARACTERS) or "?"


_THANKS: Final = Sentence("Thank you! I'll tell the asker.")
_THANKS_TO_NOBODY: Final = Sentence(
    "Thank you! The asker has turned off notices, so I won't tell them."
)
_PROPOSED: Final = Sentence("I've also proposed your answer to the moderators as a note.")
_PROPOSED_UNNAMED: Final = Sentence(
    "I've also proposed your answer to the moderators as a note, without your name."
)
_MAY_PROPOSE: Final = Sentence(
    "To propose your answer as a note, press *Send to review* below the question."
)


def thanks(handover: Handover, *, notified: bool, proposed: bool) -> str:
    """The confirmation of a helper's answer: who is told, and how it becomes a note, if it can."""
    sentences = [_THANKS if notified else _THANKS_TO_NOBODY]
    if proposed:
        sentences.append(_PROPOSED if handover.helper else _PROPOSED_UNNAMED)
    elif "send" in actions(handover):
        sentences.append(_MAY_PROPOSE)
    return " ".join(sentence() for sentence in sentences)


def answer_messages(
    question: OpenQuestion, handover: Handover, server: str, *, private: bool
) -> list[str]:
    """The messages with a helper's answer for the asker; the first repeats the question."""
    name = markdown.plain(markdown.shorten(handover.helper, 60))
    helper = f"**{name}**" if name else speak("A helper")
    asked = f"**{markdown.plain(markdown.shorten(question.text, 200))}**"
    lead = answer_lead(question, server, private=private, helper=helper)
    head = f"{lead}\n{asked}\n"
    first, *rest = markdown.quoted_parts(
        markdown.safe_markdown(handover.answer), markdown.MESSAGE_CHARACTERS - markdown.size(head)
    )
    return [head + first, *rest]
