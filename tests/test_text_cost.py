"""No text costs more than its length: every function that reads text, with every pumped fragment.

`tests/text_readers.py` finds the functions by themselves, by what they take. One that takes more
than texts and plain values is called by a recipe below, or named with the reason why it is not.
"""

import importlib
import os
import re
from collections.abc import Callable, Iterator
from functools import cache, partial
from io import BytesIO
from pathlib import PurePosixPath
from types import ModuleType
from typing import Final

import pytest

from bot.answers import small_talk
from bot.answers.synonyms import in_question
from bot.interactions.autocomplete import Choices, Titles
from bot.interactions.kit.buttons import CustomId
from bot.process import logs
from bot.programs import http_limits
from bot.programs.http_server import Tokens
from indexer.retrieval.spelling import correct_spelling
from knowledge.chat import export_json
from knowledge.chat.export_file import ExportFile
from knowledge.chat.transcript import Channel
from knowledge.connectors import mediawiki
from knowledge.files import site_addresses
from knowledge.files.formats.zip import Archive
from knowledge.files.site_addresses import with_absolute_links
from knowledge.page.render import structured_data
from knowledge.store.erasure.quote_opt_outs import Withheld
from knowledge.values.documents import SHARED
from knowledge.values.synonyms import Synonym
from tests.knowledge.page.made_sites import note, site
from tests.pumped_texts import FRAGMENTS, own_fragments, patterns_of
from tests.pumping import growth, watch
from tests.text_readers import (
    Reader,
    functions,
    module_names,
    modules,
    pieces,
    reader_of,
    reads,
    takes_text,
)

# Modules whose texts are the operator's or our own: settings, names of models, SQL, judged sets.
OWN_TEXTS: Final = (
    "bot.cli.",
    "bot.cluster.",
    "bot.config.settings",
    "bot.models.",
    "bot.preview.",
    "bot.process.login.",
    "bot.storage.machines.",
    "indexer.embedding.",
    "indexer.evaluation.",
    "knowledge.store.postgres.",
)


def _corrected(text: str) -> object:
    return correct_spelling(text, [], lambda word: False)


def _titles(text: str) -> object:
    return Titles([(text, SHARED, "a"), ("Title", SHARED, "b")]).matching(text, [SHARED])


def _host(text: str) -> object:
    return http_limits._host({"headers": [(b"host", text.encode())]})


def _holder(text: str) -> object:
    return Tokens((b"secret",)).holder({"headers": [(b"authorization", text.encode())]})


def _exported(text: str) -> object:
    mentions = [{"id": "1", "name": piece} for piece in pieces(text)]
    raw = {"content": text, "mentions": mentions}
    return export_json._text(raw, Channel(1, 2, "help"), Withheld(frozenset({1})))


def _event(text: str) -> object:
    told = {"logger": "a", "event": text, "level": "info", "timestamp": "", "about": text}
    return logs._line(None, "info", told)


def _structured(text: str) -> object:
    return structured_data(site(), note(1, text, text))


def _asked_with_synonyms(text: str) -> object:
    """With a synonym as short as it must be."""
    return in_question(text, (Synonym("gpu", "graphics card"),))


def _linked(text: str) -> object:
    return with_absolute_links(text, "mkdocs:https://example.org", PurePosixPath("a.md"))


def _licensed(text: str) -> object:
    return mediawiki._licence({"url": text, "text": text})


def _moved(generator: str, field: str) -> Callable[[str], object]:
    page = site_addresses.GENERATORS[generator].page
    return lambda text: page(PurePosixPath("a/b.md"), {field: text})


