"""Buttons that one feature shows and another handles, so that neither imports the other."""

import discord

from bot.interactions.kit.buttons import Button, handler


def write_note(question_id: int) -> Button:
    """The button *Write this note* for an unanswered question."""
    return handler("gap")(question_id=question_id, action="write")


def question_to_write(message: discord.Message) -> int | None:
    """The question of the *Write this note* button on a message."""
    values = handler("gap").values_on(message)
    return values["question_id"] if values is not None else None


def question_of(message: discord.Message) -> int | None:
    """The question that a message of the bot answers or refuses, from its buttons."""
    values = handler("answer").values_on(message)
    return values["question_id"] if values is not None else question_to_write(message)


def ask_moderators(question_id: int) -> Button:
    """The button *Ask the moderators* below a refusal."""
    return handler("moderators")(question_id=question_id, action="ask")


def revise_note(note_id: int) -> Button:
    """The button *Revise and resubmit* below a decision on a note."""
    return handler("note")(note_id=note_id, action="revise")


def change_note(note_id: int) -> Button:
    """The button *Change it* below the question whether a note is still true."""
    return handler("note")(note_id=note_id, action="change")


def withdraw_note(revision_id: int) -> Button:
    """The button *Withdraw*, shown after a member's reply was proposed as a note."""
    return handler("withdraw")(revision_id=revision_id, action="reply")


def no_more_answers() -> Button:
    """The button to turn off messages about later answers, shown below each such message."""
    return handler("privacy")(action="quiet")


def note_history(note_id: int) -> Button:
    """The button *History* below a moderators' note, to its last revision."""
    return handler("note_history")(note_id=note_id, action="last")
