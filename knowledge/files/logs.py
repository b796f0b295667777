"""Reader of logs of unknown origin: texts, gzip files and zips become their deciding lines.

Unpacking and parsing happen in a sandbox of their own, with limits of size, ratio, files and time.
Only the lines leave the sandbox; the log is never stored.

Each line loses its times and level, and a table of patterns weighs the rest. The last exception and
its root cause, and the first error of a build, weigh most. The chosen lines lose times, addresses,
paths, names of people, ids and secrets.
"""

import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import PurePosixPath
from typing import IO, Any, Final

from knowledge.files.parsed_file import WIDE
from knowledge.files.sandbox import Sandbox
from knowledge.secrets import without_secrets
from knowledge.text import legible

# The largest number of chosen lines, and of characters in one.
LINES: Final = 3
LINE_CHARACTERS: Final = 240
# Characters of a line that are read, and lines of a text: the first fifth, and the last ones.
_READ_CHARACTERS: Final = 1_200
_READ_LINES: Final = 50_000
# A line with less of the best line's weight isn't chosen beside it.
_LEAST_SHARE: Final = 0.6

_CONTROL: Final = re.compile(
    r"\x1b\[[0-9;?]{0,20}[A-Za-z]|\u00a7[0-9a-fk-or]|[\x00-\x08\x0b-\x1f\x7f]"
)
_CLOCK: Final = r"\d{1,2}:\d\d(?::\d\d)?(?:[.,:]\d{1,9})?(?: ?[AP]M)?(?:Z| ?[+-]\d\d:?\d\d)?"
_DATE: Final = r"(?:\d{4}[-/]\d\d[-/]\d\d|\d\d[-/.]\d\d[-/.]\d{2,4}|\d\d[A-Z][a-z]{2}\d{4})"
_TIME: Final = rf"(?:{_DATE}[T ,]{{0,2}})?{_CLOCK}"
# Everything before a line's words, one piece at a time.
_LEAD: Final = re.compile(
    r"\s+"
    rf"|{_DATE}(?=\s)|[\[(<]?{_TIME}(?:[ ,]{{0,2}}[A-Z]{{4,8}})?[\])>]?(?=[\s\[:|-]|$)"
    # A journal's month, day, time, host and unit.
    r"|[A-Z]?[a-zé]{2,4}\.? {1,2}\d{1,2} \d\d:\d\d:\d\d (?:[\w.-]{1,80} )?[\w.@/:\\()-]{1,80}"
    r"(?:\[\d{1,8}\])?:(?=\s|$)"
    # A thread, a level, a logger in brackets; the seconds of a kernel or a container's build.
    r"|\[(?!Errno |WinError )[^\[\]]{0,80}\]:?(?!\w)|\[[ \d]{1,8}\.\d{1,9}\]"
    r"|#\d{1,4} \d{1,6}\.\d{1,4}(?=\s|$)"
    r"|\d{1,6}\.\d{2,4}(?=\s)|[\w.-]{1,60} {0,20}\|(?=\s)|##\[error\]|npm (?:ERR!|error)"
    r"|(?:E|ERR!|[=-]{2,10}>|>|\*{1,3}|!{1,3}|[|│╰─\u00d7✖✘❌•●]{1,4})(?=\s)"
    r"|(?:FATAL|CRITICAL|SEVERE|ERROR|WARN(?:ING)?|INFO|DEBUG|TRACE|NOTICE)(?:\s|:(?=\s|$)|$)"
    r"|[-:](?=\s)"
)
_LEADS: Final = 12
_LEVEL: Final = re.compile(
    r"(?<![A-Za-z])(?:(FATAL|CRITICAL|SEVERE|EMERG|PANIC|CRIT)|(ERROR|ERR!|npm error)"
    r"|(WARN(?:ING)?|STDERR)|(INFO|inform|DEBUG|TRACE|NOTICE|FINE))(?![A-Za-z])"
    r"|\b(?:level=|\[)(?:(fatal|critical|panic)|(err(?:or)?)|(warn(?:ing)?)|(info|debug))\b"
)
_LEVEL_WEIGHTS: Final = (18, 12, -22, -30)
_LEVEL_CHARACTERS: Final = 120

