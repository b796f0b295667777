"""Questions about a note to its writer, and hand-overs of notes: their buttons and form.

The questions are direct messages, so a click comes without a server. The rules therefore ask
Discord whether the sender is still a member of the note's server.
"""

from collections.abc import Mapping
from typing import Any, Final

import discord

from bot.core.job_queue import Priority
from bot.interactions import shared_buttons
from bot.interactions.kit.authorization import First, Found
from bot.interactions.kit.buttons import NONCE, Button, CustomId
from bot.interactions.kit.forms import Filled, Form, give_back
from bot.interactions.policy.permissions import is_moderator, member_of
from bot.interactions.services import Interaction
from bot.review import messages, service
from bot.text.languages import Sentence, speak
from bot.text.markdown import plain, shorten
from knowledge.values.notes import Note

# A name that many members share can't name one of them.
_NAMESAKES: Final = 25
_NAME_CHARACTERS: Final = 32


async def _members(interaction: Interaction, values: Mapping[str, Any]) -> Found | Sentence:
    """Admit members of a note's server, and set `note`. The handlers check whose the note is."""
    note = await interaction.client.worker.call(
        lambda core: core.store.notes.find(values["revision_id"]), priority=Priority.ASKING
    )
    if note is None or await member_of(interaction, note.guild_id) is None:
        return messages.NOT_YOURS_NOW
    return {"note": note}


async def _say(
    interaction: Interaction,
    sentence: Sentence,
    note: Note,
    member: discord.Member | None = None,
) -> None:
    """Respond with a sentence about a note, and deliver the notices and cards that follow."""
    title = note.revision.submission.safe.title
    # Direct messages don't show the name of everybody who is mentioned.
    name = plain(shorten(member.display_name, 40)) if member is not None else ""
    content = sentence(title=plain(title), name=name)
    await interaction.edit_original_response(content=content)
    await interaction.client.outbox.catch_up()


_FRESHNESS_LABELS: Final = {
    "true": Sentence("Still true"),
    "hand_on": Sentence("Hand it to someone else"),
}
_OFFER_LABELS: Final = {"accept": Sentence("I'll look after it"), "decline": Sentence("No, thanks")}


_OWNER_IS_HERE: Final = Sentence(
    "{name} is still on the server. Only they can hand “{title}” to someone else."
)
_ASKED_NEXT_OWNER: Final = Sentence(
    "I've asked {name} to look after “{title}”. Until they accept, nothing changes."
)
_TAKEN_OVER: Final = Sentence(
    "Thank you! “{title}” is now in `/note mine`, and I'll send you the messages about it."
)


class FreshnessButton(
    Button,
    ids=CustomId("fresh", revision_id=int, action=tuple(_FRESHNESS_LABELS)),
    rule=_members,
    first={"true": First.THINKING, "hand_on": First.OWN},
    labels=_FRESHNESS_LABELS,
    styles={"true": discord.ButtonStyle.success},
):
    """The writer's answers *Still true* and *Hand it on*."""

    action: str
    note: Note

    async def on_click(self, interaction: Interaction) -> None:
        if self.action == "hand_on":
            form = HandOnForm(self.note, with_list=interaction.guild_id is not None)
            await interaction.response.send_modal(form)
            return
        guild_id, revision_id = self.note.guild_id, self.note.revision.id
        member_id = interaction.user.id
        # Quotations then show today's date.
        outcome = await interaction.client.worker.call(
            lambda core: service.once_per_interaction(
                core,
                guild_id,
                interaction.id,
                lambda: core.store.note_checks.confirm(guild_id, revision_id, member_id),
            )
        )
        sentence = messages.NOT_YOURS_NOW
        if outcome is not None:
            sentence = messages.CONFIRMED if outcome.done else messages.SETTLED
        await _say(interaction, sentence, self.note)


def question_buttons(note: Note) -> list[Button]:
    """The answers below the question whether a note is still true."""
    still_true, hand_on = (
        FreshnessButton(revision_id=note.revision.id, action=action) for action in _FRESHNESS_LABELS
    )
    return [still_true, shared_buttons.change_note(note.id), hand_on]


class HandOnForm(
    Form,
    ids=CustomId("form:hand_on", revision_id=int, nonce=NONCE),
    rule=_members,
):
    """The form that names a note's next owner: a list of members, or a name in direct messages."""

    def __init__(self, note: Note, *, with_list: bool) -> None:
        title, label = speak("Hand this note to someone else"), speak("Member who looks after it")
        super().__init__(title, revision_id=note.revision.id)
        if with_list:
            self.ask(label, discord.ui.UserSelect[Any](custom_id="member"))
        else:
            help_ = speak("Their name on the server. I'll ask them first.")
            self.ask_text(label, "name", _NAME_CHARACTERS, help_)

    @classmethod
    async def handle(cls, interaction: Interaction, subject: Found, filled: Filled) -> None:
        """Offer the note to the named member, who then decides by direct message."""
        bot, note = interaction.client, subject["note"]
        guild = bot.get_guild(note.guild_id)
        owner_id = note.responsible_id
        here = note.guild_id == interaction.guild_id and await is_moderator(interaction)
        if guild is None or not (here or owner_id == interaction.user.id):
            await give_back(interaction, messages.NOT_YOURS_NOW())
            return
        others = owner_id not in (0, interaction.user.id)
        if others and (owner := await _member(guild, owner_id)):
            await _say(interaction, _OWNER_IS_HERE, note, owner)
            return
        if chosen := filled.choice("member"):
            member = await _member(guild, int(chosen))
        else:
            member = await _member_named(guild, filled.text("name"))
        if member is None or member.bot or member.id == owner_id:
            await give_back(interaction, messages.NOT_A_NEXT_OWNER())
            return
        await bot.worker.call(lambda core: core.store.note_checks.offer(note, member.id))
        await _say(interaction, _ASKED_NEXT_OWNER, note, member)


async def _member(guild: discord.Guild, member_id: int) -> discord.Member | None:
    try:
        return await guild.fetch_member(member_id)
    except discord.NotFound:
        return None


async def _member_named(guild: discord.Guild, name: str) -> discord.Member | None:
    """The only member with this name, ignoring case; None if there are none or several."""
    name = name.strip().removeprefix("@").casefold()
    if not name:
        return None
    try:
        members = await guild.query_members(name, limit=_NAMESAKES)
    except TimeoutError:
        return None
    named = [member for member in members if member.name.casefold() == name] or [
        member for member in members if member.display_name.casefold() == name
    ]
    return named[0] if len(named) == 1 else None


class OwnershipButton(
    Button,
    ids=CustomId("ownership", revision_id=int, action=tuple(_OFFER_LABELS)),
    rule=_members,
    labels=_OFFER_LABELS,
    styles={"accept": discord.ButtonStyle.success},
):
    """The answer of a member who is asked to look after a note."""

    action: str
    note: Note

    async def on_click(self, interaction: Interaction) -> None:
        accepts, member_id = self.action == "accept", interaction.user.id
        done = await interaction.client.worker.call(
            lambda core: (
                core.store.note_checks.take_over(self.note, member_id)
                if accepts
                else core.store.note_checks.decline(self.note, member_id)
            )
        )
        sentence = _TAKEN_OVER if accepts else Sentence("All right, nothing changes.")
        await _say(interaction, sentence if done else messages.NOT_OFFERED, self.note)


def offer_buttons(note: Note) -> list[Button]:
    return [
        OwnershipButton(revision_id=note.revision.id, action=action) for action in _OFFER_LABELS
    ]
