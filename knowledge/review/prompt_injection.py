"""Patterns of prompt injection: instructions to a language model inside a text.

A model reads notes when it phrases an answer or visits the public page. So a note with instructions
to a model is suspicious. Most patterns are for English and German. People instruct each other all
the time ("ignore the warning", "you are now logged in", "System: Ubuntu"). So a pattern matches
only words that name earlier instructions, a model's role or a hidden prompt, that address a model,
or that imitate the markup between the turns of a chat with a model.
"""

import re
from collections.abc import Iterator
from typing import Final

_WORDS: Final = r"(?:\W+\w+){0,3}?\W+"
_MACHINE: Final = (
    r"(?:AIs?|A\.I\.|LLMs?|(?:large )?language models?|chat ?bots?|(?:AI |virtual )?assistants?"
    r"|GPTs?|ChatGPT|Claude|Gemini|Copilot|bots?|models?)"
)
_MASCHINE: Final = (
    r"(?:KIs?|LLMs?|Sprachmodelle?n?|Chat-?bots?|(?:KI-)?Assistent(?:en|in)?|Bots?|Modelle?)"
)

_OVERRIDE: Final = (
    r"\b(?:ignore|disregard|forget|override|bypass|neglect)"
    + _WORDS
    + r"(?:previous|prior|above|earlier|preceding|foregoing|existing|initial|original|system|your)"
    r"\W+(?:\w+\W+){0,2}?(?:instructions?|prompts?|rules|guidelines|directives|commands?"
    r"|programming|training|context|messages?)\b",
    r"\b(?:ignore|disregard|forget)\W+(?:all|any|everything|anything)\W+(?:of\W+)?(?:the\W+)?"
    r"(?:instructions|prompts|rules|guidelines|you (?:were|have been) told|above|before this)\b",
    r"\b(?:ignorier(?:e|t|en Sie)?|vergiss|vergesst|vergessen Sie|missachte|missachten Sie"
    r"|überschreibe?|umgehe?)(?!\W+nicht)"
    + _WORDS
    + r"(?:vorherig|vorig|bisherig|obig|früher|vorangegangen|vorhergehend|alle"
    r"|sämtlich|jegliche|ursprünglich|deine|Ihre)\w*\W+(?:\w+\W+){0,2}?(?:(?:Anweisung|Instruktion|Anordnung|Vorgabe"
    r"|Regel|Richtlinie)(?:en|n)?|Befehle?|(?:System-?)?prompts?)\b",
    r"\bignora\W+(?:todas\W+)?(?:las\W+|tus\W+)?instrucciones\W+(?:anteriores|previas)\b",
    r"\b(?:ignorez|ignore|oublie|oubliez)\W+(?:toutes\W+)?(?:les\W+|tes\W+|vos\W+)?"
    r"instructions\W+(?:précédentes|antérieures)\b",
)

_CHANGE_OF_ROLE: Final = (
    r"\b(?:you are|you're|act as|pretend (?:to be|that you are|you are)|behave (?:as|like)"
    r"|roleplay as)\W+(?:now\W+|no longer\W+|henceforth\W+|going to act as\W+)?"
    r"(?:an?\W+|the\W+|my\W+)?(?:\w+\W+){0,2}?"
    r"(?:(?:AI|virtual|helpful|unrestricted|uncensored|evil)\W+(?:\w+\W+)?"
    r"(?:assistant|model|chatbot|bot|agent|AI)|large language model|jailbroken|DAN\b"
    r"|in (?:developer|debug|god|admin|jailbreak) mode|unrestricted AI)",
    r"\byou are now\W+(?:an?\W+)?(?:different|another|unrestricted|uncensored|evil"
    r"|in (?:developer|debug|god|admin|jailbreak) mode)\b",
    r"\bfrom now on,?\W+(?:you are\b|(?:you\W+(?:will|must|should|shall)\W+)?"
    r"(?:always\W+|only\W+)?(?:answer|respond|reply|act|speak|behave|pretend)\b)",
    r"\bdu bist (?:jetzt |nun |ab sofort |ab jetzt |kein(?:e|en)? |nicht mehr )+"
    r"(?:(?:eine?|der|die)\W+)?(?:\w+\W+){0,2}?(?:" + _MASCHINE + r"|DAN|uneingeschränkt)\b",
    r"\bdu bist (?:eine?|der|die)\W+(?:\w+\W+){0,2}?(?:KI-Assistent(?:in)?|Sprachmodell|KI"
    r"|Chatbot)\b",
    r"\bab (?:jetzt|sofort|nun)\W+(?:bist du|antwortest du|antworte|verhalte dich|verhältst du"
    r"|(?:wirst|musst|sollst) du\W+(?:\w+\W+){0,3}?(?:antworten|sprechen|reagieren))\b",
)