_FRAME: Final = re.compile(
    r"\s*(?:at [\w.$/<@-]{1,300}[.(:]|File \"[^\"]{1,300}\", line \d|\.\.\. \d{1,6} (?:more|common)"
    r"|\d{1,4}: +(?:0x)?[0-9a-f]{6,16} - |#\d{1,3} +(?:0x|[\w/])|Suppressed: )"
)
# A line with fewer letters says nothing; a longer one is a list.
_NAMED: Final = re.compile(r"\w{2}\W{1,10}\w{2}|\w{8}")
_LONG: Final = 450
_NUMBER: Final = re.compile(r"\d+")
# Lines that only show code, or help.
_CODE: Final = re.compile(
    r"\s*(?:\d{1,6} *\||\||\^|~~|-->|= (?:note|help):|(?:note|help|hint|warning):|In file included|"
    r"For more information|See (?:above|the)|Use `|Try )"
)
_HARMLESS: Final = re.compile(
    r"\b(?:0|no|without|zero) (?:errors?|failures?|warnings?|problems?)\b"
    r"|\b(?:errors?|failed|failures?)[ :=]{1,3}0\b|status=0/SUCCESS|code=exited, status=0\b",
    re.IGNORECASE,
)
_TYPE: Final = (
    r"(?:[A-Za-z_$][\w$]{0,80}[./]){0,12}[A-Za-z_$][\w$]{0,80}"
    r"(?:Exception|Error|Throwable|Failure|Interrupt|Exit|Fault|Timeout|Missing|Errors)"
)
_CAUSE: Final = re.compile(rf"(?:Caused by|Root cause): ?(?={_TYPE}|\S)")
_EXCEPTION: Final = re.compile(
    rf"(?:Exception in thread \"[^\"]{{0,80}}\" |(?:Unhandled|Uncaught) (?:exception:? )?)?"
    rf"(?:\[[^\]]{{1,60}}\] ?)?(?P<type>{_TYPE})(?: \[[A-Z_]{{3,40}}\])?(?P<words>: ?\S.*|:?\s*$)"
)
# The words of an exception that only wraps another.
_WRAPPED: Final = re.compile(r":? ?(?:null|None|java\.[\w.$]{1,200}(?::.{0,400})?)?$")
_TRACEBACK: Final = "Traceback (most recent call last)"

