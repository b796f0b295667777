"""Forged ids of all buttons, lists and forms, from members without rights, in every place.

They read, post and change only their own data.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import pytest
from simcord import InteractionResult, MemberActor
from simcord.backend import serializers
from simcord.interactions import base_payload

from bot.core.core import Core
from bot.interactions.kit.buttons import Select
from bot.interactions.kit.forms import Form
from bot.notes.drafts import FORM_IDS, Base
from bot.setup.ui.controls import SettingSelect
from bot.statistics.messages import Period
from knowledge.values.drafts import OnPage
from knowledge.values.notes import PageName
from tests.bot.components import BUTTONS, FORMS
from tests.bot.forged_ids import forgeries, settled
from tests.bot.strict_discord import StrictDiscord
from tests.bot.strictness import everything_in
from tests.bot.world import QUESTION, UNKNOWN, World, build_world

# Each of these words stands in one thing alone that the forgers may not know.
ASKED_AMONG_STAFF: Final = "mallory"
ASKED_ALONE: Final = "trudy"
PENDING: Final = "ladder"
LIVE_ELSEWHERE: Final = "walrus"
LIVE_HERE: Final = "rua augusta"

# What whoever clicks chooses for themself, or may show in the channel.
_THEIRS: Final = (
    *(f"privacy:{one}" for one in ("quiet", "tell", "withhold", "quote", *PageName)),
    *(f"share_board:{period}" for period in Period),
)
# Ids sent before a check. Each check reads every table and message.
AT_ONCE: Final = 40

_CLICK, _FORM = 3, 5
_KINDS: Final = {"click": 2, "list": 3}

# What a form without rights could hold; a blank title is taken by none.
FIELDS: Final[tuple[dict[str, str | list[str]], ...]] = (
    {},
    {"title": " "},
    {"title": " ", "text": "Forged.", "reason": "", "words": "meetup", "hosts": "forged.example"},
    {"reason": "Forged.", "duplicate_of": "1", "answer": "Forged.", "name": ["named"]},
    {"note": ["2"], "problem": ["forged"], "reason": "Forged.", "question": "hello"},
)
# What a list without rights could have: a question, a passage, a channel, a word.
CHOSEN: Final = ("2", "1:0", "3:ab", "other", "off_topic", "1", "de", "forged")


@dataclass(frozen=True)
class Forger:
    """A member without rights in a place, words they may not read, and numbers to try there."""

    actor: MemberActor
    channel_id: int
    message_id: int
    guild_id: int | None
    secrets: tuple[str, ...]
    numbers: tuple[int, ...]


class Discord:
    """Records the bot's requests with their JSON and files."""

    def __init__(self, strict: StrictDiscord) -> None:
        self.requests: list[tuple[str, str, str]] = []
        self._dispatch = strict.dispatch
        strict.dispatch = self

    def __call__(self, backend: Any, method: str, path: str, **sent: Any) -> Any:
        texts = [repr(sent.get("json"))]
        for file in sent.get("files") or []:
            place = file.fp.tell()
            texts.append(file.fp.read().decode(errors="replace"))
            file.fp.seek(place)
        self.requests.append((method, path, "\n".join(texts).casefold()))
        return self._dispatch(backend, method, path, **sent)


@pytest.fixture
async def forgers(world: World) -> list[Forger]:
    """A member, and one of another server, there and in direct messages."""
    kept = await world.core(lambda core: core.store.guilds.settings(world.guild.id))
    await world.core(
        lambda core: core.store.guilds.save_settings(replace(kept, hand_on=True), world.admin.id)
    )
    await world.publish()
    await world.propose(f"Emergency {PENDING}", f"The emergency {PENDING} is behind the door.")
    await world.ask(UNKNOWN)
    for question in (f"{UNKNOWN}: ban {ASKED_AMONG_STAFF}", f"{QUESTION} {ASKED_AMONG_STAFF}"):
        await world.moderator.slash(world.review, "ask", question=question)
    for question in (f"Lava heat {ASKED_ALONE}", f"{QUESTION} {ASKED_ALONE}"):
        await world.ask(question, by=world.moderator, private=True)
    other = build_world(world.env, "Another")
    await other.set_up()
    await other.publish(f"The {LIVE_ELSEWHERE}", f"The {LIVE_ELSEWHERE} sleeps in its own pond.")
    await other.ask("Quokka habitat")
    await world.ask("What is open source AI?")
    elsewhere = other.general.last_message
    here = world.general.last_message
    await other.second_member.send_dm("What is open source AI?")
    direct = other.second_member.user.dm_channel.last_message
    assert here is not None
    assert elsewhere is not None
    assert direct is not None
    hidden = (ASKED_AMONG_STAFF, ASKED_ALONE, PENDING)
    outside = (*hidden, LIVE_HERE)
    first_guild = world.guild.id
    return [
        Forger(
            world.second_member,
            world.general.id,
            here.id,
            first_guild,
            (*hidden, LIVE_ELSEWHERE),
            (2, 3, 4, 5, other.guild.id, 0),
        ),
        *(
            Forger(
                other.second_member,
                channel_id,
                message_id,
                guild_id,
                outside,
                (1, 2, 3, 4, 5, first_guild),
            )
            for channel_id, message_id, guild_id in (
                (other.general.id, elsewhere.id, other.guild.id),
                (direct.channel.id, direct.id, None),
            )
        ),
    ]