_DISCLOSURE: Final = (
    r"\b(?:reveal|print|repeat|show|output|leak|display|tell)\W+(?:(?:me|us)\W+)?(?:your|the)\W+"
    r"(?:\w+\W+){0,2}?(?:system prompt|(?:initial|hidden|secret|system|original)\W+"
    r"(?:instructions?|prompts?))\b",
    r"\b(?:do not|don't|never|without)\W+(?:tell(?:ing)?|inform(?:ing)?|alert(?:ing)?"
    r"|reveal(?:ing)?(?:\W+\w+){0,2}?\W+to)\W+the users?\b",
    r"\b(?:zeige?|verrate?|nenne?|wiederhole?|gib)\W+(?:mir\W+|uns\W+)?(?:deine?n?|den|die)\W+"
    r"(?:\w+\W+){0,2}?(?:System-?prompt|Systemanweisung(?:en)?|Systemnachricht)\b",
    r"\b(?:sage?|verrate?|erzähle?)\W+(?:es\W+|das\W+)?(?:dem|der|den) (?:Nutzer|Benutzer"
    r"|Anwender)\w*\W+(?:nicht|nichts)\b",
)

_ADDRESS_TO_MODEL: Final = (
    r"\b(?:note|instructions?|attention|message|important|reminder)\W+(?:to|for)\W+"
    r"(?:all\W+|any\W+|the\W+|every\W+)?" + _MACHINE + r"\b(?=\W*[:,!.\n])",
    r"\b(?:Anweisung(?:en)?|Hinweis|Nachricht|Achtung)\W+(?:an|für)\W+"
    r"(?:(?:die|das|den|alle|jede[ns]?)\W+)?" + _MASCHINE + r"\b(?=\W*[:,!.\n])",
)

_TURN_MARKERS: Final = (
    r"<\|[a-z_]{2,30}\|>|\[/?INST\]|<</?SYS>>|</?(?:system|assistant)>",
    r"^[ \t]*(?:#{1,6}[ \t]*|[*_]{1,3}|-{3,}[ \t]*|\[)?(?:BEGIN[ \t]+)?(?:new[ \t]+)?"
    r"(?:system|developer)[ \t-]*(?:prompt|message|instructions?|override)[ \t]*+[\]*_]{0,3}[ \t]*"
    r"(?::|-{3,}|$)",
    r"^[ \t]*#{1,6}[ \t]*(?:system|instruction|assistant|human)[ \t]*:[ \t]*$",
    r"^[ \t]*(?:system|assistant)[ \t]*:[ \t]*(?:you are|you must|ignore|du bist)\b",
    r"^[ \t]*(?:#{1,6}[ \t]*)?System-?(?:prompt|nachricht|anweisung(?:en)?)[ \t]*:",
)

_INSTRUCTION: Final = re.compile(
    "|".join((*_OVERRIDE, *_CHANGE_OF_ROLE, *_DISCLOSURE, *_ADDRESS_TO_MODEL, *_TURN_MARKERS)),
    re.IGNORECASE | re.MULTILINE,
)


def instructions(text: str) -> Iterator[tuple[int, int]]:
    """Yield the spans of instructions to a model, in order, without overlaps."""
    for match in _INSTRUCTION.finditer(text):
        yield match.span()
