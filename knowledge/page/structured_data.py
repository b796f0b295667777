"""Structured data of a note's page: schema.org's `QAPage` or `Article` as JSON-LD."""

import json
from typing import Any

from markupsafe import Markup

from knowledge.page.markdown import to_plain
from knowledge.page.shown_text import shown
from knowledge.page.site import PublishedNote, Site


def structured_data(site: Site, note: PublishedNote) -> Markup:
    """A question with its answer where the title asks one, an article otherwise."""
    title, text = shown(note.title), to_plain(note.text)
    publisher = {"@type": "Organization", "name": shown(site.name)}
    author = {"@type": "Person", "name": shown(note.contributor)} if note.contributor else publisher
    common: dict[str, Any] = {
        "author": author,
        "datePublished": note.first_published.isoformat(),
        "dateModified": note.updated.isoformat(),
    }
    if site.base_url:
        common["url"] = site.base_url + note.address
    data: dict[str, Any] = {"@context": "https://schema.org"}
    if title.endswith(("?", "？", "؟")):
        answer = {"@type": "Answer", "text": text, **common}
        question = {"@type": "Question", "name": title, "text": title, "answerCount": 1, **common}
        data |= {"@type": "QAPage", "mainEntity": {**question, "acceptedAnswer": answer}}
    else:
        data |= {"@type": "Article", "headline": title, "articleBody": text, **common}
        data |= {"publisher": publisher, "keywords": list(note.tags)}
    written = json.dumps(data, ensure_ascii=False, sort_keys=True)
    # Nothing in it can end the element that it stands in.
    for sign in "<>&":
        written = written.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(written)  # noqa: S704 - escaped above
