"""Mutation test of declarations: without each in turn, some test must fail.

Run by hand, from the root of the project: `python -m tests.mutants`. It prints each mutant with its
fate, and fails if one survives.
"""

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, Final

import pytest

from bot.setup.panel_choices import Setting
from knowledge.store import schema
from knowledge.store.erasure import personal_data

# Most mutants fail in the first file of their tests, so the others needn't be collected.
TESTS: Final = (
    "tests/knowledge/store/test_schema.py",
    "tests/knowledge/store/erasure/test_personal_data.py",
    "tests/bot/privacy/test_messages.py",
    "tests/knowledge/backup/test_exporter.py",
    "tests/knowledge/backup/test_importer.py",
    "tests/knowledge/backup/test_foreign_database.py",
)
TESTS_OF_SETTINGS: Final = (
    "tests/bot/interactions/kit/test_buttons_custom_ids.py",
    "tests/bot/setup/ui/test_panel_choices.py",
    "tests/bot/setup/ui/test_panel.py",
)

Change = Callable[[], object]


def mutants() -> Iterator[tuple[str, Change, tuple[str, ...]]]:
    """The name of each mutant, its change, and the tests to run."""
    for name, change in schema_mutants():
        yield name, change, TESTS
    for setting in Setting:
        yield f"setting {setting} undeclared", partial(remove, setting), TESTS_OF_SETTINGS


def schema_mutants() -> Iterator[tuple[str, Change]]:
    for name, table in schema.TABLES.items():

        def changed(_name: str = name, _table: schema.Table = table, **facts: Any) -> Change:
            tables = {**schema.TABLES, _name: replace(_table, **facts)}
            return partial(setattr, schema, "TABLES", tables)

        for column, declared in table.columns.items():
            yield f"{name}.{column} undeclared", changed(columns=without(table.columns, column))
            if declared.kept:
                deleted = {**table.columns, column: replace(declared, kept="")}
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


def remove(setting: Setting) -> None:
    Setting._member_names_.remove(setting.name)
    del Setting._member_map_[setting.name]


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
    if is_killed(lambda: None, (*TESTS, *TESTS_OF_SETTINGS)):
        sys.exit("The tests fail without any mutant.")
    survivors = 0
    for name, change, files in mutants():
        killed = is_killed(change, files)
        survivors += not killed
        print("killed  " if killed else "SURVIVES", name, flush=True)  # noqa: T201
    return survivors


if __name__ == "__main__":
    sys.exit(main())
