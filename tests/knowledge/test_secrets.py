"""Secrets are found in people's texts, with hardly any false positive.

Every secret is assembled here, so that no detector takes this file for a leak.
"""

from pathlib import Path

import pytest
from hypothesis import given

from knowledge.secrets import HIDDEN, secrets, without_secrets
from knowledge.text import legible
from knowledge.values.submissions import Submission
from tests.bot import values

ROOT = Path(__file__).parents[2]
MIXED = "aB3dE5gH7jK9mN1pQ2rS4tU6vW8xY0zC5fG7hJ9kL1nP3qR5sT7uV9wX1yZ3bD5eF7"
HEXED = "3f8a1c9e5b7d2064f1a8c3e9b5d70264"
LOWER = "a1b2c9d8e7f6a5b4c3d2e1f0a9b8c7d6"
TOKENS = {
    "discord": "M" + MIXED[:25] + "." + MIXED[3:9] + "." + MIXED[5:43],
    "webhook": "https://discord.com/api/webhooks/123456789012345678/" + MIXED + "-_",
    "github": "ghp_" + MIXED[:36],
    "github of one repository": "github_pat_" + MIXED[:22] + "_" + MIXED[:59],
    "gitlab": "glpat-" + MIXED[:20],
    "aws": "AKIA" + "Q7RT2WX9YB4CD6EF",
    "google": "AIza" + MIXED[:35],
    "hugging face": "hf_" + MIXED[:34],
    "openai of old": "sk-" + MIXED[:20] + "T3Blbk" + "FJ" + MIXED[:20],
    "openai": "sk-" + "proj-" + MIXED[:48],
    "anthropic": "sk-" + "ant-api03-" + MIXED[:60],
    "slack": "xoxb-" + "123456789012-123456789013-" + MIXED[:24],
    "stripe": "sk_live_" + MIXED[:24],
    "telegram": "123456789:" + MIXED[:35],
    "jwt": "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiJtaWEifQ." + MIXED[:43],
    "sendgrid": "SG." + MIXED[:22] + "." + MIXED[:43],
    "pypi": "pypi-" + "AgEIcHlwaS5vcmc" + MIXED + MIXED[:20],
    "npm": "npm_" + MIXED[:36],
    "azure": "AccountKey=" + (MIXED + MIXED)[:86] + "==",
    "twilio": "SK" + HEXED,
    "mailchimp": LOWER + "-us14",
}
KEY = (
    "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,"
    + HEXED
    + "\n\n"
    + "\n".join([MIXED[:64]] * 20)
    + "\n-----END RSA PRIVATE KEY-----"
)
PASSWORD = "hunt3r" + "!two"


@pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS)
def test_a_token_is_hidden_whole_wherever_it_stands(token: str) -> None:
    # Its usable part may hold a name that needn't be hidden.
    secret = token.removeprefix("https://discord.com/api/webhooks/123456789012345678/")
    for text in (f"It is {token}, they say.", f"`{token}`", f"TOKEN={token}\nnext", f"({token})"):
        shown = without_secrets(text)
        assert HIDDEN in shown
        assert secret not in shown
        assert not any(secret[i : i + 8] in shown for i in range(len(secret) - 7))
        assert shown[0] == text[0]
        assert shown[-1] == text[-1]


@pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS)
@pytest.mark.parametrize(
    "disguise",
    [
        "{}\u200b{}",
        "{}\u00ad\ufe0f{}",
        "{}&#8203;{}",
        "{}&ZeroWidthSpace;{}",
        "{}**{}**",
        "**{}**{}",
        "{}*{}*",
        "{}~~{}~~",
        "{}||{}||",
        "{}`{}`",
        "{}[{}](https://a.example/)",
        "{}**\u200b{}**",
    ],
)
def test_a_disguised_token_is_hidden_as_readers_would_see_it(token: str, disguise: str) -> None:
    middle = len(token) - 8
    text = disguise.format(token[:middle], token[middle:])
    for shown in (without_secrets(f"It is {text}, they say."), legible(without_secrets(text))):
        assert HIDDEN in shown
        assert token[middle:] not in shown
        assert token[middle - 8 : middle] not in shown


@pytest.mark.parametrize("sign", "_-./:")
def test_an_escaped_or_encoded_sign_discloses_no_token(sign: str) -> None:
    for token in (token for token in TOKENS.values() if sign in token):
        for written in (f"\\{sign}", f"&#{ord(sign)};", f"&#x{ord(sign):X};"):
            text = f"It is {token.replace(sign, written)}, they say."
            shown = without_secrets(text)
            assert HIDDEN in shown
            assert token[-8:] not in shown
            assert shown.endswith(", they say.")


