"""Each sentence is in each catalogue, and says the same thing there."""

import ast
import itertools
import re
import string
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from babel.messages.catalog import Catalog
from babel.messages.frontend import CommandLineInterface
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

from bot.answers import quotations
from bot.ask import messages as ask_messages
from bot.gaps import handover_messages
from bot.gaps import messages as gaps_messages
from bot.notes import drafts
from bot.notes import messages as notes_messages
from bot.privacy import messages as privacy_messages
from bot.review import cards as review_cards
from bot.review import messages as review_messages
from bot.review.actions import ACTIONS
from bot.review.ui.panel import TITLES as REVIEW_TITLES
from bot.setup import panel_messages
from bot.setup.settings import SETTINGS
from bot.setup.settings import TITLES as SETUP_TITLES
from bot.sources import messages as sources_messages
from bot.statistics import messages as community_messages
from bot.text import error_messages, markdown, paging
from bot.text.languages import Plural, Sentence, format_number, languages_read, of_locale
from bot.text.question_labels import FEEDBACK_REASONS
from knowledge.files.formats.pdf import MAX_PAGES
from knowledge.files.parsed_file import MAX_BYTES
from knowledge.values.guilds import Language
from knowledge.values.notes import PICTURE_BYTES, PICTURES
from knowledge.values.submissions import TEXT_CHARACTERS, InvalidNoteError, checked_submission
from tests.bot.spoken import said_in

BOT = Path(paging.__file__).parents[1]
LOCALE = BOT / "locale"


class Message(NamedTuple):
    """An entry of a catalogue: each of its forms in English, and in the catalogue's language."""

    id: tuple[str, ...]
    context: str
    translated: tuple[str, ...]

    @property
    def pluralizable(self) -> bool:
        """Whether it counts something."""
        return len(self.id) > 1


def catalogue(path: Path, locale: str) -> Catalog:
    with path.open("rb") as source:
        return read_po(source, locale=locale)


def forms(text: Any) -> tuple[str, ...]:
    return tuple(text) if isinstance(text, tuple | list) else (text,)


def messages(found: Catalog) -> Iterator[Message]:
    """The entries of a catalogue, without its header."""
    for one in found:
        if one.id:
            yield Message(forms(one.id), one.context or "", forms(one.string))


TRANSLATIONS: list[Language] = [
    language for language in Language if language is not Language.ENGLISH
]
CATALOGUES: dict[Language, Catalog] = {
    language: catalogue(LOCALE / language / "LC_MESSAGES" / "commonplace.po", language)
    for language in TRANSLATIONS
}
MESSAGES = list(messages(CATALOGUES[Language.GERMAN]))


def known(found: Catalog) -> set[tuple[tuple[str, ...], str]]:
    return {(one.id, one.context) for one in messages(found)}


def test_the_catalogues_have_what_the_code_says(tmp_path: Path) -> None:
    """`make translations` brings them up to it."""
    extracted = tmp_path / "extracted.pot"
    options = ["-F", str(BOT.parent / "pyproject.toml"), "-o", str(extracted)]
    folders = [str(BOT), str(BOT.parent / "knowledge")]
    CommandLineInterface().run(["pybabel", "-q", "extract", *options, *folders])  # type: ignore[no-untyped-call]
    now = known(catalogue(extracted, "en"))
    assert len(now) > 500
    assert known(catalogue(LOCALE / "commonplace.pot", "en")) == now
    assert [language for language in TRANSLATIONS if known(CATALOGUES[language]) != now] == []


def test_every_catalogue_is_a_language() -> None:
    assert {path.parts[-3] for path in LOCALE.glob("*/*/*.po")} == {*TRANSLATIONS}


@pytest.mark.parametrize("language", TRANSLATIONS)
def test_everything_is_translated_and_nothing_is_left_over(language: Language) -> None:
    found = CATALOGUES[language]
    assert [message.id for message in messages(found) if not all(message.translated)] == []
    assert [message.id for message in found if message.id and message.fuzzy] == []
    assert found.obsolete == {}


