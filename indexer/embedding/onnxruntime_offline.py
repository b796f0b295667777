"""ONNX Runtime, with everything switched off that it would tell its makers.

Since 1.29 its builds for Linux and macOS write an identifier of the machine into the home folder
and send events about models and sessions to Microsoft. Its own switch is read when the library is
imported, and not again, so it is imported here and nowhere else.

Source:
    The library's Privacy.md, "Disabling Telemetry".
"""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime

__all__ = ["onnxruntime"]
