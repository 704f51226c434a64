"""Run a program and end it with SIGKILL at its Nth system call that writes, sends, syncs, names or removes something.

    python syscall_killer.py N PROGRAM ARGUMENT...

The call itself is not carried out, so that going through all N visits every state that a crash can leave behind. The
exit code is the program's own if it made fewer such calls, and 137 otherwise; with 0 for N, standard error gets the
number of such calls. Linux on x86-64 and arm64 alone.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_TRACEME, _SYSCALL, _SETOPTIONS, _GET_SYSCALL_INFO = 0, 24, 0x4200, 0x420E
_GOOD_STOPS, _KILL_WITH_TRACER = 1, 0x100000
_ENTRY = 1
KNOWN = {
    # write, pwrite64, sendto, fsync, fdatasync, ftruncate, rename, link, unlink
    "x86_64": {1, 18, 44, 74, 75, 77, 82, 86, 87},
    # ftruncate, unlinkat, linkat, renameat, write, pwrite64, fsync, fdatasync, sendto
    "aarch64": {46, 35, 37, 38, 64, 68, 82, 83, 206},
}


class _Info(ctypes.Structure):
    _fields_ = (
        ("op", ctypes.c_uint8),
        ("pad", ctypes.c_uint8 * 3),
        ("arch", ctypes.c_uint32),
        ("instruction", ctypes.c_uint64),
        ("stack", ctypes.c_uint64),
        ("number", ctypes.c_uint64),
        ("rest", ctypes.c_uint64 * 8),
    )


def main() -> int:
    stop_at, command = int(sys.argv[1]), sys.argv[2:]
    calls = KNOWN[os.uname().machine]
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
    libc.ptrace.restype = ctypes.c_long
    child = os.fork()
    if child == 0:
        libc.ptrace(_TRACEME, 0, None, None)
        os.execvp(command[0], command)
    _, status = os.waitpid(child, 0)
    if libc.ptrace(_SETOPTIONS, child, None, _GOOD_STOPS | _KILL_WITH_TRACER) != 0:
        os.kill(child, signal.SIGKILL)
        raise OSError(ctypes.get_errno(), "ptrace")
    info, seen, passed_on = _Info(), 0, 0
    while True:
        libc.ptrace(_SYSCALL, child, None, passed_on)
        _, status = os.waitpid(child, 0)
        if not os.WIFSTOPPED(status):
            if stop_at == 0:
                print(seen, file=sys.stderr)
            return os.waitstatus_to_exitcode(status)
        reason = os.WSTOPSIG(status)
        if reason != signal.SIGTRAP | 0x80:
            passed_on = 0 if reason == signal.SIGTRAP else reason
            continue
        passed_on = 0
        libc.ptrace(_GET_SYSCALL_INFO, child, ctypes.sizeof(info), ctypes.byref(info))
        if info.op == _ENTRY and info.number in calls:
            seen += 1
            if seen == stop_at:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                return 137


if __name__ == "__main__":
    sys.exit(main())
