"""Confinement of the sandbox's process: no files, no network, no new processes.

All systems but Windows apply the limits (`setrlimit`). On Linux, Landlock allows only reads of
Python and its libraries. A seccomp filter refuses sockets, new processes, signals, inspection of
other processes, and changes of files, owners and modes, because Landlock doesn't cover all of
these. On other systems the process keeps its user's rights, but its environment has no bot token.

Source:
    https://docs.kernel.org/userspace-api/landlock.html and seccomp_filter.html.
"""

import contextlib
import ctypes
import errno
import math
import os
import platform
import struct
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

_OPEN_FILES: Final = 64

_PR_SET_SECCOMP: Final = 22
_PR_SET_NO_NEW_PRIVS: Final = 38

# Landlock. Its calls have these numbers on every architecture.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_READ_FILE: Final = 1 << 2
_READ_FOLDER: Final = 1 << 3
_PATH_RULE: Final = 1
# The file rights that can be taken away, by the Landlock version that added the last of them.
_FILE_RIGHTS: Final = {1: 13, 2: 14, 3: 15, 5: 16}
_NETWORK_RIGHTS: Final = 0b11
_SCOPES: Final = 0b11

# seccomp. Numbers of the refused calls, for x86-64 and for AArch64; None if there is no such call.
_SECCOMP_FILTER: Final = 2
_ALLOW: Final = 0x7FFF_0000
_REFUSE: Final = 0x0005_0000
_CLONE_THREAD: Final = 0x0001_0000
_X32: Final = 0x4000_0000
_REFUSED_CALLS: Final[dict[str, tuple[int, int | None]]] = {
    # Sockets.
    "socket": (41, 198), "connect": (42, 203), "accept": (43, 202), "sendto": (44, 206),
    "sendmsg": (46, 211), "bind": (49, 200), "listen": (50, 201), "socketpair": (53, 199),
    "accept4": (288, 242),
    # Processes: their signals, memory and scheduling.
    "fork": (57, None), "vfork": (58, None), "execve": (59, 221), "execveat": (322, 281),
    "kill": (62, 129), "tkill": (200, 130), "tgkill": (234, 131), "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240), "pidfd_send_signal": (424, 424), "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438), "ptrace": (101, 117), "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271), "process_madvise": (440, 440), "migrate_pages": (256, 238),
    "move_pages": (279, 239), "kcmp": (312, 272), "setpriority": (141, 140),
    "sched_setparam": (142, 118), "sched_setscheduler": (144, 119), "sched_setattr": (314, 274),
    "sched_setaffinity": (203, 122), "ioprio_set": (251, 30),
    # Files: content, names, modes, owners, times and attributes.
    "creat": (85, None), "truncate": (76, 45), "ftruncate": (77, 46), "fallocate": (285, 47),
    "link": (86, None), "linkat": (265, 37), "symlink": (88, None), "symlinkat": (266, 36),
    "rename": (82, None), "renameat": (264, 38), "renameat2": (316, 276), "unlink": (87, None),
    "unlinkat": (263, 35), "mkdir": (83, None), "mkdirat": (258, 34), "rmdir": (84, None),
    "mknod": (133, None), "mknodat": (259, 33), "chmod": (90, None), "fchmod": (91, 52),
    "fchmodat": (268, 53), "fchmodat2": (452, 452), "chown": (92, None), "fchown": (93, 55),
    "lchown": (94, None), "fchownat": (260, 54), "utime": (132, None), "utimes": (235, None),
    "futimesat": (261, None), "utimensat": (280, 88), "setxattr": (188, 5), "lsetxattr": (189, 6),
    "fsetxattr": (190, 7), "setxattrat": (463, 463), "removexattr": (197, 14),
    "lremovexattr": (198, 15), "fremovexattr": (199, 16), "removexattrat": (466, 466),
    "file_setattr": (469, 469), "open_by_handle_at": (304, 265), "inotify_add_watch": (254, 27),
    "fanotify_init": (300, 262),
    # Working directories, users and groups, sessions, capabilities.
    "chdir": (80, 49), "fchdir": (81, 50), "chroot": (161, 51), "setuid": (105, 146),
    "setgid": (106, 144), "setreuid": (113, 145), "setregid": (114, 143), "setresuid": (117, 147),
    "setresgid": (119, 149), "setfsuid": (122, 151), "setfsgid": (123, 152),
    "setgroups": (116, 159), "setpgid": (109, 154), "setsid": (112, 157), "capset": (126, 91),
    "personality": (135, 92),
    # Shared memory and message queues that outlive a process.
    "shmget": (29, 194), "shmat": (30, 196), "shmctl": (31, 195), "semget": (64, 190),
    "semctl": (66, 191), "msgget": (68, 186), "msgctl": (71, 187), "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    # The system.
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39),
    "pivot_root": (155, 41), "open_tree": (428, 428), "move_mount": (429, 429),
    "fsopen": (430, 430), "mount_setattr": (442, 442), "quotactl": (179, 60),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "reboot": (169, 142), "sethostname": (170, 161), "clock_settime": (227, 112),
    "clock_adjtime": (305, 266), "settimeofday": (164, 170), "adjtimex": (159, 171),
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
}  # fmt: skip
_CLONE: Final = (56, 220)
_CLONE3: Final = 435
_PRLIMIT: Final = (302, 261)
# The kernel's names of architectures, by Python's.
_ARCHITECTURES: Final = {"x86_64": (0xC000_003E, 0), "aarch64": (0xC000_00B7, 1)}


