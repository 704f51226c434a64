"""The number of threads follows the cores, what runs on them, the limits of a container, and the model's size."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from trooper_cli.engines import idle_cores

LARGE = 4 << 30


class Clock:
    """Time that passes where somebody sleeps, and nowhere else."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def process_time(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Eight cores whose /proc/stat is a file; `load` says how much of each is used while it is looked at."""
    monkeypatch.setattr(idle_cores, "_PROC", tmp_path)
    monkeypatch.setattr(idle_cores, "_CGROUP", tmp_path / "cgroup")
    monkeypatch.setattr(idle_cores, "_allowed", lambda: set(range(8)))
    monkeypatch.setattr(idle_cores, "_real_cores", len)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(idle_cores, "time", Clock())
    return tmp_path


def threads(machine: Path, load: list[float], size: int = LARGE) -> int:
    """Return how many threads are chosen while each core is used so much."""

    def write(idle: list[float]) -> None:
        rows = [f"cpu{core} 500 0 500 {int(1000 + value)} 0 0 0 0 0 0\n" for core, value in enumerate(idle)]
        (machine / "stat").write_text(f"cpu 1 2 3 4 5 6 7 8 9 10\n{''.join(rows)}intr 12 0\n")

    write([0.0] * 8)
    hundredths = idle_cores.LOOK_SECONDS * os.sysconf("SC_CLK_TCK")
    return idle_cores.threads_for(size, lambda: write([hundredths * (1 - used) for used in load]))


@pytest.mark.parametrize(
    ("load", "expected"),
    [([0.0] * 8, 8), ([1.0] + [0.0] * 7, 7), ([1.0] * 6 + [0.0] * 2, 2), ([1.0] * 7 + [0.0], 1), ([1.0] * 8, 1)],
)
def test_threads_are_the_idle_cores(machine: Path, load: list[float], expected: int) -> None:
    assert threads(machine, load) == expected


def test_a_small_model_is_not_spread_over_many_threads(machine: Path) -> None:
    assert threads(machine, [0.0] * 8, 98 << 20) == 3
    assert threads(machine, [0.0] * 8, 1 << 20) == 1


@pytest.mark.parametrize(("quota", "expected"), [("max 100000", 8), ("250000 100000", 2), ("50000 100000", 1)])
def test_a_container_has_no_more_threads_than_its_share(machine: Path, quota: str, expected: int) -> None:
    (machine / "cgroup").mkdir()
    (machine / "cgroup" / "cpu.max").write_text(quota)
    assert threads(machine, [0.0] * 8) == expected


def test_a_core_that_is_not_ours_does_not_count(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idle_cores, "_allowed", lambda: {0, 1})
    assert threads(machine, [0.0] * 8) == 2
    assert threads(machine, [1.0, 0.0] + [0.0] * 6) == 1


@pytest.mark.usefixtures("machine")
def test_a_system_without_proc_goes_by_its_load(monkeypatch: pytest.MonkeyPatch) -> None:
    """As macOS does: the average of the last minute, and where there is none, one core less than there are."""
    monkeypatch.setattr(os, "getloadavg", lambda: (3.0, 9.0, 9.0))
    assert idle_cores.threads_for(LARGE) == 5
    monkeypatch.delattr(os, "getloadavg")
    assert idle_cores.threads_for(LARGE) == 7


@pytest.mark.skipif(not Path("/proc/stat").exists(), reason="this system has no /proc")
def test_this_machine_can_be_read() -> None:
    assert 1 <= idle_cores.threads_for(LARGE) <= (os.cpu_count() or 1)
