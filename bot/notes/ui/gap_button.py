"""Button *Write this note*, below a refusal and below a list of gaps."""

from collections.abc import Mapping
from typing import Any

from bot.interactions.kit.authorization import First, Found
from bot.interactions.kit.buttons import Button, CustomId
from bot.interactions.kit.errors import in_time
from bot.interactions.policy.component_access import readable_question
from bot.interactions.services import Interaction
from bot.notes import messages
from bot.notes.drafts import single_tag
from bot.notes.ui.form import open_form
from bot.text.markdown import shortened
from knowledge.values.drafts import Draft
from knowledge.values.questions import Question


async def _writers(interaction: Interaction, values: Mapping[str, Any]) -> Found:
    """Admit everybody. Set `asked` to the question if the member may read it, or else to None."""
    return {"asked": await readable_question(interaction, values["question_id"])}


class GapButton(
    Button,
    ids=CustomId("gap", question_id=int, action=("write",)),
    rule=_writers,
    first=First.OWN,
    labels={"write": messages.WRITE_LABEL},
):
    """The button *Write this note*."""

    asked: Question | None

    async def clicked(self, interaction: Interaction) -> None:
        await _open(interaction, self.asked)


async def open_note(interaction: Interaction, question_id: int) -> None:
    """Open the form of a note for a question."""
    async with in_time(interaction):
        asked = await readable_question(interaction, question_id)
    await _open(interaction, asked)


async def _open(interaction: Interaction, asked: Question | None) -> None:
    """Open the form for a note, filled in for the question `asked`, if there is one."""
    draft = Draft()
    if asked is not None:
        tag = single_tag(asked.answered_from)
        draft = Draft(shortened(asked.text, 100), tags=tag, question_id=asked.id)
    await open_form(interaction, draft)
