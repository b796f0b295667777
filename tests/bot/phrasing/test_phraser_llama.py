"""Phrasing with a real server, llama.cpp's: the wire, its schemas, timeouts, its death."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.answers.phrased import Mode, Outcome
from bot.phrasing import prompts
from bot.phrasing.endpoint import Endpoint, EndpointSettings, Reply
from bot.phrasing.phraser import Phraser
from bot.phrasing.prompts import order_prompt, prompt
from bot.phrasing.sentences import Quoted, Task, number_sentences
from tests.bot.phrasing.conftest import embed
from tests.bot.phrasing.llama_server import (
    IS_INSTALLED,
    MISSING,
    MODEL,
    LlamaServer,
    llama_server,
    model_file,
)

pytestmark = pytest.mark.skipif(not IS_INSTALLED, reason=MISSING)

QUOTES = (
    Quoted("The ferry to Rottnest costs 20 euros. Dogs are not allowed on the ferry.", "Ferries"),
    Quoted("The bus to the ferry is free on Sundays. It stops at the museum.", "Buses"),
)
QUESTION = "What does the ferry to Rottnest cost?"
# However busy the machine is.
PATIENTLY = 300.0


@pytest.fixture(scope="module")
def model(pytestconfig: pytest.Config) -> Path:
    """The model, put together once for all runs."""
    assert pytestconfig.cache is not None
    return model_file(pytestconfig.cache.mkdir("llama"))


@pytest.fixture(scope="module")
def server(model: Path) -> Iterator[LlamaServer]:
    with llama_server(model) as started:
        yield started


def _endpoint(url: str, seconds: float = PATIENTLY) -> Endpoint:
    return Endpoint(EndpointSettings(url, MODEL, seconds))


async def _reply(endpoint: Endpoint, mode: Mode) -> Reply:
    task = Task(QUESTION, QUOTES, mode)
    found = await endpoint.reply(prompt(task, number_sentences(QUOTES)))
    assert isinstance(found, Reply), found
    assert found.prompt_tokens > 100
    assert found.reply_tokens > 0
    return found


async def test_llama_replies_in_the_requested_form(server: LlamaServer) -> None:
    endpoint = _endpoint(server.url)
    chosen = prompts.parse(await _reply(endpoint, Mode.CHOOSE), prompts.Chosen)
    assert chosen is not None
    assert set(chosen.sentences) <= {"1.1", "1.2", "2.1", "2.2"}
    reply = await _reply(endpoint, Mode.PHRASE)
    assert prompts.parse_sentences(reply) is not None
    asked = await endpoint.reply(order_prompt(QUESTION, dict(zip("12", QUOTES, strict=True))))
    assert isinstance(asked, Reply)
    order = prompts.parse(asked, prompts.Order)
    assert set(order.order if order else ()) <= {"1", "2"}
    await endpoint.close()


async def test_llama_serves_the_request_after_a_late_one(server: LlamaServer) -> None:
    hasty = Phraser(_endpoint(server.url, 0.05), embed)
    task = Task(QUESTION, QUOTES, Mode.CHOOSE)
    assert (await hasty.phrase(task)).outcome is Outcome.LATE
    await hasty.endpoint.close()
    patient = Phraser(_endpoint(server.url), embed)
    assert (await patient.phrase(task)).outcome in {Outcome.SHOWN, Outcome.NOTHING}
    await patient.endpoint.close()


async def test_killed_llama_is_unreachable(model: Path) -> None:
    with llama_server(model) as started:
        phraser = Phraser(_endpoint(started.url), embed)
        waiting = asyncio.create_task(phraser.phrase(Task(QUESTION, QUOTES, Mode.PHRASE)))
        await asyncio.to_thread(started.wait_until_it_answers_one)
        started.kill()
        assert (await waiting).outcome is Outcome.UNREACHABLE
        assert (await phraser.order(QUESTION, QUOTES)).outcome is Outcome.UNREACHABLE
        await phraser.endpoint.close()
