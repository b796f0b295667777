import pytest

from indexer.index.postings import Postings
from indexer.retrieval.spelling import respell
from indexer.text.analyzer import words

SAID = "The difference between settings. Houses pay; stationary mice lead."
# As a model's vocabulary has them; "wipe" is known, "wipes" is not.
COMMON = {"difference", "house", "lead", "load", "mouse", "pipes", "setting", "settings", "wipe"}


@pytest.fixture
def scopes() -> list[Postings]:
    postings = Postings()
    postings.add([(1, words(SAID)), (2, words("pipes"))])
    return [Postings(), postings]


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("whats the diffrence?", "whats the difference?"),
        ("the Setings, and.", "the settings, and."),
        ("setitngs", "settings"),
    ],
)
def test_slip_of_a_known_word_is_mended(typed: str, read: str, scopes: list[Postings]) -> None:
    assert respell(typed, scopes, COMMON.__contains__) == read


@pytest.mark.parametrize(
    "typed",
    [
        "the difference",  # known
        "mouse",  # known to the model, though a slip of "house"
        "wipes",  # a form of what the model knows, though a slip of "pipes"
        "rouses",  # nobody errs in the first letter
        "leadd",  # is it lead, or load?
        "stationaryy",  # the passages have it, the model does not
        "diffrence.py --diffrence @diffrence",  # names
        "huses",  # too short to tell
    ],
)
def test_what_may_be_meant_stays(typed: str, scopes: list[Postings]) -> None:
    assert respell(typed, scopes, COMMON.__contains__) == typed


def test_what_no_scope_has_that_may_be_seen_mends_nothing() -> None:
    assert respell("diffrence", [Postings()], COMMON.__contains__) == "diffrence"


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("my walpaper", "my wallpaper"),  # the model knows it in parts
        ("curseforgee", "curseforgee"),  # too few passages have it
        ("multc", "multc"),  # too short to tell
        ("leadme", "leadme"),  # "leade" is known only by the stem of a common word
    ],
)
def test_a_slip_of_what_many_passages_are_about_is_mended(typed: str, read: str) -> None:
    postings = Postings()
    about = [(number, words("wallpaper multimc leading")) for number in range(5)]
    postings.add([*about, (9, words("curseforge"))])
    assert respell(typed, [postings], COMMON.__contains__) == read
