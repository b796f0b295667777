"""Detection of answers worth a note, in English and German."""

import os
from pathlib import Path

import pytest

from benchmarks.replies import exchanges, figures, plain_figures
from bot.notes.answer_detection import Judgement, judge, title_of_question

ASKED = "How do I move the world of my survival server to another machine?"

ANSWERS = """
Stop the server, copy the folder `world` to the other machine, and start the server there again.
Use rsync: `rsync -a world/ other:/srv/world/`, then start the server on the new machine.
Yes, copy the world folder while the server is stopped; both machines need one version.
Copy the world, the plugins and server.properties, then open the port on the new machine.
Stopp den Server, kopier den Ordner `world` auf den anderen Rechner und starte dort den Server.
Du musst den Ordner world kopieren und den Server auf dem neuen Rechner starten.
"""

TALK = """
thanks!
Thank you, that worked for the server and the world on the new machine.
Which version of the server runs on the other machine, and what is in the world folder?
do you have access to the world folder of the server on the other machine
Did you try turning it off and on again, server and machine both?
Just restart the server on the new machine and the world should load.
I think you copy the world folder to the other machine, but I'm not sure about the server.
no idea, I never moved a survival server to another machine myself
lol just buy a new machine and a new world for your survival server
ill check how the world of the survival server is moved and come back to you
let me check how the world of the survival server is moved, one sec
Please ask in #server-help how to move a world to another machine.
google it, moving a world to another machine is the first hit for survival servers
I moved my own survival world to another machine last week and it took all night.
The world is done, I've moved it for you to the other machine and the server runs.
no
see above
DM me and I'll move the world of your server to the other machine.
Danke dir, die Welt läuft auf dem neuen Server!
Welche Version hat der Server denn auf dem anderen Rechner, und welche Plugins?
Hast du den Server auf dem anderen Rechner schon mal neu gestartet, mit der Welt?
Ich glaube, man kopiert den Ordner world auf den anderen Rechner, bin aber nicht sicher.
keine Ahnung, hab noch nie eine Welt von einem Server auf einen anderen kopiert
Frag mal im Forum, wie man die Welt auf einen anderen Rechner und Server bekommt.
Schick mir mal bitte die Logs vom Server und den Inhalt vom Ordner world.
haha, kauf dir halt einen neuen Rechner und mach eine neue Welt auf dem Server
"""

NO_TITLES = """
can anyone help me?
how do I fix this?
any ideas?
what do you recommend?
Should I run the second command now?
why is it so slow?
I updated yesterday.
Kann mir jemand helfen?
"""


def lines(text: str) -> list[str]:
    return text.strip().split("\n")


@pytest.mark.parametrize("reply", lines(ANSWERS))
def test_an_instruction_is_an_answer(reply: str) -> None:
    assert judge(ASKED, ASKED, reply) is Judgement.ANSWER


@pytest.mark.parametrize("reply", lines(TALK))
def test_talk_is_no_answer(reply: str) -> None:
    assert judge(ASKED, ASKED, reply) is not Judgement.ANSWER


@pytest.mark.parametrize("question", lines(NO_TITLES))
def test_a_question_without_a_topic_is_no_title(question: str) -> None:
    assert title_of_question(question) == ""


def test_the_title_is_the_asking_sentence() -> None:
    text = "hey all! My server is slow since Friday. How do I give the server more memory? thanks"
    assert title_of_question(text) == "How do I give the server more memory?"


def test_a_posts_title_needs_no_question_words() -> None:
    assert title_of_question("Ferry to Zanzibar on Sundays") == ""
    assert title_of_question("Ferry to Zanzibar on Sundays", is_known=True) != ""


def test_yes_answers_only_a_yes_or_no_question() -> None:
    reply = "yeah, once a year"
    asked = "Can members of the club borrow the big tent?"
    assert judge(asked, asked, reply) is Judgement.POSSIBLE
    asked = "Where is the big tent of the club?"
    assert judge(asked, asked, reply) is Judgement.TALK


@pytest.mark.parametrize("half", ["working", "held out"])
def test_plain_facts_are_proposed_or_offered(half: str) -> None:
    """Opening hours, prices, places, names: `tests/judged/plain_replies.tsv`."""
    found = plain_figures(half)
    assert found["answers proposed"] >= 0.5
    assert found["answers proposed or offered"] >= 0.9
    assert found["talk proposed"] <= 0.02
    assert found["talk proposed or offered"] <= 0.15


def test_most_judged_proposals_are_answers() -> None:
    """Of the working half, whose words are in an archive of public chats."""
    logs = os.environ.get("JUDGED_CHAT_LOGS")
    if logs is None:
        pytest.skip("JUDGED_CHAT_LOGS names no folder (benchmarks/replies.py)")
    found = figures([one for one in exchanges(Path(logs)) if one.half == "working"])
    assert found["proposed"] >= 140
    assert found["answers among them"] >= 0.83
    assert found["rubbish among them"] <= 0.105
