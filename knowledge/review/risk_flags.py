"""Risk flags of a proposed text: links, hidden characters, injection, mentions, contacts, secrets.

A flag has a kind and a span. No note is refused for a flag. Ordinary content isn't flagged:
combined emoji, right-to-left text, well-known hosts, Markdown.

Text is searched as a reader or a model sees it: without invisible characters, and with look-alike
letters as Latin ones. Spans refer to the original text.
"""

import ipaddress
import re
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from knowledge.review.prompt_injection import instructions
from knowledge.secrets import secrets
from knowledge.text import normal_form
from knowledge.values.submissions import Submission

# Hosts without a flag: encyclopedias, standards, code, packages, papers, Discord. A guild can allow
# others. Hosts of anybody's sites (github.io, gitlab.io) aren't here.
_WELL_KNOWN_TEXT: Final = """
    apache.org apple.com archive.org arxiv.org cpan.org creativecommons.org crates.io debian.org
    discord.com discord.gg discordapp.com discordstatus.com docker.com docs.rs doi.org duden.de
    developers.google.com support.google.com
    europa.eu fsf.org github.com gitlab.com gnu.org go.dev huggingface.co ieee.org
    ietf.org iso.org kaggle.com kernel.org kubernetes.io linux.org linuxfoundation.org microsoft.com
    mozilla.org nih.gov nist.gov nodejs.org npmjs.com numpy.org openai.com opensource.org
    openstreetmap.org postgresql.org pypi.org python.org pytorch.org
    readthedocs.org rfc-editor.org rust-lang.org scikit-learn.org sqlite.org stackexchange.com
    stackoverflow.com tensorflow.org ubuntu.com unicode.org w3.org wikidata.org wikimedia.org
    wikipedia.org wiktionary.org youtube.com youtu.be"""
WELL_KNOWN_HOSTS: Final = frozenset(_WELL_KNOWN_TEXT.split())

# More mentions than a note needs.
MENTIONS: Final = 5
# Longer than any word, number, path or digest meant for reading.
UNBROKEN_CHARACTERS: Final = 300
LINE_CHARACTERS: Final = 8_000
# Hebrew and Arabic put up to three marks on a letter, Vietnamese two.
MARKS: Final = 4


class Risk(StrEnum):
    """Kinds of flags."""

    UNLISTED_HOST = "unlisted_host"
    DISGUISED_HOST = "disguised_host"
    MASKED_LINK = "masked_link"
    IP_ADDRESS = "ip_address"
    INVISIBLE = "invisible"
    BIDIRECTIONAL = "bidirectional"
    INSTRUCTION = "instruction"
    MASS_MENTION = "mass_mention"
    UNBROKEN_TEXT = "unbroken_text"
    STACKED_MARKS = "stacked_marks"
    CONTACT = "contact"
    SECRET = "secret"  # noqa: S105 - a kind of risk


class Field(StrEnum):
    """Fields of a submission."""

    TITLE = "title"
    WORDINGS = "wordings"
    TEXT = "text"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class Flag:
    """A finding with its span in the text.

    `detail` depends on the risk: a link's host, the names of hidden characters, a secret's kind, or
    a number of mentions, characters or marks. For the other risks, it is the flagged text.
    """

    risk: Risk
    start: int
    end: int
    detail: str
    field: Field = Field.TEXT


def submission_flags(submission: Submission, allowed_hosts: Collection[str] = ()) -> list[Flag]:
    """All flags of a submission's title, wordings, text and link, in this order."""
    parts = (
        (Field.TITLE, submission.title),
        *((Field.WORDINGS, wording) for wording in submission.wordings),
        (Field.TEXT, submission.text),
        (Field.LINK, submission.link),
    )
    return [
        Flag(flag.risk, flag.start, flag.end, flag.detail, field)
        for field, text in parts
        for flag in flags(text, allowed_hosts)
    ]


def flags(text: str, allowed_hosts: Collection[str] = ()) -> list[Flag]:
    """The flags of a text in reading order. A repeated host, character or secret has one flag.

    Args:
        text: the proposed text.
        allowed_hosts: besides `WELL_KNOWN_HOSTS`; their subdomains are allowed, too.
    """
    read, places = _as_read(text)
    found = [
        *_link_flags(text, allowed_hosts),
        *_hidden_flags(text),
        *(
            Flag(flag.risk, places[flag.start], places[flag.end - 1] + 1, flag.detail)
            for flag in (
                *(
                    Flag(Risk.INSTRUCTION, start, end, " ".join(read[start:end].split()))
                    for start, end in instructions(read)
                ),
                *_mention_flags(read),
            )
        ),
        *_shape_flags(text),
        *_contact_flags(text),
        *{
            secret.kind: Flag(Risk.SECRET, secret.start, secret.end, secret.kind)
            for secret in secrets(text)
        }.values(),
    ]
    return sorted(found, key=lambda flag: (flag.start, flag.end))


