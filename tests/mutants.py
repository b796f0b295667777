"""Mutation test of declarations: without each in turn, some test must fail.

Run by hand, from the root of the project: `python -m tests.mutants`. It prints each mutant with its
fate, and fails if one survives. With words, only mutants with one of them in their name are tried.
"""

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, Final, cast

import pytest

from bot.setup.settings import SETTINGS, Page
from knowledge.store import schema
from knowledge.store.erasure import personal_data
from knowledge.values.settings import EffectiveSettings, GuildSettings, WeeklyDigest, facts_of

# Most mutants fail in the first file of their tests, so the others needn't be collected.
TESTS: Final = (
    "tests/knowledge/store/test_schema.py",
    "tests/knowledge/store/erasure/test_personal_data.py",
    "tests/bot/privacy/test_messages.py",
    "tests/knowledge/backup/test_exporter.py",
    "tests/knowledge/backup/test_importer.py",
    "tests/knowledge/backup/test_foreign_database.py",
    "tests/knowledge/store/test_guilds.py",
    "tests/knowledge/store/questions/test_question_records.py",
)
TESTS_OF_FIELDS: Final = (
    "tests/knowledge/store/test_schema.py",
    "tests/knowledge/store/test_guilds.py",
    "tests/knowledge/values/test_settings.py",
)
TESTS_OF_SETTINGS: Final = (
    "tests/bot/interactions/kit/test_buttons_custom_ids.py",
    "tests/bot/setup/ui/test_panel_choices.py",
    "tests/bot/setup/ui/test_panel.py",
    "tests/bot/setup/ui/test_panel_channels.py",
    "tests/bot/setup/ui/test_panel_digests.py",
)

Change = Callable[[], object]


def mutants() -> Iterator[tuple[str, Change, tuple[str, ...]]]:
    """The name of each mutant, its change, and the tests to run."""
    for name, change in schema_mutants():
        yield name, change, TESTS
    settings = cast("dict[str, Any]", SETTINGS)
    for key, setting in settings.items():
        yield f"setting {key} undeclared", partial(settings.pop, key), TESTS_OF_SETTINGS
        if setting.place and setting.page is not Page.CHANNELS:
            change = partial(settings.__setitem__, key, replace(setting, place=""))
            yield f"setting {key} not of channels", change, TESTS_OF_SETTINGS
    for kind in (GuildSettings, EffectiveSettings, WeeklyDigest):
        for name, facts in facts_of(kind).items():
            fewer = without(facts_of(kind), name)
            yield (
                f"{kind.__name__}.{name} undeclared",
                partial(redeclare, kind, fewer),
                TESTS_OF_FIELDS,
            )
            if not facts.logged:
                logged = {**facts_of(kind), name: replace(facts, logged=True)}
                yield f"{name} logged", partial(redeclare, kind, logged), TESTS_OF_FIELDS
            if facts.server:
                alone = {**facts_of(kind), name: replace(facts, server="")}
                yield f"{name} not of servers", partial(redeclare, kind, alone), TESTS_OF_FIELDS


def schema_mutants() -> Iterator[tuple[str, Change]]:
    for name, table in schema.TABLES.items():

        def changed(_name: str = name, _table: schema.Table = table, **facts: Any) -> Change:
            tables = {**schema.TABLES, _name: replace(_table, **facts)}
            return partial(setattr, schema, "TABLES", tables)

        for column, facts in table.columns.items():
            yield f"{name}.{column} undeclared", changed(columns=without(table.columns, column))
            if facts.kept:
                deleted = {**table.columns, column: replace(facts, kept="")}
                yield f"{name}.{column} not kept", changed(columns=deleted)
        if table.record:
            yield f"{name} without its record", changed(record=None)
        if table.exported != "true":
            yield f"{name} exported", changed(exported="true")
        if table.order:
            yield f"{name} in its key's order", changed(order="")
    for column in schema.BY_NAME:
        fewer = without(schema.BY_NAME, column)
        yield f"{column} unchecked", partial(setattr, schema, "BY_NAME", fewer)
    for kind in personal_data.KINDS:
        fewer = without(personal_data.KINDS, kind)
        yield f"{kind} not given", partial(setattr, personal_data, "KINDS", fewer)


def without(mapping: Any, key: str) -> dict[str, Any]:
    return {name: value for name, value in mapping.items() if name != key}


def redeclare(kind: type, facts: dict[str, Any]) -> None:
    """Change the facts that everything derives from a record's fields."""
    found = cast("dict[str, Any]", facts_of(kind))
    found.clear()
    found.update(facts)


def is_killed(change: Change, files: tuple[str, ...]) -> bool:
    """Run the tests in a copy of this process with the change."""
    child = os.fork()
    if child == 0:
        change()
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        arguments = ("-x", "-q", "-n0", "-p", "no:cacheprovider")
        os._exit(next(filter(None, (pytest.main([*arguments, file]) for file in files)), 0))
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) != pytest.ExitCode.OK


def main() -> int:
    # The copies of this process needn't import the plugins again.
    pytest.main(["--collect-only", "-q", "-n0", "-p", "no:cacheprovider", TESTS[0]])
    if is_killed(lambda: None, (*TESTS, *TESTS_OF_FIELDS, *TESTS_OF_SETTINGS)):
        sys.exit("The tests fail without any mutant.")
    survivors = 0
    words = sys.argv[1:] or [""]
    for name, change, files in mutants():
        if not any(word in name for word in words):
            continue
        killed = is_killed(change, files)
        survivors += not killed
        print("killed  " if killed else "SURVIVES", name, flush=True)  # noqa: T201
    return survivors


if __name__ == "__main__":
    sys.exit(main())