def test_every_sentence_can_be_extracted() -> None:
    """What is put together while the bot runs would be shown in English to everybody."""
    markers = ("Sentence", "Plural", "speak", "description", "InvalidNoteError")
    sources = {
        path: path.read_text()
        for path in [*BOT.rglob("*.py"), *(BOT.parent / "knowledge").rglob("*.py")]
        if path.name not in ("languages.py", "localisation.py")
    }
    unseen = [
        f"{path}:{node.lineno}"
        for path, source in sources.items()
        if any(f"{marker}(" in source for marker in markers)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in markers
        for one in node.args
        if not isinstance(one, ast.Constant | ast.Starred)
        # Another one's sentence.
        and not ast.unparse(one).endswith((".english", "error.sentence"))
    ]
    assert unseen == []


def fields(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


@pytest.mark.parametrize("language", TRANSLATIONS)
def test_translations_have_the_fields_of_the_english(language: Language) -> None:
    differing = [
        message.id
        for message in messages(CATALOGUES[language])
        if [fields(text) for text in message.id] != [fields(text) for text in message.translated]
    ]
    assert differing == []


@pytest.mark.parametrize("language", TRANSLATIONS)
def test_hardly_a_translation_is_the_english(language: Language) -> None:
    """Names, and words such as "Message", are the same in several languages."""
    same = [
        message.id[0]
        for message in messages(CATALOGUES[language])
        if message.id == message.translated
    ]
    assert [english for english in same if len(re.sub(r"{.*?}", "", english).split()) > 3] == []
    assert len(same) < 25


def sentences(value: object) -> Iterator[Sentence]:
    if isinstance(value, Sentence):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from sentences(one)
    elif isinstance(value, tuple):
        for one in value:
            yield from sentences(one)


def labels(*named: object) -> list[str]:
    """Everything that is called so, in every language."""
    found = [sentence for value in named for sentence in sentences(value)]
    return [said for sentence in found for said in sentence.in_every_language()]


def test_labels_are_not_longer_than_discord_takes_them() -> None:
    """What is on buttons, in lists to choose from, on forms and below their fields."""
    on_buttons = labels(
        {action: declared.label for action, declared in ACTIONS.items()},
        handover_messages.ASK_MODERATORS_LABELS,
        handover_messages.LABELS,
        handover_messages.NAME_CHOICES,
        handover_messages.ANSWER_LABEL,
        handover_messages.NAME_LABEL,
        panel_messages.ACTIONS,
        panel_messages.BACK,
        panel_messages.INVITE,
        panel_messages.RESET,
        review_messages.LOG_LABELS,
        review_messages.QUEUE_LABELS,
        gaps_messages.DISMISS_LABEL,
        paging.PAGE_LABELS,
        privacy_messages.PRIVACY_LABELS,
        notes_messages.DRAFT_LABELS,
        notes_messages.HISTORY_LABELS,
        notes_messages.LIST_LABELS,
        notes_messages.REVISE_LABELS,
        notes_messages.WITHDRAW_LABELS,
        ask_messages.ANSWER_LABELS,
        notes_messages.REPORT_LABEL,
        notes_messages.WRITE_LABEL,
    )
    # In `/gaps` a number stands before it.
    assert max(map(markdown.size, on_buttons)) <= 80 - len("99 · ")
    in_lists = labels(
        review_cards.PROBLEM_LABELS,
        review_messages.EVENTS,
        community_messages.PERIOD_LABELS,
        FEEDBACK_REASONS,
        notes_messages.FILTER_LABELS,
        ask_messages.MENU_LABELS,
        # A finished page has a tick.
        SETUP_TITLES,
        REVIEW_TITLES,
        {setting.key: setting.label for setting in SETTINGS.values()},
        sources_messages.AMOUNTS,
    )
    in_lists += [
        said_in(language, setting.say, content)
        for setting in SETTINGS.values()
        for content in setting.choices.values()
        if content is not None
        for language in Language
    ]
    assert max(map(markdown.size, in_lists)) <= 100
    on_forms = labels(
        review_messages.DUPLICATE_OF,
        review_messages.EDIT_TITLE,
        review_messages.REASON,
        {action: declared.form for action, declared in ACTIONS.items()},
        review_messages.TEXT,
        review_messages.TEXT_AS_FILE,
        review_cards.TAGS,
        review_cards.TITLE,
        ask_messages.WHAT_WAS_WRONG,
        drafts.LINK,
        drafts.NEW_TITLE,
        drafts.OR_FILE,
        drafts.PICTURES_FIELD,
        drafts.TEXT_AS_FILE_OR_PICTURES,
        notes_messages.PROBLEM,
        notes_messages.REPORT_TITLE,
        drafts.REVISION_TITLE,
        notes_messages.WHICH_NOTE,
        panel_messages.ACTIONS["everyone"],
        panel_messages.COLOUR_FIELD,
        panel_messages.HOSTS_FIELD,
        panel_messages.LIMIT_FIELDS,
        panel_messages.NEWCOMER_FIELDS,
        panel_messages.WELCOME_FIELD,
        review_messages.FIND_FIELD,
        review_messages.ONLY_DAYS,
        review_messages.ONLY_EVENT,
        review_messages.ONLY_MEMBER,
        review_messages.RULE_TITLE,
        sources_messages.ADD_ADDRESS,
        sources_messages.ADDRESS_FIELD,
        sources_messages.AMOUNT_FIELD,
    )
    assert max(map(markdown.size, on_forms)) <= 45
    below_fields = labels(
        review_messages.DUPLICATE_HELP,
        review_messages.FILE_HELP,
        review_messages.OPTIONAL_REASON_HELP,
        review_messages.REASON_HELP,
        review_messages.TAGS_HELP,
        drafts.FILE_HELP,
        drafts.PICTURES_HELP,
        drafts.PICTURES_STAY_HELP,
        drafts.LINK_HELP,
        notes_messages.REPORT_REASON_HELP,
        drafts.TEXT_HELP,
        drafts.TEXT_OR_FILE_HELP,
        drafts.TITLE_HELP,
        drafts.TITLE_OF_FILE_HELP,
        panel_messages.COLOUR_HELP,
        panel_messages.HOSTS_HELP,
        panel_messages.NEWCOMER_HELP,
        panel_messages.NUMBER_HELP,
        panel_messages.WELCOME_HELP,
        review_messages.AGAIN_HELP,
        review_messages.APPROVALS_HELP,
        review_messages.FIND_HELP,
        review_messages.ONLY_DAYS_HELP,
        sources_messages.ADDRESS_HELP,
        sources_messages.AMOUNT_HELP,
    )
    below_fields += [said_in(language, drafts.from_channel, "c" * 100) for language in Language]
    many = [f"tag-{number}" for number in range(50)]
    below_fields += [said_in(language, drafts.tags_help, many, "") for language in Language]
    below_fields += [said_in(language, drafts.tags_help, [], "") for language in Language]
    below_fields += [said_in(language, drafts.KEPT_HELP, number=30_000) for language in Language]
    assert max(map(markdown.size, below_fields)) <= 100


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        ("de", Language.GERMAN),
        ("en-US", Language.ENGLISH),
        ("en-GB", Language.ENGLISH),
        ("es-419", Language.SPANISH),
        ("es-ES", Language.SPANISH),
        ("fr", Language.FRENCH),
        ("pt-BR", Language.PORTUGUESE),
        ("ja", None),
    ],
)
def test_clients_languages_need_a_catalogue(locale: str, language: Language | None) -> None:
    assert of_locale(locale) == language