# Contacts.

# E-mail addresses, except for `git@host:path`; phone numbers with a country or area code. A day of
# the month has fewer digits than an area code.
_CONTACT: Final = re.compile(
    r"(?<![\w.+-])[\w.+-]{1,64}@(?P<host>(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24})(?![\w:/])"
    r"|(?<![\w+.,/-])(?:\+[1-9]\d{0,2}|\(?0[1-9]\d{1,3}\)?)"
    r"(?:[ ./()-]{1,2}\d{2,8}){1,4}(?![\w/-]|\.\d)"
    r"|(?<![\w+.,/-])\(?\d{3}\)?[ -]\d{3}-\d{4}(?![\w/-]|\.\d)"
)
_PHONE_DIGITS: Final = 7
# Nobody's addresses: examples, local networks, Tor. Source: RFC 2606, RFC 6762, RFC 7686.
_RESERVED_HOST: Final = re.compile(
    r"(?:.*\.)?(?:example\.(?:com|net|org)|example|invalid|local|localhost|onion|test)",
    re.IGNORECASE,
)


def _contact_flags(text: str) -> Iterator[Flag]:
    for match in _CONTACT.finditer(text):
        if match["host"] is None:
            is_contact = sum(sign.isdigit() for sign in match[0]) >= _PHONE_DIGITS
        else:
            is_contact = _RESERVED_HOST.fullmatch(match["host"]) is None
        if is_contact:
            yield Flag(Risk.CONTACT, match.start(), match.end(), match[0])


# Links.

_ADDRESS = re.compile(
    r"https?://[^\s<>\"`]+|\bdiscord(?:app\.com/invite|\.gg)/[\w-]+", re.IGNORECASE
)
_MASKED = re.compile(r"\[(?P<label>[^\]\n]{1,300})\]\(\s?<?(?P<address>https?://[^\s<>)]{1,2000})")
# Names with a dot may be no hosts (`Node.js`, `README.md`), so endings of files don't count, and
# others only in lower case (not `ASP.NET`).
_HOST_LABEL = re.compile(
    r"(?:https?://)?(?P<host>(?:[\w-]+\.)+(?:com|org|net|edu|gov|info|biz|io|dev|app|gg|ai|eu|de|at"
    r"|ch|fr|uk|nl|es|it|us|ru|cn))(?:[/?#]\S*)?"
)


def _link_flags(text: str, allowed_hosts: Collection[str]) -> Iterator[Flag]:
    seen: set[tuple[Risk, str]] = set()
    allowed = WELL_KNOWN_HOSTS | {_host_name(host) for host in allowed_hosts}
    for match in _ADDRESS.finditer(text):
        address = match[0].rstrip(".,;:!?*_~'’”)]}")
        host = _host(address)
        if _is_ip_address(host):
            risk = Risk.IP_ADDRESS
        elif _is_disguised(host) or "@" in address.split("://")[-1].split("/")[0]:
            risk = Risk.DISGUISED_HOST
        elif allowed.isdisjoint(_host_and_parents(host)):
            risk = Risk.UNLISTED_HOST
        else:
            continue
        if (risk, host) not in seen:
            seen.add((risk, host))
            yield Flag(risk, match.start(), match.start() + len(address), host)
    for match in _MASKED.finditer(text):
        label = _HOST_LABEL.fullmatch(_plain(match["label"]).strip("*_`~ "))
        host = _host(match["address"])
        shown, linked = _host_name(label["host"] if label else host), _host_name(host)
        if shown not in _host_and_parents(linked) and linked not in _host_and_parents(shown):
            yield Flag(Risk.MASKED_LINK, match.start(), match.end(), host)


def _host(address: str) -> str:
    try:
        found = urlsplit(address if "://" in address else f"https://{address}").hostname
    except ValueError:
        # Invalid IPv6 brackets; browsers refuse them, too.
        return ""
    return (found or "").rstrip(".")


# A name in the DNS has at most 253 characters.
_MOST_LABELS: Final = 127
# With at least one dot, since allowing `com` would allow nearly everything. IP addresses are always
# flagged.
_HOST_NAME = re.compile(r"(?:[^\W_](?:[\w-]*[^\W_])?\.)+[^\W\d_][\w-]*[^\W_]")


