"""Phrased answers: a plain answer is sent at once, and edited when a language model has replied.

The last line of the plain answer says until when it may change, in case the bot is killed before
the edit. The edit puts the model's lines above the quotations, or only removes that line.
"""

import asyncio
from typing import Any, Final

from bot.answers.lookup import Ask
from bot.answers.pipeline import Reply
from bot.ask.phrased_text import under_way
from bot.ask.ui.answer_message import answer_message, pictured
from bot.ask.ui.quotes_button import QuotesButton
from bot.interactions.kit.edits import Posted, edit_once
from bot.interactions.services import Services
from knowledge.values.guilds import Language


class Phrasing:
    """A reply, and its later edit if a language model is asked about it."""

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
        """Decide whether a model is asked.

        Args:
            bot: the services.
            ask: the question.
            reply: its plain answer.
            language: the readers' language.
            channel: the channel of a message; None for a response to an interaction.
            shown: further arguments of `answer_message`.
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
        """Arguments that send the plain answer."""
        return answer_message(
            self._reply, language=self._language, edits=edits, note=self._line, **self._shown
        )

    def follow(self, posted: Posted) -> None:
        """Ask the model and edit the message, in a task that shutdown waits for."""
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


# asyncio holds tasks weakly.
_FOLLOWING: Final[set["asyncio.Task[None]"]] = set()


def _further(phrased: Any, question_id: int | None, language: Language) -> dict[str, Any]:
    """Arguments of `answer_message` beyond those of the plain answer."""
    if phrased is None:
        return {}
    written = not all(line.verbatim for line in phrased.lines)
    button = QuotesButton(language, question_id=question_id, action="quotes")
    return {"phrased": phrased, "extra": [button] if written else []}
