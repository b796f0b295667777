"""The strict check: what follows a sentence passes, what says something else doesn't."""

import functools
import json
import random
import re
from collections import Counter
from pathlib import Path

import pytest

from bot.phrasing.strict_check import Mismatch, mismatch
from indexer.text.passages import without_link_targets
from indexer.text.sentences import sentences

ROOT = Path(__file__).parents[3]
CLUB = "The club was founded by Ann Lee in 1998 and moved to Leeds in 2004."
VAN = "You can rent the van for 25 euros a day if you are a member for at least six months."


@pytest.mark.parametrize(
    ("sentence", "source"),
    [
        ("In 2023 EleutherAI became a non-profit.", "EleutherAI became a non-profit in 2023."),
        ("The call is at 6 pm in room 4.", "The call is at 18:00 in room 4, and drinks are free."),
        ("The club was founded by Ann Lee in 1998.", CLUB),
        ("The club moved to Leeds in 2004.", CLUB),
        ("The key is behind the bar.", "The key is behind the bar; ask Tom if it is missing."),
        ("Tickets cost 12 euros.", "Tickets cost 12 euros, 8 euros for students."),
        ("The call takes two hours.", "The call takes 120 minutes."),
        ("Der Verein hat 120 Mitglieder.", "Der Verein hat 120 Mitglieder und tagt mittwochs."),
        ("Between May 2024 and June 2024, the mill was closed.",
         "The mill was closed between May 2024 and June 2024."),
        ("Paris is big, and Rome is old.", "Rome is old, and Paris is big."),
    ],
)  # fmt: skip
def test_sentence_that_says_the_same_passes(sentence: str, source: str) -> None:
    assert mismatch(sentence, [source]) is None


@pytest.mark.parametrize(
    ("sentence", "source", "found"),
    [
        ("Cats.", "Cats sleep.", Mismatch.SHORT),
        ("Cats sleep and eat.", "Cats sleep.", Mismatch.WORDS),
        ("Cats like Tom.", "Cats like Bob.", Mismatch.NAMES),
        ("The van costs 20 euros.", "The van costs 25 euros.", Mismatch.NUMBERS),
        ("It has 46 rooms.", "It has 46 halls and rooms.", Mismatch.NUMBERS),
        ("It lasts 2 days.", "It lasts 2 hours and days.", Mismatch.NUMBERS),
        ("You can not rent the van.", "You can rent the van.", Mismatch.DENIAL),
        ("You can rent the van.", "You can not rent the van.", Mismatch.DENIAL),
        ("Dogs may not enter, cats may.", "Cats may not enter, dogs may.", Mismatch.ORDER),
        ("Dogs are not free, cats are nice.", "Dogs are free, cats are not nice.", Mismatch.DENIAL),
        ("You can rent the van for 25 euros a day.", VAN, Mismatch.LIMITS),
        ("All members pay the fee.", "Most members pay the fee.", Mismatch.LIMITS),
        ("Members pay the fee.", "Only members pay the fee.", Mismatch.LIMITS),
        ("All members pay, only guests enter.", "Only members pay, all guests enter.",
         Mismatch.LIMITS),
        ("If we stay inside, it rains.", "If it rains, we stay inside.", Mismatch.LIMITS),
        ("It costs 600 dollars.", "It costs about 600 dollars.", Mismatch.LIMITS),
        ("Stefan saw the owl.", "Stefan said he may have seen the owl.", Mismatch.WORDS),
        ("The club moved to Leeds in 1998.", CLUB, Mismatch.ORDER),
        ("Ann Lee moved to Leeds in 2004.", CLUB, Mismatch.ORDER),
        ("The hall is open on Monday.", "The hall is open on Friday, the bar on Monday.",
         Mismatch.ORDER),
        ("Tickets for students cost 12 euros.", "Tickets cost 12 euros, 8 euros for students.",
         Mismatch.ORDER),
        ("Torch came out before TensorFlow.", "TensorFlow came out before Torch.", Mismatch.LIMITS),
        ("Plug the cable in before you restart.", "Restart before you plug the cable in.",
         Mismatch.LIMITS),
        ("It rained, so the roof leaks.", "The roof leaks, so it rained.", Mismatch.LIMITS),
        ("Ann bought the mill, and Bob bought the barn, which burnt down.",
         "Ann bought the mill, which burnt down, and Bob bought the barn.", Mismatch.ORDER),
        ("It went to Rome, and in Paris, Oslo.", "It went to Paris, and in Rome, Oslo.",
         Mismatch.ORDER),
        ("Symbolics sued MIT.", "MIT sued Symbolics.", Mismatch.ORDER),
        ("The files are kept for a year.", "The files are kept for a week; logs stay for a year.",
         Mismatch.ORDER),
    ],
)  # fmt: skip
def test_a_sentence_with_another_meaning_fails(sentence: str, source: str, found: Mismatch) -> None:
    assert mismatch(sentence, [source]) is found


