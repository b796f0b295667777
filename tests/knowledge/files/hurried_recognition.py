"""Recognition of text with and without processor time; runs in the sandbox."""

from knowledge.files import text_recognition
from knowledge.files.sandbox_process import Parsed


def in_no_time(content: bytes, name: str) -> Parsed:
    vars(text_recognition)["CPU_SECONDS"] = -1.0
    return text_recognition.recognize_apart(content, name)


def in_time(content: bytes, name: str) -> Parsed:
    vars(text_recognition)["CPU_SECONDS"] = 1_000.0
    return text_recognition.recognize_apart(content, name)