@pytest.mark.slow
async def test_who_makes_ids_up_is_told_nothing_posts_nothing_and_changes_nothing(
    world: World, forgers: list[Forger], strict_discord: StrictDiscord
) -> None:
    sent = Discord(strict_discord)
    told: list[tuple[str, str]] = []
    posted: list[tuple[str, str]] = []
    number = 0
    for forger in forgers:
        rows, shown = await world.core(_rows), _messages(world)
        forged = [*_forged(forger.numbers), *_forms_of_notes(world, forger)]
        number += len(forged)
        for some in _batches(forged):
            results = [_send(world, forger, custom_id, more) for custom_id, more in some]
            await settled(world, results)
            ids = ", ".join(custom_id for custom_id, _ in some)
            said = "\n".join(text for _, _, text in sent.requests)
            told += [(ids, secret) for secret in forger.secrets if secret in said]
            posted += [(ids, path) for _, path, _ in sent.requests if "/channels/" in path]
            sent.requests.clear()
            changed = await world.core(_rows)
            if ids not in _THEIRS and (changed != rows or _messages(world) != shown):
                posted.append((ids, "changed"))
            rows, shown = changed, _messages(world)

    assert (told, posted) == ([], [])
    assert number >= 388


def _batches(
    forged: Sequence[tuple[str, dict[str, Any]]],
) -> Iterator[Sequence[tuple[str, dict[str, Any]]]]:
    """Batches of ids; an id that may change something is a batch of its own."""
    for part in (forged[at : at + AT_ONCE] for at in range(0, len(forged), AT_ONCE)):
        allowed = [one for one in part if one[0] in _THEIRS]
        yield from ([one] for one in allowed)
        yield [one for one in part if one not in allowed]


def _forged(numbers: Sequence[int]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every id with each of the numbers in each of its places, once."""
    seen = set[str]()
    for turn in range(len(numbers)):
        turned = [*numbers[turn:], *numbers[:turn]]
        for kind in (*BUTTONS, *FORMS):
            for example in forgeries(kind.ids, "123"):
                custom_id = _numbered(example, turned)
                if custom_id not in seen:
                    seen.add(custom_id)
                    yield custom_id, _sent_with(kind, turn)


def _sent_with(kind: type, turn: int) -> dict[str, Any]:
    """Data of a click, a choice or a form."""
    if issubclass(kind, Form):
        filled = FIELDS[turn % len(FIELDS)]
        return {"components": [_field(name, value) for name, value in filled.items()]}
    if issubclass(kind, SettingSelect):
        return {"component_type": _KINDS["list"], "values": ["1"]}
    if issubclass(kind, Select):
        return {"component_type": _KINDS["list"], "values": [CHOSEN[turn % len(CHOSEN)]]}
    return {"component_type": _KINDS["click"]}


def _forms_of_notes(world: World, forger: Forger) -> Iterator[tuple[str, dict[str, Any]]]:
    """Forms of each note of both servers, without a field for the text."""
    guilds = {world.guild.id, forger.guild_id or 0, *forger.numbers[-1:]}
    for note_id, guild_id, base in itertools.product(range(1, 5), guilds, Base):
        of = {"note_id": note_id, "guild_id": guild_id, "base": base}
        none = {"channel_id": 0, "message_id": 0, "question_id": 0, "nonce": "ab"}
        none["page"] = OnPage.UNTOLD
        yield FORM_IDS.format(**of, **none), {"components": [_field("title", " ")]}


def _field(name: str, value: str | list[str]) -> dict[str, Any]:
    filled = {"type": 4, "value": value} if isinstance(value, str) else {"type": 3, "values": value}
    return {"type": 18, "component": {"custom_id": name, **filled}}


def _numbered(custom_id: str, numbers: Sequence[int]) -> str:
    """An id with these numbers in the place of its own, one after the other."""
    parts = custom_id.split("123")
    filled = [numbers[place % len(numbers)] for place in range(len(parts) - 1)]
    return "".join(part + str(number) for part, number in zip(parts, [*filled, ""], strict=True))


def _send(world: World, forger: Forger, custom_id: str, data: dict[str, Any]) -> InteractionResult:
    backend = world.env.backend
    record, payload = base_payload(
        backend,
        type=_FORM if "components" in data else _CLICK,
        channel_id=forger.channel_id,
        guild_id=forger.guild_id,
        user_id=forger.actor.id,
        data={"custom_id": custom_id, **data},
    )
    stored = backend.get_message(forger.channel_id, forger.message_id)
    shown: dict[str, Any] = {**serializers.message_payload(backend, stored)}
    if "components" not in data and not any(
        one.get("custom_id") == custom_id for one in everything_in(shown["components"])
    ):
        button = {"type": 2, "style": 1, "label": "Forged", "custom_id": custom_id}
        listed = {"type": 3, "custom_id": custom_id, "options": []}
        shown["components"] += [{"type": 1, "components": [listed if "values" in data else button]}]
    payload["message"] = shown
    record.source_message_id = forger.message_id
    backend.emit("INTERACTION_CREATE", payload)
    return InteractionResult(world.env, record)


def _rows(core: Core) -> dict[str, list[str]]:
    """Rows of all tables, except the state of interactions."""
    database = core.store.database
    return {
        table: [repr(row) for row in database.rows(f"select * from {table}")]  # noqa: S608
        for table in database.tables()
        if table not in ("handled", "inbox")
    }


def _messages(world: World) -> dict[int, str]:
    """All messages except ephemeral ones."""
    backend = world.env.backend
    return {
        message.id: repr(serializers.message_payload(backend, message))
        for messages in backend.messages.values()
        for message in messages.values()
        if not message.flags & 64
    }