RECIPES: Final[dict[str, Callable[[str], object]]] = {
    "bot.answers.small_talk._Phrases.has_word": lambda text: small_talk._phrases().has_word(text),
    "bot.answers.small_talk._Phrases.kinds": lambda text: small_talk._phrases().kinds(text),
    "bot.interactions.autocomplete.Choices.note_id": lambda text: Choices([]).note_id(text, 1),
    "bot.interactions.autocomplete.Choices.one_tag": Choices([]).one_tag,
    "bot.interactions.autocomplete.Choices.tag": Choices([]).tag,
    "bot.interactions.autocomplete.Titles.matching": _titles,
    "bot.interactions.kit.buttons.CustomId.parse": CustomId(
        "note", note_id=int, action=("a",)
    ).parse,
    "bot.process.logs._RedactingFilter._without_tokens": logs._RedactingFilter(
        ["secret"]
    )._without_tokens,
    "bot.answers.synonyms.in_question": _asked_with_synonyms,
    "bot.process.logs._line": _event,
    "knowledge.files.site_addresses.with_absolute_links": _linked,
    "knowledge.files.site_addresses._docusaurus_page": _moved("docusaurus", "slug"),
    "knowledge.files.site_addresses._hugo_page": _moved("hugo", "slug"),
    "knowledge.files.site_addresses._notion_page": lambda text: site_addresses.GENERATORS[
        "notion"
    ].page(PurePosixPath(text), {}),
    "knowledge.files.site_addresses._jekyll_page": _moved("jekyll", "permalink"),
    "bot.programs.http_limits._host": _host,
    "bot.programs.http_server.Tokens.holder": _holder,
    "indexer.retrieval.spelling.correct_spelling": _corrected,
    "knowledge.chat.export_file.ExportFile.part": lambda text: ExportFile(text, BytesIO).part,
    "knowledge.chat.export_json._text": _exported,
    "knowledge.page.render.structured_data": _structured,
    "knowledge.connectors.mediawiki._licence": _licensed,
    "knowledge.files.formats.zip.Archive.__init__": lambda text: Archive(text.encode()),
}

