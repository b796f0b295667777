"""What tests that start processes of this project share."""

import signal


def interruptible() -> None:
    """Let the process that begins here be interrupted, though a test run in the background can't.

    A shell starts what it runs in the background with interrupts ignored, and that is inherited.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
