"""Data folders with notes, and choices of models as the command makes them."""

from pathlib import Path
from typing import Final

from bot.answers.ask import Ask
from bot.answers.outcome import Answer, Reply
from bot.config.settings import ArticleSettings, DataSettings, ModelSettings, Settings
from bot.core.core import Core
from bot.core.index_updates import build, run_to_end, update
from bot.models.serving_model import open_successor, switch_to
from bot.review import service as review_service
from indexer.embedding.model_records import ModelRecord
from knowledge.store.notes.decisions import Ruling
from knowledge.values.notes import Decision, Member
from knowledge.values.submissions import Submission
from tests.fakes import salted_models

GUILD: Final = 10
MIRA, ADA = Member(1, "Mira"), Member(2, "Ada")
FIRST, OTHER = "first", "the other one"
MEETUP: Final = ("Meetup", "The quokka meetup takes place in Lisbon on Fridays.")
WHERE: Final = "where does the quokka meetup take place"


def settings_for(folder: Path, name: str = FIRST, database: str = "") -> Settings:
    return Settings(
        data=DataSettings(folder=folder, database=database),
        model=ModelSettings(name=name),
        articles=ArticleSettings(bundled="never"),
    )


def opened(folder: Path, name: str = FIRST, database: str = "") -> Core:
    return Core(settings_for(folder, name, database), opener=salted_models)


def publish(core: Core, title: str, text: str) -> int:
    """Publish a note; returns its id."""
    proposed = core.store.contributions.propose(GUILD, MIRA, 5, Submission(title, text))
    note = review_service.update_index(core, proposed).note
    review_service.decide(core, GUILD, note.revision.id, ADA, Ruling(Decision.APPROVE))
    return note.id


def retire(core: Core, note_id: int) -> None:
    """Take a note back for good."""
    outcome = core.store.contributions.withdraw(GUILD, note_id, MIRA.id)
    assert outcome is not None
    assert outcome.done
    core.index_note(note_id)


def asked(core: Core, question: str) -> Reply:
    [reply] = core.answer_pipeline.ask([Ask(question, 1, GUILD)], record=False)
    return reply


def quoted(core: Core, question: str) -> list[str]:
    """The texts quoted for a question."""
    outcome = asked(core, question).outcome
    return [quote.text for quote in outcome.quotes] if isinstance(outcome, Answer) else []


def choose(folder: Path, name: str = OTHER, *, configured: str = FIRST, database: str = "") -> None:
    """Choose a model as `commonplace model use` does."""
    with opened(folder, configured, database) as core:
        found = open_successor(folder, salted_models(ModelRecord(name)), database)
        with found.index as index:
            run_to_end(build(core, index, found.embedder))
            index.save_snapshots()
        switch_to(folder, configured, found.served)


def updated(core: Core) -> None:
    run_to_end(update(core))
