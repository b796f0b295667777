"""What begins a question that nobody is asked, and what settles one, in two languages."""

import csv
from dataclasses import replace

import pytest

from benchmarks.replies import PLAIN
from bot.answers.question_checks import QUESTION_CHARACTERS
from bot.ask.question_rules import (
    ANSWERED_WITHIN_SECONDS,
    LaterMessage,
    begins_question,
    is_question,
    is_settled,
    questions_of_post,
    says_settled,
)

BEGIN = """
How do I reset my router password?
hey everyone, does anybody know how to export the map as a picture?
Is there a way to turn off the music in the lobby?
My build fails with "missing header". What do I have to install for it?
I can't get the launcher to start on Windows 11 since yesterday
Where can I find the rules of the tournament
anyone know which port the server listens on?
I updated this morning and now it crashes. Is that a known problem with version 3?
Can you use two monitors with the free version?
Hallo zusammen, wie kann ich mein Passwort zurücksetzen?
Weiß jemand, warum der Server heute so langsam ist?
Kann man die Musik in der Lobby ausschalten?
Bonjour, comment puis-je réinitialiser mon mot de passe ?
Est-ce qu'on peut couper la musique dans le lobby ?
Hola, ¿cómo puedo cambiar la clave de mi cuenta?
¿Alguien sabe en qué puerto escucha el servidor?
Oi pessoal, como posso mudar a senha da minha conta?
Come posso cambiare la password del mio account?
Hoe kan ik mijn wachtwoord wijzigen?
Как мне сменить пароль на сервере?
怎么重置服务器的密码？
パスワードを変更するにはどうすればいいですか？
비밀번호를 어떻게 바꿀 수 있을까요?
"""

BEGIN_NOTHING = """
ok
thanks a lot!
lol why?
really?
how so?
what?
And does that work on Linux as well?
But isn't it slower with the cache on?
Did you try turning it off and on again?
which version are you using?
What do you mean by lobby?
have you looked at the settings page?
Is that the newest one you have?
Is it in the menu?
does it work now?
<@123> can you look at my build please?
> it crashes when I start it
I pushed the fix this morning, it will be in the next release.
good morning, how are you?
the docs say that it listens on port 80 by default
Und geht das auch unter Linux?
Hast du schon neu gestartet?
Ist das die neueste?
Danke dir, das war es
Et ça marche aussi sous Linux ?
Quelle version tu utilises exactement ?
Y eso funciona también en Linux?
Merci beaucoup, ça marche maintenant
我已经修好了，谢谢你。
https://example.org/what?is=this
"""

SETTLED = """
nvm
nvm, found it
Never mind!
solved it, thanks
got it working now
figured it out, it was the cable
that did it, thank you
works now
it works again
fixed it
hat sich erledigt
hab's gefunden
habs hinbekommen, danke
geht jetzt wieder
läuft jetzt, danke dir
gelöst
c'est bon, j'ai trouvé
ya funciona, lo tengo
já consegui, não precisa mais
"""

UNSETTLED = """
thanks in advance
still not working
it works on my other machine, but not on this one
not solved yet
has anybody solved this?
I never got it working
that didn't work
I am on Windows 11 by the way
geht immer noch nicht
danke schon mal
funktioniert leider nicht
ça ne marche toujours pas sur mon ordi
todavía no me funciona
"""


def lines(text: str) -> list[str]:
    return text.strip().splitlines()


@pytest.mark.parametrize("text", lines(BEGIN))
def test_a_question_that_stands_by_itself_begins_one(text: str) -> None:
    assert begins_question(text)


@pytest.mark.parametrize("text", lines(BEGIN_NOTHING))
def test_what_goes_on_with_a_conversation_begins_none(text: str) -> None:
    assert not begins_question(text)