def parse_hosts(typed: str) -> tuple[tuple[str, ...], list[str]]:
    """Parse an administrator's input into hosts and invalid words.

    Hosts are separated by blanks, commas or semicolons; "none" stands for no host.
    """
    hosts: list[str] = []
    others: list[str] = []
    for word in re.split(r"[\s,;]+", typed.strip()):
        host = _host(word.removeprefix("*.")) if word else ""
        if _HOST_NAME.fullmatch(host):
            hosts.append(host)
        elif word and word.casefold() != "none":
            others.append(word)
    return tuple(dict.fromkeys(hosts)), others


def _host_name(typed: str) -> str:
    return typed.strip().lower().removeprefix("*.").removeprefix("www.").strip(".")


def _host_and_parents(host: str) -> Iterator[str]:
    labels = host.split(".")
    for count in range(1, min(len(labels), _MOST_LABELS) + 1):
        yield ".".join(labels[-count:])


def _is_ip_address(host: str) -> bool:
    """Whether a browser reads the host as an IP address, as in `127.1` or `0x7f000001`."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return re.fullmatch(r"(?:0x[0-9a-f]+|\d+)(?:\.(?:0x[0-9a-f]+|\d+)){0,3}", host) is not None
    return True


def _is_disguised(host: str) -> bool:
    """Whether a host looks like another: punycode, mixed scripts, look-alikes."""
    labels = host.split(".")
    if any(label.startswith("xn--") for label in labels):
        return True
    if host.isascii():
        return False
    if normal_form("NFKC", host) != host:
        return True
    ends_in_latin = labels[-1].isascii()
    for label in labels:
        letters = filter(str.isalpha, label)
        scripts = {unicodedata.name(letter, "UNKNOWN").split(" ")[0] for letter in letters}
        if len(scripts & _ALIKE) > 1:
            return True
        if ends_in_latin and scripts and "LATIN" not in scripts and _plain(label).isascii():
            return True
    return False


# Scripts with look-alike letters.
_ALIKE: Final = frozenset({"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE"})


# Invisible and direction-changing characters.

_BIDIRECTIONAL: Final = frozenset(
    "\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
_OVERRIDES: Final = frozenset("\u202d\u202e")
_JOINERS: Final = frozenset("\u200c\u200d")
_ZERO_WIDTH_SPACE: Final = "\u200b"
_BLANK: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u061c\u202a-\u202e\u2060-\u206f\u2800\u3164\ufeff\uffa0\ufff9-\ufffb"
    "\ue000-\uf8ff\U0001d173-\U0001d17a\U000e0000-\U000e0fff\U000f0000-\U0010fffd]"
)
_TAG: Final = re.compile("\U0001f3f4[\U000e0061-\U000e007a0-9]{2,6}\U000e007f")
_MARK_OF_ORDER: Final = "\ufeff"


def _hidden_flags(text: str) -> Iterator[Flag]:
    from_right = any(unicodedata.bidirectional(sign) in {"R", "AL"} for sign in text)
    in_flags = {place for tag in _TAG.finditer(text) for place in range(tag.start() + 1, tag.end())}
    first: dict[Risk, tuple[int, int]] = {}
    names: dict[Risk, dict[str, None]] = {}
    for match in _BLANK.finditer(text):
        place, sign = match.start(), match[0]
        if place in in_flags or _has_a_purpose(text, place, from_right=from_right):
            continue
        risk = Risk.BIDIRECTIONAL if sign in _BIDIRECTIONAL else Risk.INVISIBLE
        first.setdefault(risk, match.span())
        names.setdefault(risk, {})[unicodedata.name(sign, f"U+{ord(sign):04X}").lower()] = None
    for risk, (start, end) in first.items():
        yield Flag(risk, start, end, ", ".join(list(names[risk])[:3]))


def _has_a_purpose(text: str, place: int, *, from_right: bool) -> bool:
    """Whether ordinary text needs this hidden character here, as in emoji or Arabic."""
    sign = text[place]
    before, after = text[max(place - 2, 0) : place], text[place + 1 : place + 2]
    if sign in _BIDIRECTIONAL:
        return from_right and sign not in _OVERRIDES
    if sign in _JOINERS:
        emoji = sign == "\u200d" and _is_emoji(after) and any(map(_is_emoji, before))
        return emoji or _joins(before[-1:]) or _joins(after)
    if sign == _ZERO_WIDTH_SPACE:
        return _is_unspaced(before[-1:]) and _is_unspaced(after)
    return sign == _MARK_OF_ORDER and place == 0


def _is_emoji(sign: str) -> bool:
    return sign != "" and (unicodedata.category(sign) in {"So", "Sk"} or sign in "♀♂⚕⚖✈❤➡")


def _joins(sign: str) -> bool:
    """Whether a letter's shape depends on its neighbours: Arabic, Syriac, Indic scripts."""
    return sign != "" and ("\u0600" <= sign <= "\u07ff" or "\u0900" <= sign <= "\u0dff")


