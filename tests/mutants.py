"""Mutation test of the schema: without each declaration in turn, some test must fail.

Run by hand, from the root of the project: `python -m tests.mutants`. It prints each mutant with its
fate, and fails if one survives.
"""

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import pytest

from knowledge.store import schema
from knowledge.store.erasure import personal_data

TESTS: Final = (
    "tests/knowledge/store/test_schema.py",
    "tests/knowledge/store/erasure/test_personal_data.py",
    "tests/bot/privacy/test_messages.py",
    "tests/knowledge/backup/test_exporter.py",
    "tests/knowledge/backup/test_importer.py",
)

# What a mutant changes: a module, its mapping, and the mapping without a declaration.
Change = tuple[Any, str, dict[str, Any]]


def without(mapping: Any, key: str) -> dict[str, Any]:
    return {name: value for name, value in mapping.items() if name != key}


def mutants() -> Iterator[tuple[str, Change]]:
    for name, table in schema.TABLES.items():
        for column, declared in table.columns.items():
            fewer = replace(table, columns=without(table.columns, column))
            yield f"{name}.{column} undeclared", _tables(name, fewer)
            if declared.kept:
                deleted = {**table.columns, column: replace(declared, kept="")}
                yield f"{name}.{column} not kept", _tables(name, replace(table, columns=deleted))
        if table.exported != "true":
            yield f"{name} exported", _tables(name, replace(table, exported="true"))
        if table.order:
            yield f"{name} in its key's order", _tables(name, replace(table, order=""))
    for column in schema.BY_NAME:
        yield f"{column} unchecked", (schema, "BY_NAME", without(schema.BY_NAME, column))
    for kind in personal_data.KINDS:
        yield f"{kind} not given", (personal_data, "KINDS", without(personal_data.KINDS, kind))


def _tables(name: str, table: schema.Table) -> Change:
    return schema, "TABLES", {**schema.TABLES, name: table}


def is_killed(module: Any, attribute: str, value: Any) -> bool:
    """Run the tests in a copy of this process with the change."""
    child = os.fork()
    if child == 0:
        setattr(module, attribute, value)
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        # Most mutants fail in the first file, so the others needn't be collected.
        arguments = ("-x", "-q", "-n0", "-p", "no:cacheprovider")
        os._exit(next(filter(None, (pytest.main([*arguments, file]) for file in TESTS)), 0))
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == pytest.ExitCode.TESTS_FAILED


def main() -> int:
    if is_killed(schema, "TABLES", schema.TABLES):
        sys.exit("The tests fail without any mutant.")
    survivors = 0
    for name, change in mutants():
        killed = is_killed(*change)
        survivors += not killed
        print("killed  " if killed else "SURVIVES", name, flush=True)  # noqa: T201
    return survivors


if __name__ == "__main__":
    sys.exit(main())
