"""How many threads a model should run on: the cores that are idle when it is loaded.

llama.cpp's threads wait for each other several hundred times a token. One that has to share its core with another
program holds up all the rest, so that two threads on busy cores are many times slower than one.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_PROC, _CGROUP = Path("/proc"), Path("/sys/fs/cgroup")
# The kernel counts in hundredths of a second: so long a look tells a tenth of a core.
LOOK_SECONDS = 0.1
# A core that is idle but for so much of its time is an idle one.
_ALLOWED_LOAD = 0.25
# Below this a thread's share of a token takes no longer than the waiting for the others. An estimate.
_LEAST_BYTES_OF_A_THREAD = 25 << 20


def threads_for(model_bytes: int, meanwhile: Callable[[], object] = lambda: None) -> int:
    """Return how many threads a model of this size should run on now; `meanwhile` is called while the cores are read.

    At least one. A small model is not spread over many threads.
    """
    most = max(1, model_bytes // _LEAST_BYTES_OF_A_THREAD)
    return int(max(1, min(_idle_cores(meanwhile) + _ALLOWED_LOAD, _quota(), most)))


def _idle_cores(meanwhile: Callable[[], object]) -> float:
    allowed = _allowed()
    before, began, own = _idle_seconds(allowed), time.monotonic(), time.process_time()
    meanwhile()
    if before is None:
        cores = len(allowed) or os.cpu_count() or 1
        return cores - os.getloadavg()[0] if hasattr(os, "getloadavg") else cores - 1
    time.sleep(max(0.0, began + LOOK_SECONDS - time.monotonic()))
    after, seconds = _idle_seconds(allowed) or before, time.monotonic() - began
    # What this process itself did meanwhile, it does no more when the model runs.
    own = time.process_time() - own
    idle = sum(max(0.0, min(1.0, (after[core] - before[core]) / seconds)) for core in before if core in after)
    return min(idle + own / seconds, _real_cores(set(before)))


def _allowed() -> set[int]:
    """Return the numbers of the processors that this process may run on; empty where the system does not tell."""
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()


def _idle_seconds(allowed: set[int]) -> dict[int, float] | None:
    """Return for how long each processor has been idle since the system's start; None where there is no /proc."""
    found = {}
    try:
        tick = os.sysconf("SC_CLK_TCK")
        for line in (_PROC / "stat").read_text(encoding="ascii").splitlines():
            name, *fields = line.split()
            if name.startswith("cpu") and name[3:].isdigit() and int(name[3:]) in allowed:
                # idle, and waiting for a disk
                found[int(name[3:])] = (int(fields[3]) + int(fields[4])) / tick
    except (AttributeError, OSError, ValueError, IndexError):
        return None
    return found or None


def _real_cores(processors: set[int]) -> int:
    """Return how many cores the processors are: two of one core share what llama.cpp needs of it."""
    cores = set()
    for processor in processors:
        path = Path(f"/sys/devices/system/cpu/cpu{processor}/topology/thread_siblings_list")
        try:
            cores.add(path.read_text(encoding="ascii"))
        except (OSError, ValueError):
            cores.add(str(processor))
    return len(cores)


def _quota() -> float:
    """Return how many cores' time a container may use. Threads beyond it are stopped while others wait for them."""
    least = float(os.cpu_count() or 1)
    try:
        own = (_PROC / "self" / "cgroup").read_text(encoding="utf-8").partition("0::/")[2].split("\n")[0]
    except (OSError, ValueError):
        own = ""
    for folder in {_CGROUP, _CGROUP / own}:
        try:
            quota, period = (folder / "cpu.max").read_text(encoding="ascii").split()
            least = min(least, int(quota) / int(period))
        except (OSError, ValueError, ZeroDivisionError):
            continue
    return least
