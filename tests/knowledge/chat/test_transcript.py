import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from indexer.text.passages import sections
from knowledge.chat.conversations import THREAD_MESSAGES, Message
from knowledge.chat.transcript import (
    MESSAGE_CHARACTERS,
    Channel,
    contain_markdown,
    document,
    documents,
    post_document,
    readable,
)
from knowledge.secrets import HIDDEN
from knowledge.store.erasure.quote_opt_outs import Withheld
from knowledge.values.documents import Document, Kind, Scope
from knowledge.values.submissions import TITLE_CHARACTERS

GUILD = Scope(11)
POST = Channel(11, 22, "[SOLVED] Password reset mail never arrives", "help", thread=True)
TALK = Channel(11, 33, "general")
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def said(number: int, member: int, name: str, text: str, reply_to: int = 0) -> Message:
    return Message(number, member, name, START + timedelta(minutes=number), text, reply_to)


THREAD = [
    said(22, 1, "Mira", "I asked for a new password and no mail comes. What now?"),
    said(23, 2, "Bo", "Try another browser first."),
    said(24, 3, "Ada", "Mail to that provider is held back: ask for it under **Security**."),
    said(25, 1, "Mira", "Thank you, that worked!", reply_to=24),
    said(26, 2, "Bo", "The list of providers is in the wiki now."),
]


def only(channel: Channel, messages: list[Message], withheld: Withheld | None = None) -> Document:
    made = document(channel, messages, GUILD, withheld or Withheld())
    assert made is not None
    return made


def test_thread_has_the_answer_below_the_question() -> None:
    made = only(POST, THREAD)
    assert made.kind is Kind.CHAT
    assert made.scope == GUILD
    assert made.title == "Password reset mail never arrives"
    assert made.link == "https://discord.com/channels/11/22/22"
    assert made.contributor == "Ada"
    assert made.id == "22:22"
    assert made.text == (
        "**[Mira](https://discord.com/channels/11/22/22)**, 01 Mar 2026:\n\n"
        "I asked for a new password and no mail comes. What now?\n\n"
        "**[Ada](https://discord.com/channels/11/22/24)**, 01 Mar 2026:\n\n"
        "Mail to that provider is held back: ask for it under **Security**.\n\n"
        "## Replies\n\n"
        "**[Bo](https://discord.com/channels/11/22/23)**, 01 Mar 2026:\n\n"
        "Try another browser first.\n\n"
        "The list of providers is in the wiki now."
    )


def test_a_secret_that_somebody_posted_is_in_no_document() -> None:
    token = "ghp_" + "aB3dE5gH7jK9mN1pQ2rS4tU6vW8xY0zC5fG7"
    asked = said(33, 1, "Mira", f"Why does my key {token} not work with the API?")
    told = said(34, 2, "Bo", f"Because {token} is for reading only: make another one.")
    thread = Channel(11, 33, f"Key {token} fails", "help", thread=True)
    made = [only(thread, [asked, told]), only(TALK, [asked, told]), post_document(TALK, told)]

    assert token not in str(made)
    assert str(made).count(HIDDEN.strip("[]")) == 8


def test_a_conversation_is_called_by_its_question() -> None:
    made = only(
        TALK,
        [
            said(1, 1, "Mira", "Good morning. **How do I** add a role to `someone`? I looked."),
            said(2, 3, "Ada", "Under Members, with the plus sign beside the name."),
        ],
    )
    assert made.title == "How do I add a role to someone?"
    assert made.id == "33:1"
    assert "## Replies" not in made.text


def test_unnamed_thread_is_called_by_its_question() -> None:
    channel = Channel(11, 22, "✅", thread=True)
    title = only(channel, THREAD).title
    assert title == "I asked for a new password and no mail comes."


def test_a_long_name_is_cut_at_a_word() -> None:
    title = only(Channel(11, 22, "word " * 60, thread=True), THREAD).title
    assert len(title) <= TITLE_CHARACTERS
    assert title.endswith("word…")


def test_the_messages_of_members_who_opted_out_are_left_out() -> None:
    made = only(POST, THREAD, Withheld(member_ids={2}))
    assert "Bo" not in made.text
    assert "## Replies" not in made.text


def test_a_deleted_message_is_left_out() -> None:
    made = only(POST, THREAD, Withheld(message_ids={24}))
    assert "Security" not in made.text
    assert made.contributor != "Ada"


def test_a_thread_whose_opener_opted_out_gives_nothing() -> None:
    assert document(POST, THREAD, GUILD, Withheld(member_ids={1})) is None