def test_an_overlong_text_begins_no_question() -> None:
    question = "How do I reset my router password? "
    assert not begins_question(question * (QUESTION_CHARACTERS // len(question) + 1))


def test_a_question_mark_in_code_asks_nothing() -> None:
    assert not begins_question("I wrote this, it is fast:\n```\nreturn a ? b : c // why?\n```")


@pytest.mark.parametrize("text", lines(SETTLED))
def test_an_asker_says_that_no_answer_is_needed(text: str) -> None:
    assert says_settled(text)


@pytest.mark.parametrize("text", lines(UNSETTLED))
def test_what_an_asker_adds_does_not_settle_it(text: str) -> None:
    assert not says_settled(text)


def test_a_post_asks_its_title_and_all_its_text() -> None:
    assert questions_of_post("Router", "How do I reset it?") == [
        "Router",
        "Router\nHow do I reset it?",
    ]
    assert questions_of_post("How do I reset my router?", "") == ["How do I reset my router?"]
    assert len(questions_of_post("Router", "a" * 9_000)[1]) == QUESTION_CHARACTERS


ASKER, OTHER = 1, 2
STATEMENT = LaterMessage(OTHER, "Hold the button on its back for ten seconds.", 60)


def test_anothers_statement_settles_a_question() -> None:
    assert is_settled(ASKER, [STATEMENT], in_post=True)
    for said in ("hello", "lol", "Does anybody know when the next meetup is?"):
        assert not is_settled(ASKER, [replace(STATEMENT, text=said)], in_post=True)
        assert is_settled(ASKER, [replace(STATEMENT, text=said, refers=True)], in_post=True)


def test_in_channels_only_prompt_or_referring_texts_settle() -> None:
    late = replace(STATEMENT, seconds=ANSWERED_WITHIN_SECONDS + 1)
    assert is_settled(ASKER, [STATEMENT], in_post=False)
    assert not is_settled(ASKER, [late], in_post=False)
    assert is_settled(ASKER, [late], in_post=True)
    assert is_settled(ASKER, [replace(late, refers=True)], in_post=False)


def test_the_askers_addition_settles_only_explicitly() -> None:
    added = LaterMessage(ASKER, "It is the white one with two antennas.", 5)
    assert not is_settled(ASKER, [added], in_post=True)
    assert is_settled(ASKER, [added, replace(added, text="nvm, found it")], in_post=True)


def test_the_bots_own_words_settle_a_question() -> None:
    assert is_settled(ASKER, [replace(STATEMENT, text="hello", by_bot=True)], in_post=True)


@pytest.mark.parametrize(
    "text",
    [
        "what time does the bar open on mondays?",
        "and on saturdays then?",
        "which version do i have to install?",
        "<@123456789012345678> how do i get there by bus",
        "I have the same problem. Is there a fix for it?",
        "is it open on public holidays",
        "Hi! Does it also open in winter?",
        "can you tell me who has the keys?",
        "wie komme ich da hin",
        "weiß jemand, wie man das abstellt?",
        "Und wie ist es am Montag?",
    ],
)
def test_a_reply_in_a_questions_form_is_one(text: str) -> None:
    assert is_question(text)


@pytest.mark.parametrize(
    "text",
    [
        "The bar opens at two in the afternoon on Sundays, and closes at ten.",
        "have you tried turning it off and on again?",
        "I think it is somewhere in the cellar, next to the old boiler.",
        "At two, right?",
        "Maybe at two, who knows?",
        "What version are you on?",
        "can you post the log?",
        "Isn't it on the website?",
        "It opens at two. Why?",
        "How it works is simple: press the button.",
        "What helps is a restart.",
        "Do the update first",
        "Is open from two till ten.",
        "Kann man im Keller abstellen",
        "Wann warst du da?",
        "same question here",
        "does it at midnight, and is done by one",
        "is the blue door behind the stairs",
        "muss ich heute Abend nachsehen",
        "r u on wifi or on a cable?",
        "Benutzen Sie das Programm daheim?",
        "which operating system and which browser?",
    ],
)
def test_statements_and_questions_to_the_asker_are_none(text: str) -> None:
    assert not is_question(text)


def test_no_judged_answer_is_a_question() -> None:
    with PLAIN.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    assert [
        row["reply"] for row in rows if row["label"] != "talk" and is_question(row["reply"])
    ] == []
