import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.languages import detection
from knowledge.languages.detection import language_of, language_of_question
from knowledge.languages.vocabularies import tables, values

CHATS = [
    ("make ship go faster", "en"),
    ("vpn config export", "en"),
    ("wie komm ich auf den mc server drauf, bin neu", "de"),
    ("Passwort vergessen, könnt ihr das zurücksetzen", "de"),
    ("comment je change mon mdp", "fr"),
    ("¿cómo puedo cambiar la clave de mi cuenta?", "es"),
    ("como posso mudar a senha da minha conta", "pt"),
    ("come posso cambiare la password del mio account", "it"),
    ("hoe kan ik mijn wachtwoord wijzigen", "nl"),
    ("как мне сменить пароль", "ru"),
    ("як мені змінити пароль", "uk"),
    ("jak mogę zmienić hasło", "pl"),
    ("パスワードを変更するにはどうすればいいですか", "ja"),
    ("如何更改密码？", "zh"),
    ("비밀번호를 어떻게 바꾸나요", "ko"),
    ("كيف أغير كلمة المرور", "ar"),
]


@pytest.mark.parametrize(("text", "language"), CHATS)
def test_language_of_a_chat_message_is_told(text: str, language: str) -> None:
    assert language_of(text) == language


def test_words_of_chats_tell_no_language() -> None:
    assert language_of_question("im Haus im Garten") == "de"


def test_short_question_has_no_certain_language() -> None:
    assert language_of_question("backup wie?") == ""


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("```\njava.io: che il la sono\n```", ""),
        ("~~~\nche il sono\n~~~\nWas ist das und wie geht es?", "de"),
        ("what does `che il la sono` do", "en"),
    ],
)
def test_code_tells_no_language(text: str, language: str) -> None:
    assert language_of_question(text) == language


def test_text_without_grammar_has_the_language_of_its_document() -> None:
    assert language_of("`docker compose`", "de") == "de"
    assert language_of("It is the first of the two.", "de") == "en"


@given(st.text(st.sampled_from("the in_die-wo ist.der?la é"), max_size=60))
def test_plain_ascii_is_counted_like_other_text(text: str) -> None:
    counted = detection._counts_of_grammar(text.lower().replace("é", "e"))
    assert counted == detection._counts_of_grammar(text.lower().replace("é", "e") + " é")


def test_every_language_can_be_told() -> None:
    told = {*values("grammar", "words"), *values("script")}
    assert told == {*tables()} - {"any"}
