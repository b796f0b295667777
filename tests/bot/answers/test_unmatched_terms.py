"""Which words of a question are said to be nowhere: names and rare nouns, and nothing else."""

import pytest

from bot.answers.unmatched_terms import unmatched_terms
from indexer.text.analyzer import query_words

# As the default model's vocabulary has them, which is of the most frequent words.
COMMON_TEXT = """back blur boot crap file hog house laptop lol make print push safe screen stick
    straight up volume"""
COMMON = frozenset(COMMON_TEXT.split())


def found(question: str, *quoted: str, known: tuple[str, ...] = ()) -> tuple[str, ...]:
    forms = frozenset(form for word in query_words(question) for form in word.forms)
    return unmatched_terms(
        question, forms - {*known}, quoted or ("A passage of words.",), COMMON.__contains__
    )


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("docker volumes on my laptop", ("docker",)),
        ("can it push straight to s3", ("s3",)),
        ("print from Netflix", ("Netflix",)),
        ("where is the Zugspitze", ("Zugspitze",)),
        ("how do i install Zorg-Blint", ("Zorg-Blint",)),
        ("earbuds or trackpad or flatpak", ("earbuds", "trackpad")),
        ("does borgbase make backups", ("borgbase",)),
    ],
)
def test_names_and_rare_nouns_are_named_as_they_were_typed_at_most_two(
    question: str, named: tuple[str, ...]
) -> None:
    assert found(question, known=("backup",)) == named


@pytest.mark.parametrize(
    "question",
    [
        "lol make it stop vs boot",
        "ngl it uses alot of boot rly",
        "it hogs my laptop",
        "boots and laptops in the house",
        "my crappy laptop is sluggish",
        "safe to nuke",
        "the screen is soooo blurry",
        "200 files of 500gb in 24h on the 2nd",
        "a screen is rescanned automatically",
        "Can I Make My Screen Boot",
        "is this 47 or 48",
        "YES or lol",
    ],
)
def test_verbs_adjectives_quantities_noise_and_common_words_are_not(question: str) -> None:
    assert found(question) == ()


@pytest.mark.parametrize(
    ("question", "quoted"),
    [
        ("a cronjob", "It runs as a cron job."),
        ("which distro", "Any distribution will do."),
        ("the postgres dump", "PostgreSQL is dumped first."),
        ("my wi-fi", "Turn on wifi."),
        ("using gluster", "A GlusterFS mount."),
    ],
)
def test_what_the_quoted_passage_says_otherwise_is_not(question: str, quoted: str) -> None:
    assert found(question, quoted, known=("dump", "using", "use")) == ()


def test_what_a_passage_that_may_be_quoted_has_is_not() -> None:
    assert found("docker volumes", known=("docker",)) == ()


def test_of_a_question_in_german_the_capitals_tell_which_words_are_nouns() -> None:
    german = "Der Verein ist in Bonn und hat eine Uhr."
    assert found("Wie viele Stunden hat der kleine Verein?", german, known=("verein",)) == (
        "Stunden",
    )


def test_the_words_of_another_language_than_the_passages_are_not() -> None:
    assert found("Wie viele Stunden hat der Verein?", "The club has a clock and a house.") == ()
