"""Detection of secrets in texts: tokens, private keys and passwords.

Texts are stored as typed. When a text is shown, quoted or indexed, `HIDDEN` replaces each secret.
Secrets are looked for in the text as typed and as readers see it: without invisible characters,
escapes and markup. So it doesn't matter whether a caller removes these before or afterwards.

Most patterns come from the library detect-secrets; its patterns with many false positives are left
out. This module adds patterns for kinds of secrets that the library lacks, or finds slowly.
"""

import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Final

from knowledge.text import NEVER_SHOWN

# Not a word of any language, because it is indexed, too.
HIDDEN: Final = "[•••••]"

# Some patterns take quadratic time, so text is searched in overlapping pieces.
_PIECE_CHARACTERS: Final = 4_096
_COMMON_CHARACTERS: Final = 1_024

_PLUGINS: Final = """
    aws.AWSKeyDetector azure_storage_key.AzureStorageKeyDetector discord.DiscordBotTokenDetector
    github_token.GitHubTokenDetector gitlab_token.GitLabTokenDetector mailchimp.MailchimpDetector
    pypi_token.PypiTokenDetector sendgrid.SendGridDetector slack.SlackDetector
    square_oauth.SquareOAuthDetector stripe.StripeDetector telegram_token.TelegramBotTokenDetector
    twilio.TwilioKeyDetector
"""
# Kinds without a pattern in that library, or with a slow one.
_OWN: Final = {
    "GitHub Token": r"github_pat_\w{22,}",
    "Hugging Face Token": r"\b(?:hf|api_org)_[A-Za-z0-9]{30,}",
    "Google API Key": r"\bAIza[\w-]{35}",
    "Google OAuth Secret": r"\bGOCSPX-[\w-]{28}",
    "Anthropic API Key": r"\bsk-ant-[\w-]{20,}",
    "OpenAI API Key": r"\bsk-(?:(?:proj|svcacct|admin)-[\w-]{20,}|[\w-]{20,64}T3BlbkFJ\w{20,})",
    # Behind a hyphen, which may be one of a token, only a header of usual length is looked for.
    "JSON Web Token": r"(?:(?<![\w-])eyJ[\w-]+={0,2}|\beyJ[\w=-]{1,200})\.[\w=-]+\.?",
    "NPM Token": r"\bnpm_[A-Za-z0-9]{36}",
    "Basic Auth Credentials": r"://[^\s/:@\"'<>]{1,64}:([^\s/@\"'<>]{3,128})@",
    "Discord Webhook": r"discord(?:app)?\.com/api/(?:v\d+/)?webhooks/\d{15,22}/([\w-]{60,})",
}
# A whole key, or as many lines of base64 as there are.
_PRIVATE_KEY: Final = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:(?:[^-]|-{1,4}(?!-)){1,8000}-----END [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----"
    r"|(?:(?:\\n|[\s>|])*(?:[A-Za-z0-9+/=]{32,}+|(?:Proc-Type|DEK-Info|Version|Hash): \S++))+)"
    r"|Private-Lines: \d+(?:\s+[A-Za-z0-9+/=]{16,})+"
)
_PASSWORD: Final = re.compile(
    r"(?:pass(?:word|wort|wd|phrase)|kennwort|(?<![a-z])(?:pass|pwd?)(?![a-z])|secret(?:[_ -]?key)?"
    r"|(?:api|auth|access|private|account)[_ -]?(?:key|token)|(?<![a-z])token(?![a-z]))"
    # *The password is …*, `password: "…"`, **Passwort:** ||…||, --password=…
    r"[\"'`*_|\]]{0,3}\s{0,3}(?::=|=>|[:=]|\b(?:is|ist|lautet)\b)[*_]{0,2}\s{0,3}[\"'`*_|]{0,3}"
    r"(?P<value>[^\s\"'`<>|]{6,128})",
    re.IGNORECASE,
)
_LETTER: Final = re.compile(r"[^\W\d_]")
_NOT_A_LETTER: Final = re.compile(r"[\d!#$%&*+?@^~]")
# Names and calls in code, paths, addresses, constants, and placeholders.
_NO_PASSWORD: Final = re.compile(
    r"[$%<{\[(@].*|[^(\[{\n]*[(\[{].*|.{0,128}://.*|[./~].*|[A-Z0-9_]+|[a-zA-Z_]\w*(?:\??\.\w+)+|[a-z]+(?:_[a-z0-9]+)+"
    r"|(?:sha|md)\d.*|[\w.+-]+@[\w-]+(?:\.\w+)+"
)
# Typical words of examples.
_EXAMPLE: Final = re.compile(
    r"example|xxxx|abcdefgh|\*\*\*|\.\.\.|\$\{|[<{]"
    r"|^\$|^(?:my|your)?[_-]?(?:pass(?:word|wort|wd)?|secret|token|key)$",
    re.IGNORECASE,
)
_DIFFERENT_CHARACTERS: Final = 5
# Every secret matches this, and hardly any other text.
_LIKELY: Final = re.compile(
    r"[\w/+=.:-]{20}|://|pass|pw|kennwort|secret|key|token|private", re.IGNORECASE
)
_REST_OF_TOKEN: Final = re.compile(rf"[\w/+=-]{{0,{_PIECE_CHARACTERS}}}")