def test_a_name_can_not_be_markup() -> None:
    messages = [
        said(1, 1, "*M*[x](y)\n#", "How do I add a role to someone?"),
        said(2, 3, "Ada", "Under Members, with the plus sign beside the name."),
    ]
    assert (
        r"**[\*M\*\[x\](y) \#](https://discord.com/channels/11/33/1)**" in only(TALK, messages).text
    )


def test_thread_exported_newest_first_is_ordered() -> None:
    [made] = documents(POST, reversed(THREAD), GUILD)
    assert made == only(POST, THREAD)


def test_a_thread_without_end_is_cut_like_a_channel() -> None:
    endless = [
        said(
            i * 60,
            i % 7 + 1,
            f"P{i % 7}",
            f"How can one find the entry with the number {i}?"
            if i % 2 == 0
            else f"It is in the list with all numbers, on page {i}.",
            reply_to=(i - 1) * 60 if i % 2 else 0,
        )
        for i in range(1, THREAD_MESSAGES + 101)
    ]
    made = list(filter(None, documents(POST, endless, GUILD)))
    assert len(made) > 200
    assert all(item.title.startswith("How can one find") for item in made)


def test_conversations_id_follows_from_its_words() -> None:
    channel = Channel(0, 0, "general")
    question = Message(0, 0, "Mira", START, "How do I add a role to someone?")
    answer = Message(0, 0, "Ada", START, "Under Members, with the plus sign beside the name.")
    made = only(channel, [question, answer])
    again = only(channel, [question, answer, Message(0, 0, "Bo", START, "There is a video, too.")])
    assert made.id == again.id
    assert made.link == ""
    assert made.text.startswith("**Mira**, 01 Mar 2026:")


# Mentions and other syntax.


@pytest.mark.parametrize(
    ("raw", "read"),
    [
        ("<@12> and <@!12>", "@Mira and @Mira"),
        ("<@99>", "@member"),
        ("<@&5> look", "@role look"),
        ("see <#7> or <#8>", "see #rules or #channel"),
        ("<:wave:123> <a:dance:456>", ":wave: :dance:"),
        ("</note add:123>", "/note add"),
        ("<t:0:R>", "01 January 1970 00:00 UTC"),
        ("<t:9999999999999>", "a time"),
        ("<id:customize>", "customize"),
        ("@everyone come, @here too", "everyone come, here too"),
        ("mail@everyone.org", "mail@everyone.org"),
        ("`<@12>` and ```\n@everyone <#7>```", "`<@12>` and ```\n@everyone <#7>```"),
        ("a < b > c <@>", "a < b > c <@>"),
    ],
)
def test_syntax_becomes_words_except_in_code(raw: str, read: str) -> None:
    assert readable(raw, {12: "Mira"}, {7: "rules"}) == read


@given(st.text(alphabet="<@!&#:t0129>everyonhr `\n", max_size=80))
def test_nothing_that_pings_is_left_outside_code(text: str) -> None:
    found = readable(text, {}, {})
    outside = re.sub(r"```.*?(?:```|\Z)|`[^`\n]+`", " ", found, flags=re.DOTALL)
    assert not re.search(r"(?<!\w)@(?:everyone|here)\b", outside)


# A message stays within itself.


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("# Big", "**Big**"),
        ("####", ""),
        ("#general is a channel", "#general is a channel"),
        ("text\n----\nmore", "text\n\n----\nmore"),
        ("text\n-\nmore", "text\n\n-\nmore"),
        ("```\n# code\n----", "```\n# code\n----\n```"),
        ("```\n# code\n```\n# Big", "```\n# code\n```\n**Big**"),
        ("~~~~\n```\n~~~\nx", "~~~~\n```\n~~~\nx\n~~~~"),
        ("<!-- never closed", r"\<!-- never closed"),
        ("<https://a.org/>", "<https://a.org/>"),
    ],
)
def test_markdown_ends_with_its_message(text: str, kept: str) -> None:
    assert contain_markdown(text) == kept


def test_a_message_that_discord_would_not_take_is_cut() -> None:
    assert len(contain_markdown("x" * 1_000_000)) == MESSAGE_CHARACTERS + 1


@given(st.text(alphabet="#`~-=<!> \nab\t*[]()|", max_size=120))
@example("```<`")
@example("```a\n```b`\n```")
def test_no_message_changes_the_headings_of_its_document(text: str) -> None:
    whole = f"{contain_markdown(text)}\n\n## Replies\n\nlast"
    found = list(sections(whole))
    assert found[-1] == ("Replies", "last")
    assert {heading for heading, _ in found} <= {"", "Replies"}