@pytest.mark.parametrize(
    ("codes", "english", "german"),
    [
        (["en"], "English", "Englisch"),
        (["de", "en"], "English and German", "Englisch und Deutsch"),
        (["ja", "en", "fr"], "English, French and Japanese", "Englisch, Französisch und Japanisch"),
        ([], "", ""),
    ],
)
def test_languages_of_a_model_are_named(codes: list[str], english: str, german: str) -> None:
    assert said_in(Language.ENGLISH, languages_read, codes) == english
    assert said_in(Language.GERMAN, languages_read, codes) == german


def test_languages_are_counted_and_named() -> None:
    said = languages_read([*"abcdefghi", "en", "ja", "fr"])
    assert said.startswith("12 languages, such as English, French, Japanese, ")


def test_numbers_follow_the_language() -> None:
    groups = Plural("{number:,} group", "{number:,} groups")
    for language, number in itertools.product(Language, (0, 999, 1_234, 12_345, 1_234_567)):
        assert said_in(language, format_number, number) == format_decimal(number, locale=language)
    size = Sentence("{file} has {megabytes:,.1f} MB; the limit for a picture is {most:,.0f} MB.")
    assert "2,5 MB" in said_in(Language.GERMAN, size, file="a.png", megabytes=2.5, most=2)
    assert said_in(Language.GERMAN, groups, 1) == "1 Gruppe"
    assert said_in(Language.GERMAN, groups, 1_234) == "1.234 Gruppen"
    assert said_in(Language.ENGLISH, groups, 0) == "0 groups"


