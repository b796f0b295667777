"""Messages of `/privacy`."""

from bot.privacy.messages import privacy
from knowledge.store.erasure.personal_data import Stored
from knowledge.values.guilds import Language


def test_counts_of_stored_data_are_aligned_and_empty_kinds_left_out() -> None:
    stored = {"notes": Stored(1, 1_200), "questions": Stored(12, 12), "reports": Stored(0, 0)}

    _, notes, questions, *rest = privacy(
        stored, quiet=False, withheld=False, language=Language.ENGLISH
    ).splitlines()

    assert notes.startswith("`    1 / 1,200` Notes")
    assert questions.startswith("`   12 /    12` Questions")
    assert not any(line.startswith("`") for line in rest)