def limit(memory_bytes: int) -> None:
    """Limit memory and open files; forbid writing, and core dumps, which contain parsed files."""
    if sys.platform == "win32":
        return
    import resource

    for name, most in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(name, (most, most))


def limit_processes() -> None:
    """Forbid new processes and threads; root is exempt."""
    if sys.platform == "win32":
        return
    import resource

    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))


def limit_time(seconds: float) -> None:
    """Limit this process to `seconds` of further processor time; then it is killed."""
    if sys.platform == "win32":
        return
    import resource

    usage = resource.getrusage(resource.RUSAGE_SELF)
    used = usage.ru_utime + usage.ru_stime
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(used + seconds), hard))


def confine(readable: Sequence[Path]) -> None:
    """Let this thread and its children read only `readable`, with few system calls (Linux only)."""
    if sys.platform != "linux":
        return
    system = ctypes.CDLL(None, use_errno=True)
    # Without this, neither of the other two is allowed.
    if system.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0:
        _restrict_files(system, readable)
        _filter_calls(system)


def libraries() -> list[Path]:
    """The paths of Python, its packages, the system's shared libraries, and `knowledge`.

    The working directory is left out, even if it is in `sys.path`, because it may contain the data
    folder.
    """
    packages = [
        Path(folder) for folder in sys.path if folder.endswith(("site-packages", "dist-packages"))
    ]
    shared = map(Path, ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib"))
    own = Path(__file__).parents[1]
    return [own, Path(os.__file__).parent, *packages, *shared, Path("/etc/ld.so.cache")]


def _restrict_files(system: ctypes.CDLL, readable: Sequence[Path]) -> None:
    version = system.syscall(_CREATE_RULESET, None, 0, 1)
    if version < 1:
        return
    rights = (1 << max(bits for since, bits in _FILE_RIGHTS.items() if since <= version)) - 1
    # The kernel takes no more fields than its version knows.
    fields = [rights, *[_NETWORK_RIGHTS] * (version >= 4), *[_SCOPES] * (version >= 6)]
    asked = struct.pack(f"={len(fields)}Q", *fields)
    rules = system.syscall(_CREATE_RULESET, asked, len(asked), 0)
    if rules < 0:
        return
    try:
        for path in readable:
            _allow_reading(system, rules, path)
        system.syscall(_RESTRICT_SELF, rules, 0)
    finally:
        os.close(rules)


def _allow_reading(system: ctypes.CDLL, rules: int, path: Path) -> None:
    with contextlib.suppress(OSError):
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            right = _READ_FILE | (_READ_FOLDER if path.is_dir() else 0)
            system.syscall(_ADD_RULE, rules, _PATH_RULE, struct.pack("=Qi", right, opened), 0)
        finally:
            os.close(opened)


def _filter_calls(system: ctypes.CDLL) -> None:
    kernel, column = _ARCHITECTURES.get(platform.machine(), (0, 0))
    if not kernel:
        return
    steps = [struct.pack("=HBBI", *step) for step in _filter(kernel, column)]
    program = ctypes.create_string_buffer(b"".join(steps))
    # A count and a pointer to the steps, aligned as C does it.
    described = struct.pack("@HP", len(steps), ctypes.addressof(program))
    system.prctl(_PR_SET_SECCOMP, _SECCOMP_FILTER, described, 0, 0)


def _filter(kernel: int, column: int) -> Iterator[tuple[int, int, int, int]]:
    """The filter's BPF instructions: code, jump if true, jump if false, operand.

    `kernel` is Linux's number for the architecture, `column` its column in `_REFUSED_CALLS`.
    """
    load, equal, at_least, has_bits, end = 0x20, 0x15, 0x35, 0x45, 0x06
    # Offsets of the filter's input: the call's number, the architecture, the first argument's lower
    # half.
    number, architecture, first = 0, 4, 16
    refuse = (end, 0, 0, _REFUSE | errno.EPERM)
    allow = (end, 0, 0, _ALLOW)
    yield from ((load, 0, 0, architecture), (equal, 1, 0, kernel), refuse)
    yield (load, 0, 0, number)
    if column == 0:
        yield from ((at_least, 0, 1, _X32), refuse)
    for numbers in _REFUSED_CALLS.values():
        if (refused := numbers[column]) is not None:
            yield from ((equal, 0, 1, refused), refuse)
    # The C library falls back to `clone`, whose flags can be seen: threads may be started.
    yield from ((equal, 0, 1, _CLONE3), (end, 0, 0, _REFUSE | errno.ENOSYS))
    yield from ((equal, 0, 4, _CLONE[column]), (load, 0, 0, first))
    yield from ((has_bits, 0, 1, _CLONE_THREAD), allow, refuse)
    # This process may lower its own limits, not another process's.
    yield from ((equal, 0, 4, _PRLIMIT[column]), (load, 0, 0, first))
    yield from ((equal, 0, 1, 0), allow, refuse)
    yield allow