@pytest.mark.parametrize(
    ("sentence", "source"),
    [
        ("Turn the router on before you open the case.",
         "Turn the router off before you open the case."),
        ("Turn the router off before you open the case.",
         "Turn the router on before you open the case."),
        ("Send the parcel to Berlin from Lisbon.", "Send the parcel from Berlin to Lisbon."),
        ("The train goes from Leeds to York.", "The train goes to Leeds from York."),
        ("The bank is for the fee.", "The bank is against the fee."),
        ("The council voted against the bridge.", "The council voted for the bridge."),
        ("The money is paid in at the counter.", "The money is paid out at the counter."),
        ("The deposit was paid in.", "The deposit was paid out."),
        ("Log in to the server.", "Log out of the server."),
        ("Check in at noon.", "Check out at noon."),
        ("Turn the volume up.", "Turn the volume down."),
        ("Scale the cluster down at night.", "Scale the cluster up at night."),
        ("The tour comes with lunch.", "The tour comes without lunch."),
        ("The tour comes without lunch.", "The tour comes with lunch."),
        ("You must bring a helmet.", "You should bring a helmet."),
        ("You should bring a helmet.", "You must bring a helmet."),
        ("All members may enter the hall.", "Any members may enter the hall."),
        ("Any member may enter the hall.", "All members may enter the hall."),
        ("The hall is open on Sunday.", "Is the hall open on Sunday?"),
        ("Is the hall open on Sunday?", "The hall is open on Sunday."),
        ("The hall is open on Sunday?", "The hall is open on Sunday."),
        ("Schalten Sie den Router an, bevor Sie das Gehäuse öffnen.",
         "Schalten Sie den Router aus, bevor Sie das Gehäuse öffnen."),
        ("Der Zug fährt von Leipzig nach Dresden.", "Der Zug fährt nach Leipzig von Dresden."),
        ("Der Rat stimmte für die Brücke.", "Der Rat stimmte gegen die Brücke."),
        ("Die Führung ist mit Mittagessen.", "Die Führung ist ohne Mittagessen."),
        ("Du musst einen Helm tragen.", "Du sollst einen Helm tragen."),
        ("Switch the heating off when the window is open.",
         "Switch the heating on when the window is open."),
        ("Take the sign down.", "Take the sign up."),
        ("Opt in to the newsletter by mail.", "Opt out of the newsletter by mail."),
        ("Move the file to the archive from the desktop.",
         "Move the file from the archive to the desktop."),
        ("The key is in the box on the shelf.", "The key is on the box in the shelf."),
        ("Members work for the landlord.", "Members work with the landlord."),
        ("Leave the lamp on.", "Leave the lamp."),
        ("Leave the lamp off, and lock the door.", "Leave the lamp on, and lock the door."),
        ("Die Miete wird eingezahlt.", "Die Miete wird ausgezahlt."),
        ("Zahlen Sie die Kaution ein, wenn Sie einziehen.",
         "Zahlen Sie die Kaution aus, wenn Sie einziehen."),
        ("Zahlen Sie die Kaution aus, wenn Sie einziehen.",
         "Zahlen Sie die Kaution ein, wenn Sie einziehen."),
        ("The vote was on Monday against the plan.", "The vote was on Monday for the plan."),
    ],
)  # fmt: skip
def test_small_word_that_reverses_the_meaning_fails(sentence: str, source: str) -> None:
    assert mismatch(sentence, [source]) is not None
    assert mismatch(source, [source]) is None