def _is_unspaced(sign: str) -> bool:
    """Whether a letter is Thai, Lao, Burmese or Khmer.

    These scripts have no spaces between words. Zero-width spaces allow line breaks there.
    """
    return sign != "" and ("\u0e00" <= sign <= "\u0eff" or "\u1000" <= sign <= "\u17ff")


# Mentions.

_EVERYBODY: Final = re.compile(r"(?<![\w.@])@(?:everyone|here)\b(?![.-]?\w)")
_MENTION: Final = re.compile(r"<@[!&]?\d{15,22}>")


def _mention_flags(read: str) -> Iterator[Flag]:
    for match in _EVERYBODY.finditer(read):
        yield Flag(Risk.MASS_MENTION, match.start(), match.end(), match[0])
    mentioned = list({match[0]: match for match in _MENTION.finditer(read)}.values())
    if len(mentioned) >= MENTIONS:
        starts = [match.start() for match in mentioned]
        ends = [match.end() for match in mentioned]
        yield Flag(Risk.MASS_MENTION, min(starts), max(ends), f"{len(mentioned)}")


# Unusual shapes.

_UNBROKEN: Final = re.compile(rf"(?<!\S)\S{{{UNBROKEN_CHARACTERS},}}")
_LONG_LINE: Final = re.compile(rf"(?<![^\n])[^\n]{{{LINE_CHARACTERS},}}")


def _shape_flags(text: str) -> Iterator[Flag]:
    for match in _UNBROKEN.finditer(text):
        # Han, kana and Thai have no blanks; addresses may have any length.
        spaced = sum(sign < "\u0e00" for sign in match[0]) > len(match[0]) / 2
        if spaced and "://" not in match[0]:
            yield Flag(Risk.UNBROKEN_TEXT, *match.span(), f"{len(match[0])}")
    for match in _LONG_LINE.finditer(text):
        yield Flag(Risk.UNBROKEN_TEXT, *match.span(), f"{len(match[0])}")
    yield from _stacked_marks(text)


def _stacked_marks(text: str) -> Iterator[Flag]:
    """Yield a flag for the first letter with too many combining marks."""
    if text.isascii():
        return
    start = 0
    for place, sign in enumerate((*text, "")):
        if sign and unicodedata.combining(sign):
            continue
        if place - start >= MARKS:
            yield Flag(Risk.STACKED_MARKS, max(start - 1, 0), place, f"{place - start}")
            return
        start = place + 1


# Normalization.

# Cyrillic and Greek letters by name, and their Latin look-alikes.
_LOOKS_LIKE: Final = {
    ord(unicodedata.lookup(f"{script} {case} LETTER {name}")): letter.upper()
    if case == "CAPITAL"
    else letter
    for script, case, names in (
        ("CYRILLIC", "SMALL", "A=a IE=e BYELORUSSIAN-UKRAINIAN_I=i JE=j KA=k O=o ER=p ES=c U=y HA=x"
         " DZE=s KOMI_DE=d SHHA=h QA=q WE=w IZHITSA=v PALOCHKA=l"),
        ("CYRILLIC", "CAPITAL", "A=a VE=b IE=e DZE=s BYELORUSSIAN-UKRAINIAN_I=i JE=j KA=k EM=m EN=h"
         " O=o ER=p ES=c TE=t U=y HA=x KOMI_SJE=g QA=q"),
        ("GREEK", "SMALL", "ALPHA=a IOTA=i KAPPA=k NU=v OMICRON=o RHO=p TAU=t UPSILON=u CHI=x"),
        ("GREEK", "CAPITAL", "ALPHA=a BETA=b EPSILON=e ZETA=z ETA=h IOTA=i KAPPA=k MU=m NU=n"
         " OMICRON=o RHO=p TAU=t UPSILON=y CHI=x"),
    )
    for name, letter in (pair.replace("_", " ").split("=") for pair in names.split())
}  # fmt: skip


@lru_cache(maxsize=4_096)
def _plain(text: str) -> str:
    """The text with full-width and look-alike letters as Latin ones."""
    return normal_form("NFKC", text).translate(_LOOKS_LIKE)


def _as_read(text: str) -> tuple[str, list[int]]:
    """The text as it looks, with each character's position in the original."""
    read: list[str] = []
    places: list[int] = []
    for place, sign in enumerate(text):
        if sign.isascii():
            shown = sign
        elif _BLANK.match(sign):
            continue
        else:
            shown = _plain(sign)
        read.append(shown)
        places += [place] * len(shown)
    return "".join(read), places