# A pattern, and its weight.
_WEIGHED: Final = tuple(
    (re.compile(pattern), weight)
    for pattern, weight in (
        (r"\berror\[E\d{4}\]|\berror (?:TS|CS|C|MSB|LNK|NU|NETSDK|AC)\d{3,5}\b", 78),
        (r"\b(?:fatal )?error: ", 66),
        (r"\bfatal error\b|^fatal: |\bpanicked at\b|^panic: |\bkernel panic\b", 78),
        (r"(?i:segmentation fault|core dumped|out of memory|outofmemory|stack overflow)", 70),
        (r"\b(?:SIGSEGV|SIGABRT|SIGKILL|oom-kill|Killed process)\b", 70),
        (r"(?i:undefined reference|undefined symbol|unresolved external|cannot find -l)", 72),
        (r"\b(?:E[A-Z]{4,15}|ERR_[A-Z_]{3,40})\b", 52),
        (r"\bNo module named\b|\bcannot import name\b|\bCannot find module\b", 66),
        (r"(?i:\b(?:requires|required by|depends on|incompatible|unsupported|not supported|"
         r"version mismatch|conflicts with|duplicate|ambiguous)\b)", 48),
        (r"(?i:no such file|not found|permission denied|access denied|refused|already in use|"
         r"not recogni[sz]ed|timed out|no space left|read-only|does not exist|is missing|"
         r"missing\b|invalid|malformed|corrupt|unknown\b|unexpected|not allowed|unauthori[sz]ed|"
         r"forbidden|expired|unreachable|mismatch|deadlock|too (?:many|large|old|new|long))", 44),
        (r"(?i:could ?n[o']t|can ?not|can't|unable to|failed to|failure|must be|is not\b)", 38),
        (r"(?i:\bHTTP(?:/\d(?:\.\d)?)?[ :]{1,2}[45]\d\d|status(?: ?code)?[ :=]{1,3}[45]\d\d|"
         r"\b[45]\d\d (?:Bad|Unauthorized|Forbidden|Not Found|Internal|Service|Gateway|Too))",
         46),
        (r"\bstatus=(?!0/|1/)\d{1,3}/[A-Z_]{2,20}|(?i:exit(?:ed with)?(?: code| status)?[ :=]{1,3}"
         r"(?!0\b|1\b)\d{1,3}\b|signal \d)", 42),
        (r"(?i:\b(?:error|failed|fail|crash(?:ed)?|abort(?:ed|ing)?)\b)", 26),
        (r"^Description: ", 45),
    )
)  # fmt: skip
# What every failure ends with: true, but no reason.
_ENDING: Final = re.compile(
    r"(?i:^make(?:\[\d{1,3}\])?: \*\*\*|failed with result|\bcould not compile\b|build failed"
    r"|exited with code 1\b|exit code:? 1\b|exit status:? 1\b|completed with exit code|returned a "
    r"non-zero code|main process exited|aborting due to|failed to start\b|entered failed state"
    r"|start request repeated|control process exited|schedul(?:ed|ing) restart|crash report"
    r"|subprocess-exited-with-error|originates from a subprocess|lifecycle failed|ELIFECYCLE"
    r"|complete log of this run|execution failed for task|failed building wheel|stopping,? "
    r"|likely not a problem with pip|skipp(?:ed|ing)|retry|could not build wheels|installation "
    r"failed|errored out|did not run successfully|did not complete successfully|preparing crash)"
)
_ENDING_COST: Final = 30
_MORE_REASONS: Final = 5


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A line that may decide: its place, its words, and its weight."""

    place: int
    words: str
    weight: float


def deciding_lines(text: str, most: int = LINES) -> list[str]:
    """The deciding lines of a log, in its order; lines that differ in numbers count once."""
    lines = text.splitlines()
    if len(lines) > _READ_LINES:
        first = _READ_LINES // 5
        lines = [*lines[:first], *lines[first - _READ_LINES :]]
    lines = [_CONTROL.sub("", line[:_READ_CHARACTERS]) for line in lines]
    people = _people(lines)
    best: dict[str, _Candidate] = {}
    for candidate in _candidates(lines):
        key = _NUMBER.sub("0", candidate.words)
        if key not in best or best[key].weight < candidate.weight:
            best[key] = candidate
    chosen: dict[str, int] = {}
    heaviest = 0.0
    for candidate in sorted(best.values(), key=lambda candidate: -candidate.weight):
        heaviest = heaviest or candidate.weight
        if len(chosen) == most or candidate.weight < _LEAST_SHARE * heaviest:
            break
        if words := without_secrets(impersonal(candidate.words, people)):
            if len(words) > LINE_CHARACTERS:
                words = words[: LINE_CHARACTERS - 1].rstrip() + _GAP
            chosen.setdefault(words, candidate.place)
    return sorted(chosen, key=lambda words: chosen[words])


def _candidates(lines: Sequence[str]) -> Iterator[_Candidate]:
    """The lines with a weight, and exceptions weighed by their place in a trace."""
    in_python = False
    level = 0
    for place, line in enumerate(lines):
        above = level
        words, level, indented = _words(line)
        if _TRACEBACK in words:
            in_python = True
            continue
        if not words or _FRAME.match(words) or _CODE.match(words):
            continue
        later = place / len(lines)
        weight = _weight(words)
        follows = place + 1 < len(lines) and _FRAME.match(_words(lines[place + 1])[0]) is not None
        if cause := _CAUSE.match(words):
            # The last cause of a trace is its root.
            weight, words = 84 + 8 * later, words[cause.end() :]
            weight -= 30 * _is_wrapping(words, lines[place + 1 : place + 200])
            level = 0
        elif (exception := _EXCEPTION.match(words)) or (in_python and not indented):
            traced = in_python or follows
            weight = max(weight, (76 if traced else 58) + 8 * later)
            if exception is not None and _WRAPPED.match(exception["words"]):
                weight -= 14
            # A trace has the level of the line above it.
            level = min(level or above, 0) // 2 if traced else level
        elif weight:
            # The first error of a build causes the others.
            weight += 6 * (1 - later) if weight >= 60 else 4 * later
        in_python = in_python and indented
        if (weight or level > 0) and _NAMED.search(words):
            yield _Candidate(place, words, (weight or 22) + level - 20 * (len(line) > _LONG))


def _is_wrapping(words: str, below: Sequence[str]) -> bool:
    """Whether a cause only wraps another: by its words, or by a cause below in the same trace."""
    exception = _EXCEPTION.match(words)
    if exception is not None and _WRAPPED.match(exception["words"]):
        return True
    for line in below:
        words, *_ = _words(line)
        if not _FRAME.match(words):
            return _CAUSE.match(words) is not None
    return False


def _weight(words: str) -> float:
    weights = sorted(
        (weight for pattern, weight in _WEIGHED if pattern.search(words)), reverse=True
    )
    if not weights or _HARMLESS.search(words):
        return 0
    more = min(len(weights) - 1, 3) * _MORE_REASONS
    return weights[0] + more - _ENDING_COST * (_ENDING.search(words) is not None)


def _words(line: str) -> tuple[str, int, bool]:
    """A line without its times, level and logger; the level's weight; and whether it's indented."""
    level = _LEVEL.search(line, 0, _LEVEL_CHARACTERS)
    weight = _LEVEL_WEIGHTS[(level.lastindex or 1) % 4 - 1] if level else 0
    start = 0
    for _ in range(_LEADS):
        lead = _LEAD.match(line, start)
        if lead is None or lead.end() == start:
            break
        start = lead.end()
    return line[start:].rstrip(), weight, line[max(start - 2, 0) : start].endswith(("  ", "\t"))


# What is personal.

_GAP: Final = "…"
_HOME: Final = re.compile(r"(?:/home/|/Users/|\\Users\\|/Users\\)([^/\\\s:'\"<>|]{1,40})")
# Names of accounts that are no person's.
_SERVICES_TEXT: Final = """admin administrator app bot build builder ci circleci container debian
    default docker git home java jenkins linuxbrew minecraft node pi public python root runner
    runneradmin server shared steam test travis ubuntu user username users vagrant vscode www
    www-data"""
_SERVICES: Final = frozenset(_SERVICES_TEXT.split())
# Parts of paths.
_HOMES: Final = r"(?:\b[A-Za-z]:)?[/\\](?:home|Users)[/\\]"
_NAME: Final = r"[^/\\\s:'\"<>|,;()]"
_FOLDERS: Final = rf"(?:{_NAME}{{1,120}}[/\\])"
_LINE: Final = r"(?::\d{1,7}){0,2}"
_PERSONAL: Final = re.compile(
    # Addresses.
    r"(?P<gap>[a-z][a-z+.-]{1,20}://[^\s'\"<>)\]]{1,400}|[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64}){0,4}"
    r"|(?<![\d.-])\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?(?![\d.])|/(?=\d{1,3}\.\d{1,3}\.)"
    r"|(?<![\w:])(?:[0-9a-f]{1,4}:){3,7}(?::?[0-9a-f]{1,4})(?![\w:])"
    r"|\b[0-9a-fA-F]{2}(?:[:-][0-9a-fA-F]{2}){5}\b"
    # Times and ids.
    rf"|\b{_DATE}(?:[T ,]{{1,2}}{_CLOCK})?|(?<![\w:.]){_CLOCK}(?![\w:.])"
    r"|\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b|\b0x[0-9a-fA-F]{6,16}\b"
    r"|\b(?=[0-9a-f]{0,40}\d)(?=[0-9a-f]{0,40}[a-f])[0-9a-f]{12,64}\b|\b\d{15,22}\b)"
    # Paths: their last part stays, if it isn't a person's folder.
    rf"|{_HOMES}[^/\\:'\"<>|\n]{{1,40}}[/\\]{_FOLDERS}{{0,30}}(?P<inside>{_NAME}{{0,120}}){_LINE}"
    rf"|{_HOMES}{_NAME}{{1,40}}"
    rf"|(?<![\w.])(?:[A-Za-z]:[/\\]|~?/|\.{{1,2}}/|\\\\){_FOLDERS}{{1,30}}"
    rf"(?P<base>{_NAME}{{0,120}}){_LINE}"
    r"|(?<![\w./])(?:[\w.+-]{1,60}+/){1,8}+(?P<file>[\w+-]{1,60}\.[a-z]{1,5})(?::\d{1,7}){1,2}"
    # Names after a word for a person.
    r"|(?P<who>\b(?i:user(?:name)?|player|login|account|nick(?:name)?|owner)(?: ?[=:] ?| )"
    r"(?=['\"`]))['\"`][^'\"`\n]{1,60}['\"`]"
    r"|(?P<whose>\b(?i:user(?:name)?|player|login|account|nick(?:name)?)(?:[=:] ?))[\w.-]{1,40}"
    r"|(?P<player>\b[Pp]layer |\bUUID of player |\bDisconnecting )(?=[A-Z]|\w{0,16}[\d_])"
    r"\w{3,16}\b(?!-)"
)


def impersonal(words: str, people: Sequence[str] = ()) -> str:
    """A line without times, addresses, paths, ids, and names of `people` (in lower case)."""
    said = _PERSONAL.sub(_replacement, words)
    for name in people:
        said = re.sub(rf"(?i)(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])", _GAP, said)
    return " ".join(said.split()).strip(" -:|")


def _replacement(match: re.Match[str]) -> str:
    for group in ("who", "whose", "player"):
        if match[group]:
            return f"{match[group]}{_GAP}"
    return match["inside"] or match["base"] or match["file"] or _GAP


def _people(lines: Sequence[str]) -> list[str]:
    """The names of people's home folders, in lower case, without those of services."""
    found = {
        match[1].casefold()
        for line in lines
        if "ome/" in line or "sers" in line
        for match in _HOME.finditer(line)
    }
    return sorted(name for name in found - _SERVICES if len(name) > 2)


