"""Actions of people in Discord's client, limited to the components it shows."""

import secrets
from dataclasses import dataclass
from typing import Any, Final

from tests.bot import strictness
from tests.bot.wire.gateway import Gateway
from tests.bot.wire.state import APPLICATION, EPHEMERAL, Interaction, Json, State, snowflake

COMMAND, COMPONENT, AUTOCOMPLETE, FORM = 2, 3, 4, 5
_GROUPS: Final = (1, 2)
_USER, _CHANNEL, _ROLE, _FILE = 6, 7, 8, 11

# A file as somebody attaches it: its name and what is in it.
Upload = tuple[str, bytes]


@dataclass
class Person:
    """A member of a server."""

    state: State
    gateway: Gateway
    guild: Json
    account: Json
    locale: str = "en-US"

    @property
    def id(self) -> int:
        return int(self.account["id"])

    @property
    def direct(self) -> Json:
        """The channel of the bot and them."""
        return self.state.direct(self.id)

    async def say(self, channel: Json, text: str, to: Json | None = None) -> Json:
        """Write a message, perhaps as a reply that pings."""
        more: Json = {}
        if to is not None:
            reference = {"message_id": to["id"], "channel_id": channel["id"], "type": 0}
            more = {"type": 19, "message_reference": reference, "referenced_message": to}
        message = self.state.write(channel, self.account, {"content": text}, **more)
        if to is not None and to["author"] not in message["mentions"]:
            message["mentions"].append(to["author"])
        shown = {**message}
        if "guild_id" in channel:
            member = self.state.member(int(channel["guild_id"]), self.id)
            shown["member"] = {key: member[key] for key in member if key != "user"}
        await self.gateway.emit("MESSAGE_CREATE", shown)
        return message

    async def slash(self, channel: Json, name: str, /, **options: Any) -> Interaction:
        """Use a command with options: texts, numbers, people, channels, roles, files."""
        command, path = self._command(name)
        data: Json = {"id": command["id"], "name": command["name"], "type": 1, "resolved": {}}
        leaf = path[-1] if path else command
        known = {one["name"]: one for one in leaf.get("options") or []}
        missing = {one["name"] for one in known.values() if one.get("required")} - set(options)
        assert not missing, f"/{name} needs {missing}"
        given = [self._option(data, known[key], value) for key, value in options.items()]
        for one in reversed(path):
            given = [{"name": one["name"], "type": one["type"], "options": given}]
        return await self._interact(COMMAND, channel, {**data, "options": given})

    async def type(self, channel: Json, name: str, option: str, typed: str) -> Interaction:
        """Type into an option with autocomplete."""
        command, path = self._command(name)
        leaf = path[-1] if path else command
        [known] = [one for one in leaf["options"] if one["name"] == option]
        assert known.get("autocomplete"), f"{option} offers nothing"
        given: list[Json] = [{"name": option, "type": 3, "value": typed, "focused": True}]
        for one in reversed(path):
            given = [{"name": one["name"], "type": one["type"], "options": given}]
        data = {"id": command["id"], "name": command["name"], "type": 1, "options": given}
        return await self._interact(AUTOCOMPLETE, channel, data)

    async def menu(self, name: str, message: Json) -> Interaction:
        [command] = [one for one in self.state.commands if one["name"] == name]
        assert command["type"] == 3
        data = {
            "id": command["id"],
            "name": name,
            "type": 3,
            "target_id": message["id"],
            "resolved": {"messages": {message["id"]: message}},
        }
        return await self._interact(COMMAND, self.state.channels[int(message["channel_id"])], data)

    async def click(self, message: Json, label: str) -> Interaction:
        found = [
            one
            for one in strictness.everything_in(message["components"])
            if one["type"] == 2 and one.get("label") == label
        ]
        assert found, f"no {label!r} among {labels(message)}"
        assert not found[0].get("disabled")
        return await self.press(message, found[0]["custom_id"])

    async def press(self, message: Json, custom_id: str) -> Interaction:
        """Click a component by its id, even if the message has changed."""
        data = {"custom_id": custom_id, "component_type": 2, "id": 1}
        return await self._on(message, data)

    async def choose(self, message: Json, value: str) -> Interaction:
        """Choose from the only list on a message."""
        everything = strictness.everything_in(message["components"])
        [found] = [one for one in everything if one["type"] == 3]
        assert value in {one["value"] for one in found["options"]}
        data = {"custom_id": found["custom_id"], "component_type": 3, "id": 1, "values": [value]}
        return await self._on(message, data)

    async def _on(self, message: Json, data: Json) -> Interaction:
        channel = self.state.channels[int(message["channel_id"])]
        return await self._interact(COMPONENT, channel, data, message=message)

    async def fill(self, opened: Interaction, **values: Any) -> Interaction:
        """Fill in and submit the form that answered an interaction."""
        assert opened.response is not None
        assert opened.response["type"] == 9, opened.response
        form = opened.response["data"]
        data: Json = {"custom_id": form["custom_id"], "components": [], "resolved": {}}
        for label in form["components"]:
            if label["type"] != 18:
                continue
            field = self._filled(data, label["component"], values)
            data["components"].append({"type": 18, "id": 1, "component": field})
        assert not values, f"the form has no {set(values)}"
        channel = self.state.channels[opened.channel_id]
        more = {"message": opened.payload["message"]} if "message" in opened.payload else {}
        return await self._interact(FORM, channel, data, **more)

    def _filled(self, data: Json, field: Json, values: Json) -> Json:
        """A field as it is sent."""
        custom_id, kind = field["custom_id"], field["type"]
        made: Json = {"type": kind, "id": 2, "custom_id": custom_id}
        if kind == 4:
            text = values.pop(custom_id, field.get("value") or "")
            most = field.get("max_length") or 4_000
            assert len(text) <= most, f"{custom_id} takes {most} characters"
            assert text or not field.get("required", True), f"{custom_id} is required"
            return {**made, "value": text}
        if kind == 19:
            upload = values.pop(custom_id, None)
            assert upload is not None or not field.get("required", True)
            ids = [self._uploaded(data, upload)] if upload else []
            return {**made, "values": ids}
        default = [one["value"] for one in field.get("options") or [] if one.get("default")]
        chosen = values.pop(custom_id, default)
        chosen = [chosen] if isinstance(chosen, str) else chosen
        assert set(chosen) <= {one["value"] for one in field["options"]}
        assert chosen or not field.get("required", True), f"{custom_id} is required"
        return {**made, "values": chosen}

    # Making payloads.

    def _command(self, name: str) -> tuple[Json, list[Json]]:
        """A registered command with the path of its groups."""
        first, *rest = name.split()
        [command] = [one for one in self.state.commands if one["name"] == first]
        path: list[Json] = []
        for part in rest:
            options = (path[-1] if path else command)["options"]
            [one] = [one for one in options if one["name"] == part and one["type"] in _GROUPS]
            path.append(one)
        return command, path

    def _option(self, data: Json, known: Json, value: Any) -> Json:
        """An option with its value and resolved data."""
        kind, sent = known["type"], value
        resolved = data["resolved"]
        if kind == _USER:
            sent = str(value.id)
            resolved.setdefault("users", {})[sent] = value.account
            member = self.state.member(int(self.guild["id"]), value.id)
            resolved.setdefault("members", {})[sent] = {
                **{key: member[key] for key in member if key != "user"},
                "permissions": "0",
            }
        elif kind in (_CHANNEL, _ROLE):
            sent = value["id"]
            key = "channels" if kind == _CHANNEL else "roles"
            resolved.setdefault(key, {})[sent] = {"permissions": "0", **value}
            types = known.get("channel_types")
            assert kind == _ROLE or not types or value["type"] in types
        elif kind == _FILE:
            sent = self._uploaded(data, value)
        elif known.get("choices"):
            assert sent in {one["value"] for one in known["choices"]}
        return {"name": known["name"], "type": kind, "value": sent}

    def _uploaded(self, data: Json, upload: Upload) -> str:
        name, content = upload
        attachment = self.state.upload(0, content, name)
        data["resolved"].setdefault("attachments", {})[attachment["id"]] = attachment
        return str(attachment["id"])

    async def _interact(self, kind: int, channel: Json, data: Json, **more: Any) -> Interaction:
        token = secrets.token_urlsafe(48)
        guild = channel.get("guild_id")
        payload: Json = {
            "id": str(snowflake()),
            "application_id": str(APPLICATION),
            "type": kind,
            "token": token,
            "version": 1,
            "channel_id": channel["id"],
            "channel": channel,
            "locale": self.locale,
            "entitlements": [],
            "authorizing_integration_owners": {"0": guild or "0"},
            "context": 0 if guild else 1,
            "attachment_size_limit": 10 << 20,
            "app_permissions": str(self.state.allowed(channel, APPLICATION).value),
            "data": data,
            **more,
        }
        if guild:
            member = self.state.member(int(guild), self.id)
            may = self.state.allowed(channel, self.id).value
            payload |= {
                "guild_id": guild,
                "guild_locale": "en-US",
                "guild": {"id": guild, "locale": "en-US", "features": []},
                "member": {**member, "permissions": str(may)},
            }
        else:
            payload["user"] = self.account
        one = Interaction(int(payload["id"]), token, kind, payload)
        self.state.interactions[token] = one
        await self.gateway.emit("INTERACTION_CREATE", payload)
        return one


def labels(message: Json) -> list[str]:
    return [
        one["label"]
        for one in strictness.everything_in(message["components"])
        if one["type"] == 2 and one.get("label")
    ]


def is_private(message: Json) -> bool:
    """Whether a message is shown to one member alone."""
    return bool(message["flags"] & EPHEMERAL)
