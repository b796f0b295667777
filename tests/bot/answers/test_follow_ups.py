"""Which questions can't stand alone: written pairs, and sentences of both languages."""

import json
from pathlib import Path

import pytest

from bot.answers.follow_ups import in_full, stands_alone

_JUDGED = Path(__file__).parents[2] / "judged"


@pytest.mark.parametrize(
    "text",
    [
        "and how do i turn it off again",
        "what about windows",
        "and for players?",
        "how much is that",
        "thanks, and on linux?",
        "on my phone?",
        "same for the server",
        "even if i lost the key",
        "is that safe",
        "does it cost anything",
        "How do I make the old command work with that?",
        "Any examples?",
        "linux?",
        "raspberry pi?",
        "which one is faster",
        "is that also true for the pi 5",
        "gilt das auch für den pi 5",
        "welcher davon ist schneller",
        "Why not?",
        "and why?",
        "and the price",
        "Und unter Windows und Linux?",
        "und wie schalte ich es wieder aus",
        "was ist mit Spielern",
        "Braucht man dafür Grafikkarten?",
        "Wann wurde sie zuerst veröffentlicht?",
        "et pour les joueurs ?",
        "et sans internet ça marche pas ?",
        "y para los jugadores?",
        "¿y qué pasa con eso?",
        "e para os jogadores?",
    ],
)
def test_incomplete_sentences_do_not_stand_alone(text: str) -> None:
    assert not stands_alone(text)


@pytest.mark.parametrize(
    "text",
    [
        "Who is the mayor of Berlin?",
        "and how do i change my email address",
        "no sound since i installed the driver, how do i start it",
        "my bot freezes while its waiting for the database",
        "Zanzibar",
        "dark mode",
        "is it ok to share my account with a friend",
        "find all logins that use my gmail address",
        "Gibt es einen Server für Anfänger?",
        "Können Sie mir sagen, wo der Keller ist?",
        "und wie kündige ich meine Mitgliedschaft",
        "comment puis-je changer mon mot de passe sur le site",
        "¿cómo puedo cambiar la clave de mi cuenta?",
        "como posso mudar a senha da minha conta",
    ],
)
def test_a_whole_question_stands_alone(text: str) -> None:
    assert stands_alone(text)


@pytest.mark.parametrize(
    ("earlier", "text", "full"),
    [
        ("how do i install it on windows", "linux?", "how do i install it on linux"),
        ("how do i install it on windows?", "and with docker", "how do i install it with docker"),
        ("tips for the rifle", "what about the pistol", "tips for the pistol"),
        ("how do i enable ufw", "nftables?", "how do i enable nftables"),
        ("does it run on the pi 4", "is that also true for the pi 5", "does it run for the pi 5"),
        ("how do i install it on mac\nlinux?", "bsd?", "how do i install it on bsd"),
        ("wie geht das unter Windows", "und unter Linux?", "wie geht das unter Linux"),
        ("how do i start the press", "and stop it?", "and stop it?"),
        ("how do i start the press", "how do i stop the motor", "how do i stop the motor"),
        ("", "linux?", "linux?"),
    ],
)
def test_a_detail_replaces_the_detail_before(earlier: str, text: str, full: str) -> None:
    assert in_full(text, earlier) == full


def test_first_questions_are_hardly_ever_follow_ups() -> None:
    asked = [
        json.loads(line).get("text", "")
        for name in ("game", "handbook", "help-centre", "library", "notes", "school")
        for kind in ("queries", "unanswerable")
        for line in (_JUDGED / "communities" / name / f"{kind}.jsonl").read_text().splitlines()
    ]

    taken = [text for text in asked if not stands_alone(text)]

    # Each says "it", "this" or "them", and nothing of what that is.
    assert len(asked) == 222
    assert len(taken) <= 5


def test_judged_follow_ups_are_recognised() -> None:
    pairs = [
        json.loads(line)
        for path in sorted(_JUDGED.glob("communities/*/follow-ups/queries.jsonl"))
        for line in path.read_text().splitlines()
    ]

    wrong = [one["text"] for one in pairs if stands_alone(one["text"]) != one.get("alone", False)]

    assert len(pairs) == 60
    assert len(wrong) <= 2
