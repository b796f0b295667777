"""Phrased answers: a plain answer is edited once, when a model has said what it has to say.

The plain answer is sent first, as everywhere, and waits for nothing; where a model is asked about
it, its last line says until when something may come of that: a bot that is killed before can't
take it out again. What happens then holds nobody up, and ends with that one edit: what was
phrased stands above the quotations, or the line is gone and nothing else has changed.
"""

import asyncio
from typing import Any, Final

from bot.answers.lookup import Ask
from bot.answers.pipeline import Reply
from bot.ask.ui.answer_message import answer_message, pictured
from bot.ask.ui.quotes_button import QuotesButton
from bot.interactions.services import Services
from bot.phrasing.messages import under_way
from bot.phrasing.ui.edits import Posted, edit_once
from knowledge.values.guilds import Language


class Phrasing:
    """The phrasing of one reply, from before it is sent.

    Where no model is asked about it, it is sent as it is and nothing follows.
    """

    def __init__(
        self,
        bot: Services,
        ask: Ask,
        reply: Reply,
        language: Language,
        *,
        channel: Any = None,
        **shown: Any,
    ) -> None:
        """Look, without waiting, whether a model is asked.

        `channel` is where a message is sent, and `shown` as `answer_message` takes it.
        """
        self._bot = bot
        self._language = language
        self._reply = reply
        self._shown = shown
        self._channel = channel
        self._candidate = None
        self._line = ""
        if bot.phrasing is not None:
            guild = None if ask.guild_id is None else bot.guild_settings.known(ask.guild_id)
            self._candidate = bot.phrasing.expects(ask, reply, guild)
            if self._candidate is not None:
                self._line = under_way(bot.phrasing.edited_until(), language)

    def message(self, *, edits: bool = False) -> dict[str, Any]:
        """The plain answer, with a line that says so if a model is asked."""
        return answer_message(
            self._reply, language=self._language, edits=edits, note=self._line, **self._shown
        )

    def follow(self, posted: Posted) -> None:
        """Ask the model, and edit what was sent; in a task of its own, that ending waits for."""
        if self._candidate is not None:
            task = asyncio.create_task(self._followed(posted))
            _FOLLOWING.add(task)
            task.add_done_callback(_FOLLOWING.discard)

    async def _followed(self, posted: Posted) -> None:
        bot, candidate = self._bot, self._candidate
        if candidate is None or bot.phrasing is None:
            return
        bot.take(candidate.ask.asker_id)
        reply, further = self._reply, {}
        try:
            result = await bot.phrasing.phrase(candidate)
            if result is not None:
                if result.reply.outcome != reply.outcome:
                    reply = await pictured(bot, result.reply, self._channel)
                further = _further(result.phrased, reply.question_id, self._language)
        except Exception as error:  # noqa: BLE001 - this is the way to the one broad handler
            bot.explanation(error)
        shown = answer_message(
            reply, language=self._language, edits=True, **{**self._shown, **further}
        )
        await edit_once(posted, bot.phrasing.pacer, self._line, shown)


# A task that nobody holds may be collected before it is done.
_FOLLOWING: Final[set["asyncio.Task[None]"]] = set()


def _further(phrased: Any, question_id: int | None, language: Language) -> dict[str, Any]:
    """What an answer has beside the plain one's."""
    if phrased is None:
        return {}
    written = not all(line.verbatim for line in phrased.lines)
    button = QuotesButton(language, question_id=question_id, action="quotes")
    return {"phrased": phrased, "extra": [button] if written else []}