# What is not called here, by the reason.
NOT_CALLED: Final = {
    "gives the texts of the store, the index or a file to functions that are called": """
        bot.answers.channel_selections.Selections._selection
        bot.review.service.suggested_wordings
        bot.review.similar_notes.SimilarNotes.original
        bot.gaps.existing_answer.nearest_passages
        bot.programs.service.document_id_of
        bot.gaps.handover_service.answer
        bot.page.service.keep_off
        bot.programs.page_server._Headers._is_gone
        bot.sources.service.add_address
        indexer.ingest.embedding_queue._handed_in
        indexer.ingest.files._FileUpdate._ingest_part_export
        indexer.retrieval.retriever.Retriever._hits
        indexer.retrieval.retriever.Retriever.support
        indexer.retrieval.spelling._mended
        knowledge.discord_archive.archive.ChannelArchive.add_page
        knowledge.discord_archive.archive.ChannelArchive.add_pins
        knowledge.connectors.api_client.ApiClient._ask
        knowledge.connectors.dokuwiki.DokuWiki.listing
        knowledge.connectors.outline.Outline._collection
        knowledge.connectors.mediawiki.MediaWiki._read_site
        knowledge.connectors.mediawiki.MediaWiki.content
        knowledge.connectors.github.GitHub._comments
        knowledge.connectors.sync.sync
        knowledge.connectors.tracker.PagedList._page
        knowledge.files.document.checked_document
        knowledge.files.scan.scan
        knowledge.git.repository.Repository.content
        knowledge.git.repository.Repository.files
        knowledge.store.erasure.personal_data.PersonalData._clear_earlier
        knowledge.store.erasure.personal_data.PersonalData.forget_chats
        knowledge.store.notes.decisions.Decisions.reword
        knowledge.web.outgoing._checked_links
        knowledge.web.page_store.PageStore.keep
        knowledge.web.sitemaps._checked_listing
    """,
    "reads a part of what a caller that is called here parsed": """
        knowledge.files.formats.html._Converter.process_text
        knowledge.files.formats.html.to_markdown
        knowledge.files.formats.rst._unknown_role
        knowledge.page.markdown._cell
        knowledge.page.markdown._code
        knowledge.page.markdown._image
        knowledge.page.markdown._link_open
        knowledge.web.outgoing._links
    """,
    "reads names and settings that are ours, or the operator's": """
        bot.storage.index_places.index_names
        knowledge.files.site_addresses.cited_address
        bot.models.serving_model._served
        bot.ask.explanation._nearest
        bot.sources.web_sync._Limits.token
        bot.sources.web_sync._Limits.unquoted_on
        bot.models.shared_choices._is_sound
        bot.ask.question_rules._compiled
        bot.interactions.kit.option_values._is_known
        bot.programs.http_server.open_socket
        knowledge.store.rows.replacement
        knowledge.web.internal_hosts.InternalHosts.has
        knowledge.web.internal_hosts.InternalHosts.of
        bot.programs.http_server.Tokens.of_environment
        indexer.index.database.check_manifest
        indexer.index.tables.IndexTables.documents_of_files
        indexer.index.postgres.PostgresConnection.__init__
        indexer.retrieval.evidence.Calibration.to_toml
        indexer.retrieval.evidence._model
        knowledge.corpus._file_state
        knowledge.page.publish.publish
        knowledge.page.render.Renderer._shared
        knowledge.store.audit.log_chain._named
        knowledge.store.guilds.channel_settings.ChannelSettingsTable.change
        knowledge.store.guilds.weekly_digests.WeeklyDigests.choose
        knowledge.store.questions.gaps.Gaps.record_check
        knowledge.store.questions.handovers.Handovers._step
        knowledge.store.questions.phrasings.Phrasings.finish
        knowledge.store.value_lists._statements
        knowledge.store.erasure.personal_data.PersonalData._mark_cards_due
    """,
    "lets a library read, in a process of its own that ends at a deadline": """
        knowledge.files.formats.pdf.parse_pdf
        knowledge.files.formats.rst.parse_rst
        knowledge.files.reader._begin_document
        knowledge.files.reader.begin_parsing
        knowledge.files.reader.format_name
        knowledge.files.reader.parse_bytes
        knowledge.files.text_recognition.open_models_in_sandbox
        knowledge.files.text_recognition.recognize_in_sandbox
        knowledge.web.link_check._check_page
        knowledge.web.outgoing.extract_links
        knowledge.web.sitemaps.parse_listing
        knowledge.web.sitemaps.parse_listing_sandboxed
    """,
    "compares each of a question's words, which are few, with a text": """
        indexer.retrieval.highlight.deciding_sentence
        indexer.retrieval.highlight.highlighted
        indexer.retrieval.highlight.sentence_scores
    """,
    "is given a passage, or a section of at most ten, of which 6,000 characters are read": """
        bot.text.excerpt._cut_out
        bot.text.excerpt._marked_code
        bot.text.excerpt.excerpt
    """,
    "is given a sentence or a stretch of bounded length": """
        bot.ask.phrased_text._joined
        bot.notes.picture_messages.offer
        bot.phrasing.written_sentences._is_foreign
        indexer.text.passages._cut_pieces
        indexer.text.passages._pieces
    """,
    "passes bytes or names on": """
        knowledge.files.sandbox_process._serve
        knowledge.git.http_client.GuardedGitClient.__init__
        knowledge.git.packs.pack_index
        knowledge.git.repository._keep_pack
        knowledge.page.search_index.write_bundle
        knowledge.git.http_client.GuardedGitClient._http_request
        knowledge.web.connections.Connections.request
        knowledge.web.crawl.site_failures
        knowledge.web.polite_fetcher._read
        knowledge.web.safe_network.CheckedNetwork.connect_tcp
        knowledge.web.safe_network.system_addresses
        knowledge.web.site_crawl._from_sitemaps
    """,
    "writes or reads rows of a backup, which a moderator of the machine chose": """
        knowledge.backup.export_format._represent_text
        knowledge.backup.export_format.check_values
        knowledge.backup.export_format.note_name
        knowledge.backup.exporter._write
        knowledge.backup.importer._insert
    """,
}


def _not_called() -> set[str]:
    return {name for names in NOT_CALLED.values() for name in names.split()}


@cache
def _readers(module: ModuleType) -> tuple[Reader, ...]:
    return tuple(_readers_in(module))