SUFFIXES: Final = (".txt", ".log", ".gz", ".zip")
# The reader.

# Limits of a file, of everything unpacked from it, and of their ratio; real logs shrink to a
# twentieth, and repeated lines to a hundredth.
LOG_BYTES: Final = 8_000_000
UNPACKED_BYTES: Final = 40_000_000
MOST_RATIO: Final = 250
# The largest number of logs in a zip.
FILES: Final = 20
SECONDS: Final = 15
_MEMORY_BYTES: Final = 600_000_000
_PIECE_BYTES: Final = 65_536


class Problem(StrEnum):
    """A reason why a log can't be read."""

    LARGE = "large"
    BOMB = "bomb"
    MANY = "many"
    EMPTY = "empty"
    TORN = "torn"
    PACKED = "packed"
    NO_TEXT = "no text"


class _ProblemError(Exception):
    """The log can't be read, for the reason in `problem`."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class ReadLog:
    """The deciding lines of a log, or the reason why there are none."""

    lines: tuple[str, ...] = ()
    problem: Problem | None = None


@lru_cache(maxsize=1)
def sandbox() -> Sandbox:
    return Sandbox(SECONDS, _MEMORY_BYTES)


def begin_log(content: bytes) -> "Future[ReadLog]":
    """Begin to read a log; UnreadableError in the future if it takes too much time or memory."""
    return sandbox().begin(log_in_sandbox, content, "", _checked)


def log_in_sandbox(content: bytes, _name: str) -> tuple[dict[str, Any], str]:
    """Parse a log in the sandbox's process."""
    try:
        return {"lines": deciding_lines("\n".join(_texts(content)))}, ""
    except _ProblemError as error:
        return {"lines": [], "problem": error.problem.value}, ""