def test_contexts_tell_equal_english_apart() -> None:
    assert said_in(Language.GERMAN, Sentence("rejected")) == "abgelehnt"
    assert said_in(Language.GERMAN, Sentence("rejected", "event")) == "hat abgelehnt"
    assert said_in(Language.ENGLISH, Sentence("rejected", "event")) == "rejected"


def test_reasons_against_notes_are_translated() -> None:
    with pytest.raises(InvalidNoteError) as found:
        checked_submission("t", "x" * 30_001)
    english, german = (
        said_in(language, error_messages.invalid, found.value)
        for language in (Language.ENGLISH, Language.GERMAN)
    )
    assert english == str(found.value)
    assert english.startswith("The text has 30,001 characters; the limit is 30,000.")
    assert german.startswith("Der Text hat 30.001 Zeichen; höchstens 30.000 gehen.")


def test_limits_of_files_are_as_checked() -> None:
    limits = f"{MAX_BYTES // 10**6} MB, {MAX_PAGES:,} pages, {TEXT_CHARACTERS:,} characters"
    said = [one for message in MESSAGES for one in message.id if " MB, " in one]
    assert len(said) == 1
    assert [one for one in said if limits not in one] == []


def test_limits_of_pictures_are_as_checked() -> None:
    limits = f"p to {PICTURES} pictures, {PICTURE_BYTES // 10**6} MB each"
    said = [one for message in MESSAGES for one in message.id if ".png" in one]
    assert len(said) == 2
    assert [one for one in said if limits not in one] == []
    assert limits in drafts.KEPT_HELP.english


@pytest.mark.parametrize("language", Language)
def test_values_are_shown_as_they_are(language: Language) -> None:
    """Braces in what somebody wrote are no fields."""
    filler = "{title} {0} {}"
    for message in MESSAGES:
        parsed = [one for text in message.id for one in string.Formatter().parse(text)]
        words = {name for _, name, form, _ in parsed if name and not form}
        values: dict[str, Any] = dict.fromkeys(words, filler)
        if message.pluralizable:
            said = said_in(language, Plural(*message.id), 2, **values)
        else:
            values |= {name: 3 for _, name, form, _ in parsed if name and form and name != "day"}
            sentence = Sentence(message.id[0], message.context)
            said = said_in(language, sentence, day=date(2026, 3, 4), **values)
        assert said.count(filler) == len(words)
        assert len(said) <= markdown.MESSAGE_CHARACTERS


def test_a_day_is_written_as_the_language_does() -> None:
    day = date(2026, 3, 4)
    assert "04 Mar 2026" in said_in(Language.ENGLISH, quotations._VERIFIED, day=day)
    assert "04.03.2026" in said_in(Language.GERMAN, quotations._VERIFIED, day=day)
