"""Chains of the log: every change is found in its chain, and nowhere else."""

from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from knowledge.store.audit.log_chain import Head, breaks, digest

Line = dict[str, Any]

GUILDS = st.sampled_from([None, 1, 2, 3])
COLUMNS = ("at", "guild_id", "number", "actor", "event", "subject", "detail", "digest")


def heads(lines: list[Line]) -> list[Line]:
    last = {line["guild_id"] or 0: line for line in lines}
    return [
        {"guild_id": guild_id, "number": line["number"], "digest": line["digest"]}
        for guild_id, line in last.items()
    ]


def written(guilds: list[int | None]) -> list[Line]:
    """A log with a line of each of these guilds."""
    lines: list[Line] = []
    ends: dict[int | None, Head] = {}
    for place, guild_id in enumerate(guilds, start=1):
        end = ends.get(guild_id, Head())
        line: Line = {"id": place, "at": f"2026-01-01T00:00:00.{place:06}+00:00"}
        line |= {"guild_id": guild_id, "number": end.number + 1, "actor": place % 3 or None}
        line |= {"event": "proposed", "subject": f"revision:{place}", "detail": "{}"}
        line["digest"] = digest(end.digest, line)
        ends[guild_id] = Head(line["number"], line["digest"])
        lines.append(line)
    return lines


LOGS = st.lists(GUILDS, min_size=1, max_size=30).map(written)


@given(LOGS)
def test_no_interleaving_of_guilds_breaks_a_chain(lines: list[Line]) -> None:
    assert breaks(lines, heads(lines)) == []


@given(LOGS, st.data())
def test_a_changed_line_is_named(lines: list[Line], data: st.DataObject) -> None:
    line = data.draw(st.sampled_from(lines))
    column = data.draw(st.sampled_from(COLUMNS))
    before = heads(lines)
    chain = line["guild_id"] or 0
    line[column] = 77 if isinstance(line[column], int | None) else f"{line[column]}7"

    found = {each.guild_id: each.id for each in breaks(lines, before)}

    assert found.keys() == ({chain, 77} if column == "guild_id" else {chain})
    assert found[77 if column == "guild_id" else chain] == line["id"]


@given(LOGS, st.data())
def test_a_removed_line_is_named_by_the_one_after_it_or_by_its_number(
    lines: list[Line], data: st.DataObject
) -> None:
    line = data.draw(st.sampled_from(lines))
    before = heads(lines)
    own = [each for each in lines if each["guild_id"] == line["guild_id"]]
    after = own[own.index(line) + 1 :]
    lines.remove(line)

    [found] = breaks(lines, before)

    assert found.guild_id == (line["guild_id"] or 0)
    assert found.id == (after[0]["id"] if after else None)
    assert found.number == line["number"] + len(after[:1])


@given(LOGS, st.data())
def test_swapped_lines_are_named(lines: list[Line], data: st.DataObject) -> None:
    own = [place for place, each in enumerate(lines) if each["guild_id"] == lines[0]["guild_id"]]
    assume(len(own) > 1)
    first, second = sorted(data.draw(st.permutations(own))[:2])
    before = heads(lines)
    ids = lines[first]["id"], lines[second]["id"]
    lines[first], lines[second] = lines[second], lines[first]
    lines[first]["id"], lines[second]["id"] = ids

    [found] = breaks(lines, before)

    assert found.id == ids[0]


@given(LOGS, st.data(), st.booleans())
def test_an_inserted_line_is_named(lines: list[Line], data: st.DataObject, fits: bool) -> None:
    """Even a line that fits the one before it: the next one, or the head, doesn't."""
    place = data.draw(st.integers(0, len(lines) - 1))
    before = heads(lines)
    forged = {**lines[place], "event": "approved", "number": lines[place]["number"] + fits}
    forged["digest"] = digest(lines[place]["digest"] if fits else "", forged)
    after = [each["id"] for each in lines[place + 1 :] if each["guild_id"] == forged["guild_id"]]
    forged["id"] = lines[place]["id"] + 0.5
    lines.insert(place + 1, forged)

    [found] = breaks(lines, before)

    assert found.id == (after[0] if fits and after else forged["id"])