def _texts(content: bytes) -> Iterator[str]:
    """The texts of a file: itself, or unpacked.

    Raises _ProblemError if the file is damaged, too large, or no text.
    """
    try:
        if content.startswith(b"\x1f\x8b"):
            yield _text(_unpacked(gzip.GzipFile(fileobj=io.BytesIO(content)), len(content)))
        elif content.startswith(b"PK"):
            yield from _zipped(content)
        else:
            yield _text(content)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError) as error:
        raise _ProblemError(Problem.TORN) from error
    except (RuntimeError, NotImplementedError) as error:
        raise _ProblemError(Problem.PACKED) from error


def _zipped(content: bytes) -> Iterator[str]:
    """The logs in a zip, the newest last."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        logs = [
            info
            for info in archive.infolist()
            if PurePosixPath(info.filename).suffix.casefold() in (".txt", ".log")
            and not info.is_dir()
        ]
        if not logs:
            raise _ProblemError(Problem.EMPTY)
        if len(logs) > FILES:
            raise _ProblemError(Problem.MANY)
        room = UNPACKED_BYTES
        for info in sorted(logs, key=lambda info: info.date_time):
            with archive.open(info) as file:
                unpacked = _unpacked(file, len(content), room)
            room -= len(unpacked)
            yield _text(unpacked)


def _unpacked(file: IO[bytes] | gzip.GzipFile, packed: int, room: int = UNPACKED_BYTES) -> bytes:
    """Unpack a file piece by piece, up to the limits.

    Raises _ProblemError if it unpacks to too much.
    """
    most = min(room, max(packed * MOST_RATIO, 1_000_000))
    pieces, size = [], 0
    while piece := file.read(_PIECE_BYTES):
        size += len(piece)
        if size > most:
            raise _ProblemError(Problem.BOMB)
        pieces.append(piece)
    return b"".join(pieces)


def _text(content: bytes) -> str:
    for mark, encoding in WIDE.items():
        if content.startswith(mark):
            return content.decode(encoding, errors="replace")
    if b"\0" in content:
        raise _ProblemError(Problem.NO_TEXT)
    return content.decode(errors="replace")


def _checked(values: dict[str, Any], _text: str) -> ReadLog:
    """Check the sandbox's answer, because a log may have hijacked its process; hide secrets."""
    lines = values["lines"]
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise TypeError(type(lines).__name__)
    shown = (" ".join(legible(line[:LINE_CHARACTERS]).split()) for line in lines[:LINES])
    problem = Problem(values["problem"]) if "problem" in values else None
    return ReadLog(tuple(without_secrets(line) for line in shown if line), problem)