# Invisible characters, also those that `legible` leaves to other scripts.
_INVISIBLE: Final = re.compile(
    rf"[{NEVER_SHOWN}\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200c\u200d\u3164"
    r"\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_ESCAPE: Final = r"\\(?=[!-/:-@\[-`{-~])"
_REFERENCE: Final = r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});"
_ENCODED: Final = re.compile(rf"{_INVISIBLE.pattern}|{_ESCAPE}|{_REFERENCE}")
# Emphasis, code, spoilers, and all of a link but its words. An escaped sign is no markup.
_MARKUP: Final = r"\*{1,3}|__|~~|\|\||`{1,3}|\[(?=[^\[\]\n]{1,200}\]\()|\]\([^()\s]{1,2000}\)"
_MARKED: Final = re.compile(rf"{_ENCODED.pattern}|(?<!\\)(?:{_MARKUP})")
_MARKED_WORD: Final = re.compile(rf"(?<=\w)(?:{_INVISIBLE.pattern}|\*|__|~~|\|\||`|\[|\]\()")
_MARKS: Final = re.compile(r"[*~|`]+")


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret's span in a text, and its kind."""

    kind: str
    start: int
    end: int


def secrets(text: str) -> list[Secret]:
    """The secrets in a text, in reading order, without overlaps."""
    found = [*_found(text, _tokens, _passwords)]
    if _ENCODED.search(text):
        found += _found_behind(_ENCODED, text, _tokens, _passwords)
    if _MARKED_WORD.search(text):
        # No passwords: asterisks may stand for one.
        found += _found_behind(_MARKED, text, _tokens)
    apart: list[Secret] = []
    for secret in sorted(found, key=lambda secret: (secret.start, -secret.end)):
        if apart and secret.start < apart[-1].end:
            first = apart.pop()
            secret = Secret(first.kind, first.start, max(first.end, secret.end))
        apart.append(secret)
    return apart


@lru_cache(maxsize=256)
def without_secrets(text: str) -> str:
    parts, position = [], 0
    for secret in secrets(text):
        parts += [text[position : secret.start], HIDDEN]
        position = secret.end
    return "".join([*parts, text[position:]])


def _found_behind(
    noise: re.Pattern[str], text: str, *finders: Callable[[str], Iterator[Secret]]
) -> Iterator[Secret]:
    """The secrets in the text without `noise`, with their spans in the text itself."""
    view, starts, ends, position = [], list[int](), list[int](), 0
    for match in noise.finditer(text):
        # A reference may name an invisible character.
        said = _INVISIBLE.sub("", html.unescape(match[0])) if match[0].startswith("&") else ""
        view += [text[position : match.start()], said]
        starts += [*range(position, match.start()), *[match.start()] * len(said)]
        ends += [*range(position + 1, match.start() + 1), *[match.end()] * len(said)]
        position = match.end()
    view.append(text[position:])
    starts += range(position, len(text))
    ends += range(position + 1, len(text) + 1)
    for secret in _found("".join(view), *finders):
        start, end = starts[secret.start], ends[secret.end - 1]
        if _MARKS.search(text, start, end):
            # The other half of a mark within the secret.
            rest = _MARKS.match(text, end)
            end = rest.end() if rest else end
        yield Secret(secret.kind, start, end)


def _found(text: str, *finders: Callable[[str], Iterator[Secret]]) -> Iterator[Secret]:
    if not _LIKELY.search(text):
        return
    for match in _PRIVATE_KEY.finditer(text):
        yield Secret("Private Key", *match.span())
    for start in range(0, len(text), _PIECE_CHARACTERS - _COMMON_CHARACTERS):
        piece = text[start : start + _PIECE_CHARACTERS]
        for secret in (secret for finder in finders for secret in finder(piece)):
            # A pattern may match an older, shorter form, and a piece may end within a token.
            rest = _REST_OF_TOKEN.match(text, start + secret.end)
            end = rest.end() if rest else start + secret.end
            yield Secret(secret.kind, start + secret.start, end)


def _tokens(text: str) -> Iterator[Secret]:
    for kind, pattern in patterns():
        for match in pattern.finditer(text):
            start, end = _span(match)
            if not _is_example(text[start:end]):
                yield Secret(kind, start, end)


def _passwords(text: str) -> Iterator[Secret]:
    for match in _PASSWORD.finditer(text):
        value = match["value"].rstrip(".,;:!?)]}*_")
        if (
            len(value) >= 6
            and _LETTER.search(value)
            and _NOT_A_LETTER.search(value)
            and not _NO_PASSWORD.fullmatch(value)
            and not _is_example(value)
        ):
            yield Secret("Password", match.start("value"), match.start("value") + len(value))


def _span(match: re.Match[str]) -> tuple[int, int]:
    """The span of the secret in a match of a pattern.

    If the match begins with other text, such as a name, the secret is the pattern's last group.
    Otherwise the secret is the whole match.
    """
    number = match.lastindex or 0
    return match.span(number) if match.start(number) > match.start() else match.span()


def _is_example(secret: str) -> bool:
    return len(set(secret)) < _DIFFERENT_CHARACTERS or _EXAMPLE.search(secret) is not None


@lru_cache(maxsize=1)
def patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """The patterns of tokens with their kinds; the first call takes a quarter of a second."""
    found = [(kind, re.compile(pattern)) for kind, pattern in _OWN.items()]
    # Imported late, because an unused HTTP client comes with it.
    for name in _PLUGINS.split():
        module, plugin = name.split(".")
        detector = getattr(import_module(f"detect_secrets.plugins.{module}"), plugin)
        found += [(detector.secret_type, pattern) for pattern in detector.denylist]
    return tuple(found)