def _readers_in(module: ModuleType) -> Iterator[Reader]:
    named = _not_called()
    for name, function in functions(module):
        if name in RECIPES:
            yield Reader(name, partial(partial, RECIPES[name]), looks=True)
        elif takes_text(function) and not name.startswith(OWN_TEXTS) and name not in named:
            reader = reader_of(name, function)
            if reader is not None:
                yield reader


def test_every_function_that_reads_text_is_called_or_named() -> None:
    known = {reader.name for module in modules() for reader in _readers(module)} | _not_called()
    left = [
        name
        for module in modules()
        for name, function in functions(module)
        if name not in known
        and not name.startswith(OWN_TEXTS)
        and takes_text(function)
        and reads(function)
    ]
    assert left == []


def test_every_name_is_of_a_function() -> None:
    every = {name for module in modules() for name, _ in functions(module)}
    assert {*RECIPES, *_not_called()} <= every


# Each function meets every so many-th fragment, others than the function before it. PUMP_STEP=1 is
# all of them.
STEP: Final = int(os.environ.get("PUMP_STEP", "5"))


@pytest.mark.slow
def test_many_functions_are_called_with_many_fragments() -> None:
    looking = [one for module in modules() for one in _readers(module) if one.looks]
    assert len(looking) >= 150
    assert len(set(FRAGMENTS)) == len(FRAGMENTS) >= 60 * STEP


def _costly(readers: list[Reader], fragments: tuple[str, ...]) -> list[object]:
    found = [growth(reader, fragment) for reader in readers for fragment in fragments]
    assert watch.outside.keys().isdisjoint(reader.name for reader in readers)
    return [one for one in found if one is not None]


@pytest.mark.slow
@pytest.mark.parametrize("name", module_names())
def test_no_text_costs_more_than_its_length(name: str) -> None:
    module = importlib.import_module(name)
    fragments = (*FRAGMENTS, *own_fragments(patterns_of(module)))
    found: list[object] = []
    for place, reader in enumerate(_readers(module)):
        # The others do no more than what they call, which is pumped, too.
        step = STEP if reader.looks else 8 * STEP
        found += _costly([reader], fragments[place % step :: step])
    assert found == []


# What stopped the bot once, or nearly.
_ONCE_SLOW: Final = {
    "bot.text.markdown.split": "[",
    "indexer.contradictions.quantities.parse_values": "1 ",
    "indexer.text.analyzer.typed_words": ".",
    "indexer.text.sentences.sentences": ".",
    "knowledge.chat.intents.asks": "\n",
}


@pytest.mark.parametrize("name", _ONCE_SLOW)
def test_what_was_slow_once_is_not(name: str) -> None:
    module = importlib.import_module(name.rpartition(".")[0])
    [reader] = [reader for reader in _readers(module) if reader.name == name]
    assert _costly([reader], (_ONCE_SLOW[name], *FRAGMENTS[::24])) == []


@pytest.mark.slow
def test_what_grows_too_much_is_found() -> None:
    """As the pattern did that held the event loop for eight seconds."""
    ending = re.compile(r"[.!?]+(?=\s)")
    reader = Reader("once", lambda text: partial(ending.findall, text), looks=True)
    assert _costly([reader], (".",)) != []


@pytest.mark.slow
def test_what_grows_too_much_beside_much_that_does_not_is_found() -> None:
    def read(text: str) -> None:
        for word in text.split():
            word.casefold().encode().hex()
        for place in range(0, len(text), 4):
            text[place:].count("a")

    reader = Reader("mixed", lambda text: partial(read, text), looks=True)
    # A busy machine may slow the shorter text down.
    assert any(_costly([reader], ("a ",)) for _ in range(5))


@pytest.mark.slow
def test_what_is_as_costly_for_each_character_is_not_found() -> None:
    def read(text: str) -> list[str]:
        return sorted(sign.casefold() for sign in text)

    reader = Reader("linear", lambda text: partial(read, text), looks=True)
    assert _costly([reader], ("a ", "ba1 ")) == []
