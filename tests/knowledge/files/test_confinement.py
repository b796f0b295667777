"""The filter of system calls, as the kernel runs it, for both architectures."""

import errno

import pytest

from knowledge.files.confinement import _ARCHITECTURES, _filter

ALLOWED = 0x7FFF_0000
REFUSED = 0x0005_0000 | errno.EPERM
MISSING = 0x0005_0000 | errno.ENOSYS
X86_64, AARCH64 = "x86_64", "aarch64"
THREAD = 0x0001_0000


def _verdict(machine: str, number: int, argument: int = 0, kernel: int | None = None) -> int:
    """What the filter says of a call: its steps as Berkeley's packet filter defines them."""
    own, column = _ARCHITECTURES[machine]
    seen = {0: number, 4: own if kernel is None else kernel, 16: argument}
    steps, at, held = list(_filter(own, column)), 0, 0
    while True:
        code, if_true, if_false, operand = steps[at]
        at += 1
        if code == 0x06:
            return operand
        if code == 0x20:
            held = seen[operand]
        else:
            passed = {0x15: held == operand, 0x35: held >= operand, 0x45: bool(held & operand)}
            at += if_true if passed[code] else if_false


@pytest.mark.parametrize(
    ("name", "x86_64", "aarch64"),
    [
        ("socket", 41, 198),
        ("execve", 59, 221),
        ("fork", 57, None),
        ("truncate", 76, 45),
        ("ftruncate", 77, 46),
        ("chmod", 90, None),
        ("fchmod", 91, 52),
        ("fchmodat", 268, 53),
        ("fchmodat2", 452, 452),
        ("chown", 92, None),
        ("fchown", 93, 55),
        ("lchown", 94, None),
        ("fchownat", 260, 54),
        ("utime", 132, None),
        ("utimensat", 280, 88),
        ("setxattr", 188, 5),
        ("fsetxattr", 190, 7),
        ("chroot", 161, 51),
        ("setuid", 105, 146),
        ("setresgid", 119, 149),
        ("shmget", 29, 194),
        ("mq_open", 240, 180),
    ],
)
def test_call_changing_the_outside_is_refused(name: str, x86_64: int, aarch64: int | None) -> None:
    assert _verdict(X86_64, x86_64) == REFUSED, name
    if aarch64 is not None:
        assert _verdict(AARCH64, aarch64) == REFUSED, name


@pytest.mark.parametrize(
    ("name", "x86_64", "aarch64"),
    [("read", 0, 63), ("write", 1, 64), ("openat", 257, 56), ("mmap", 9, 222), ("futex", 202, 98)],
)
def test_a_call_that_every_parser_needs_is_allowed(name: str, x86_64: int, aarch64: int) -> None:
    assert (_verdict(X86_64, x86_64), _verdict(AARCH64, aarch64)) == (ALLOWED, ALLOWED), name


@pytest.mark.parametrize(("machine", "clone", "limits"), [(X86_64, 56, 302), (AARCH64, 220, 261)])
def test_threads_and_limits_are_its_own_alone(machine: str, clone: int, limits: int) -> None:
    assert _verdict(machine, clone, THREAD) == ALLOWED
    assert _verdict(machine, clone) == REFUSED
    assert _verdict(machine, 435) == MISSING
    assert _verdict(machine, limits) == ALLOWED
    assert _verdict(machine, limits, argument=1) == REFUSED


def test_calls_of_another_architecture_are_refused() -> None:
    assert _verdict(X86_64, 0, kernel=_ARCHITECTURES[AARCH64][0]) == REFUSED
    # The numbers of x32, which reach the same calls.
    assert _verdict(X86_64, 0x4000_0000) == REFUSED
