"""Exact identifiers of errors: a leg of retrieval for questions with lines of a log. Pure.

A line of a log is marked in the question. Its words are many and seldom the member's, so they alone
never make evidence *strong*: the passage must have one of the line's identifiers. The one document
with most of them comes first.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from indexer.index.stored_passage import StoredPassage

# Before each line of a log in a question.
LOG_MARK: Final = "» "

_IDENTIFIER: Final = re.compile(
    # `multiplayer.disconnect.not_whitelisted`, `net.minecraft.ReportedException`
    r"(?P<dotted>(?<![\w.:])[A-Za-z_$][\w$-]{0,60}(?:(?:\.|::|:)[A-Za-z_$][\w$-]{0,60}){2,12})"
    # `E0599`, `TS2304`, `ORA-00942`
    r"|(?P<code>\b(?!UTF|ISO|RFC|SHA|IPV)[A-Z]{1,7}-?\d{3,6}\b)"
    # `ECONNREFUSED`, `ERR_SSL_PROTOCOL_ERROR`
    r"|(?P<constant>\bE[A-Z]{4,15}\b|\b[A-Z]{2,20}(?:_[A-Z0-9]{1,20}){1,8}\b)"
    # `No module named 'discord'`
    r"|(?P<module>(?i:no module named|cannot find module) ['\"`]?[\w./@-]{1,80})"
    # `HTTP 502`, `status code 403`
    r"|(?i:\b(?:http(?:/\d(?:\.\d)?)?|status(?: code)?)[ :=]{1,3}(?P<http>[45]\d\d)\b)"
    r"|\b(?P<gateway>[45]\d\d)(?= (?i:bad|unauthorized|forbidden|not found|internal|service"
    r"|gateway)\b)"
    # `exit code 137`, `status=203/EXEC`
    r"|(?i:\b(?:exit(?:ed)?(?: with)?(?: code| status)?|status)[ :=]{1,3}(?P<exit>[2-9]\d{0,2}"
    r"|1\d{1,2})\b)"
    # `OutOfMemoryError`
    r"|(?P<type>\b[A-Z]\w{2,60}(?:Error|Exception)\b)"
)
# Types of any error, which identify none.
_GENERAL_TEXT: Final = """assertionerror attributeerror connectionerror eoferror importerror
    filenotfoundexception illegalargumentexception illegalstateexception indexerror
    invocationtargetexception ioerror ioexception keyerror modulenotfounderror nameerror
    nullpointerexception oserror rangeerror referenceerror runtimeerror runtimeexception
    syntaxerror timeouterror timeoutexception typeerror valueerror"""
_GENERAL: Final = frozenset(_GENERAL_TEXT.split())


@lru_cache(maxsize=4_096)
def error_identifiers(text: str) -> frozenset[str]:
    """The exact identifiers of errors in a text, in lower case and in one form."""
    found = set()
    for match in _IDENTIFIER.finditer(text):
        kind = match.lastgroup or ""
        value = match[kind].casefold()
        if kind == "type" and value in _GENERAL:
            continue
        if kind == "dotted":
            # A package's name may be left out where its exception is written about.
            last = re.split(r"[.:]", value)[-1]
            found |= {last} if last.endswith(("error", "exception")) else set()
            found -= _GENERAL
        prefix = {"http": "http ", "gateway": "http ", "exit": "exit "}.get(kind, "")
        found.add(prefix + re.sub(r"['\"`]", "", value))
    return frozenset(found)


def log_lines(question: str) -> str:
    """The lines of a log in a question, without their marks; empty if there are none."""
    lines = question.splitlines()
    return "\n".join(line[len(LOG_MARK) :] for line in lines if line.startswith(LOG_MARK))


def lacks_identifier(question: str, passage: str) -> bool:
    """Whether a question has lines of a log, and a passage none of their identifiers."""
    lines = log_lines(question)
    return bool(lines) and error_identifiers(lines).isdisjoint(error_identifiers(passage))


def identified_passage(question: str, passages: Sequence[StoredPassage]) -> StoredPassage | None:
    """The first passage with most of the identifiers in a question's log.

    Return None if no passage has one, or if several documents have as many.
    """
    asked = error_identifiers(log_lines(question))
    if not asked:
        return None
    shared = [len(asked & error_identifiers(passage.embedded)) for passage in passages]
    most = max(shared, default=0)
    found = [passage for passage, count in zip(passages, shared, strict=True) if count == most]
    return found[0] if most and len({passage.document_id for passage in found}) == 1 else None