@pytest.mark.parametrize(
    ("sentence", "source"),
    [
        ("Send a parcel from Lisbon to Berlin.", "Send the parcel from Lisbon to Berlin."),
        ("Turn the router off.", "Turn the router off, and wait for a minute."),
        ("On Monday the hall is open to guests.", "The hall is open to guests on Monday."),
        ("MIT paid the fee in cash.", "MIT paid the fee in cash, and Yale paid it by card."),
    ],
)
def test_small_word_in_its_place_passes(sentence: str, source: str) -> None:
    assert mismatch(sentence, [source]) is None


def test_halves_may_follow_from_two_sentences() -> None:
    sources = ["The ferry takes dogs.", "The bus costs 20 euros."]
    assert mismatch("The ferry takes dogs and the bus costs 20 euros.", sources) is None
    assert mismatch("The ferry takes dogs and costs 20 euros.", sources) is not None
    assert mismatch("The ferry costs 20 euros.", sources) is not None


def test_subject_may_be_in_the_sentence_before() -> None:
    source = "The hall was built in 1905. It seats 300 people."
    assert mismatch("The hall seats 300 people.", ["It seats 300 people."]) is Mismatch.WORDS
    assert mismatch("The hall seats 300 people.", [source]) is None
    assert mismatch("The hall was built in 1905.", [source]) is None


# Figures on sets; `benchmarks/phrasing.py` prints more of them.


@functools.cache
def _article_sentences() -> list[str]:
    """Every third sentence of the articles."""
    found = []
    for path in sorted((ROOT / "knowledge" / "articles").glob("*.md")):
        text = path.read_text(encoding="utf-8").split("---", 2)[2]
        for start, end in sentences(text):
            sentence = without_link_targets(text[start:end])
            if sentence[0].isupper() and len(sentence.split()) > 5 and "\n" not in sentence:
                found.append(sentence)
    return found[::3]


def _altered(sentence: str, pattern: str, other: str, chance: random.Random) -> str | None:
    """A sentence with one match of a pattern replaced."""
    places = list(re.finditer(pattern, sentence))
    if not places:
        return None
    place = chance.choice(places)
    return sentence[: place.start()] + place.expand(other) + sentence[place.end() :]


@pytest.mark.parametrize(
    ("pattern", "other", "most"),
    [
        (r"\Z", "", 1.0),
        (r"\d(?=\d*\b)", "97", 0.02),
        (r"(?<=[a-z,] )[A-Z]\w+", "Zebulon", 0.0),
        (r"\b(?:is|are|was|were|can|may|must|will|has|had|did)\b(?! not)", r"\g<0> not", 0.02),
    ],
    ids=["verbatim", "a number changed", "a name changed", "not put in"],
)
def test_changed_sentences_of_articles_fail(pattern: str, other: str, most: float) -> None:
    chance = random.Random(1)  # noqa: S311 - the same every time
    changed = [
        (sentence, found)
        for sentence in _article_sentences()
        if (found := _altered(sentence, pattern, other, chance)) is not None
    ]
    assert len(changed) > 50
    passed = sum(mismatch(found, [sentence]) is None for sentence, found in changed)
    share = passed / len(changed)
    assert share >= 0.99 if most == 1 else share <= most


def test_right_sentences_pass_and_wrong_ones_fail() -> None:
    """The committed floor: a change of the rules that lets more of what is wrong through fails."""
    counts: Counter[tuple[bool, bool]] = Counter()
    text = (ROOT / "tests" / "judged" / "phrasing.jsonl").read_text(encoding="utf-8")
    for row in map(json.loads, text.splitlines()):
        counts[row["supported"], mismatch(row["text"], row["from"]) is None] += 1
    assert counts[True, True] / (counts[True, True] + counts[True, False]) >= 0.45
    assert counts[False, True] / (counts[False, True] + counts[False, False]) <= 0.05