@pytest.mark.parametrize("written", ["api\\_key: {}", "pass\u200bword: {}", "password&#58; {}"])
def test_a_password_behind_disguised_words_is_hidden(written: str) -> None:
    assert without_secrets(written.format(PASSWORD)) == written.format(HIDDEN)


def test_token_in_a_long_text_is_hidden() -> None:
    for before in range(0, 6_000, 500):
        text = "x " * (before // 2) + TOKENS["github"] + " y" * 2_000
        assert without_secrets(text) == text.replace(TOKENS["github"], HIDDEN), before


@pytest.mark.parametrize(
    "text",
    [
        f"The key:\n{KEY}\nKeep it.",
        "The key:\n" + "\n".join(f"> {line}" for line in KEY.split("\n")) + "\nKeep it.",
        "The key:\n" + KEY.replace("\n", "\\n") + "\nKeep it.",
        "The key:\n" + KEY[: KEY.rindex("\n")] + "\n\nKeep it.",
        "The key:\nPrivate-Lines: 2\n" + "\n".join([MIXED[:64]] * 2) + "\nKeep it.",
    ],
    ids=["whole", "quoted", "in JSON", "without its end", "of PuTTY"],
)
def test_private_key_is_hidden_with_its_lines(text: str) -> None:
    shown = without_secrets(text)
    assert HIDDEN in shown
    assert MIXED[:16] not in shown
    assert shown.startswith("The key:\n")
    assert shown.endswith("Keep it.")


@pytest.mark.parametrize(
    "text",
    [
        "Password: {}",
        "the password is {}.",
        "**Passwort:** ||{}||",
        "Das Passwort ist {}, bitte nicht weitersagen.",
        "pw = '{}'",
        'DB_PASSWORD="{}"',
        '{{"password": "{}"}}',
        "mysql --password={} -u root",
        "Kennwort lautet `{}`",
        "api_key: {}",
        "postgres://mia:{}@db.example.org/notes",
        "client_secret={}",
    ],
)
def test_password_is_hidden_in_its_words(text: str) -> None:
    assert without_secrets(text.format(PASSWORD)) == text.format(HIDDEN)


@pytest.mark.parametrize(
    "text",
    [
        "Password: see the wiki, page 3.",
        "The password is at least 12 characters long.",
        "Das Passwort ist geheim.",
        "password = os.environ['DB_PASSWORD_1']",
        "api_key = settings.api.key2",
        "API_KEY=YOUR_API_KEY_1",
        "token: <your token 1>",
        "password: ${DB_PASSWORD_1}",
        "password=$PASSWORD1",
        "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "AKIA" + "IOSFODNN7EXAMPLE",
        "A file that begins with `-----BEGIN RSA PRIVATE KEY-----` is none to give away.",
        "Tokenizers: max_tokens=4096, token 32000",
        "The commit 3f8a1c9e5b7d2064f1a8c3e9b5d70264abcdef01 has it.",
        "id 550e8400-e29b-41d4-a716-446655440000",
        "https://example.org/a/very/long/path/with/words?and=parameters&more=1",
        "Reset your password: https://example.org/reset?x=1",
        "passwd: ~/.pgpass1",
        "https://user:password@example.org/ and https://user:<token>@example.org/",
        "git push https://MIA:$HF_TOKEN@example.org/notes",
        "const HF_TOKEN = window.huggingface?.variables?.HF_TOKEN2;",
        "subject_token=mia2@example.org",
        "The secret is that it's 2x faster.",
    ],
)
def test_what_only_speaks_of_secrets_is_shown_as_it_is(text: str) -> None:
    assert without_secrets(text) == text


def test_no_article_or_document_has_a_secret() -> None:
    paths = [*(ROOT / "knowledge" / "articles").glob("*.md"), *(ROOT / "docs").glob("*.md")]
    assert paths
    for path in paths:
        assert secrets(path.read_text(encoding="utf-8")) == [], path


@given(values.TEXTS)
def test_nothing_but_the_secrets_changes_and_none_is_found_twice(text: str) -> None:
    position, parts = 0, []
    for secret in secrets(f"{text}{TOKENS['github']}"):
        assert position <= secret.start < secret.end
        parts += [text[position : secret.start], HIDDEN]
        position = secret.end
    assert "".join(parts) == without_secrets(f"{text}{TOKENS['github']}")


def test_a_submission_is_shown_without_secrets_in_any_field() -> None:
    token = TOKENS["github"]
    submission = Submission(f"Use {token}", f"So: {token}", ("key",), f"https://a.org/?t={token}")

    assert token not in str(submission.safe)
    assert submission.safe.tags == ("key",)
    assert token in submission.text
