"""What a measurement costs: CPU of whole process trees by part, memory, and who else is at work.

CPU is user and system time of every process of a tree, with that of children that have ended. Memory
is PSS, so that what processes share counts once.
"""

import os
import re
import threading
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
SAMPLE_EVERY = 2.0
BUSY_FROM = 0.3


@dataclass(frozen=True)
class Usage:
    """Seconds of CPU by part and of the client itself; the peak of memory; the rest of the machine."""

    seconds: float
    cpu: dict[str, float]
    client: float
    others: float
    memory_mb: float

    @property
    def server(self) -> float:
        return sum(self.cpu.values())

    @property
    def other_cores(self) -> float:
        return self.others / self.seconds


class Meter:
    """Between `start` and `stop`; `parts` are the root processes of each part of the server."""

    def __init__(self, parts: dict[str, int]) -> None:
        self.parts = parts
        self.peak = 0.0
        self.ended = threading.Event()
        self.sampler = threading.Thread(target=self._sample, daemon=True)

    def start(self) -> None:
        self.sampler.start()
        self.before = self._read()

    def stop(self) -> Usage:
        after = self._read()
        self.ended.set()
        self.sampler.join()
        self.peak = max(self.peak, memory_mb(self.parts.values()))
        spent = {name: after[name] - self.before[name] for name in after}
        seconds, client, all_of_it = (spent.pop(name) for name in ("", "client", "machine"))
        others = max(0.0, all_of_it - client - sum(spent.values()))
        return Usage(seconds, spent, client, others, self.peak)

    def _read(self) -> dict[str, float]:
        own = os.times()
        return {
            **cpu_by_part(self.parts),
            "client": own.user + own.system,
            "machine": machine_cpu(),
            "": time.monotonic(),
        }

    def _sample(self) -> None:
        while not self.ended.wait(SAMPLE_EVERY):
            self.peak = max(self.peak, memory_mb(self.parts.values()))


def processes() -> dict[int, tuple[int, float]]:
    """Every process: its parent, and its seconds of CPU with those of its ended children."""
    found = {}
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            try:
                fields = (place / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it has just ended
            found[int(place.name)] = (int(fields[1]), sum(map(int, fields[11:15])) / TICKS)
    return found


def cpu_by_part(parts: dict[str, int]) -> dict[str, float]:
    """Each process counts for the nearest part above it: a part may lie within another."""
    known = processes()
    name_of = {pid: name for name, pid in parts.items()}
    spent = dict.fromkeys(parts, 0.0)
    for pid, (_, seconds) in known.items():
        above = pid
        while above in known and above not in name_of:
            above = known[above][0]
        if above in name_of:
            spent[name_of[above]] += seconds
    return spent


def tree_of(roots: set[int]) -> set[int]:
    """The processes and all that descend from them."""
    children: dict[int, list[int]] = defaultdict(list)
    for pid, (parent, _) in processes().items():
        children[parent].append(pid)
    found: set[int] = set()
    waiting = list(roots)
    while waiting:
        pid = waiting.pop()
        found.add(pid)
        waiting += children[pid]
    return found


def memory_mb(roots: Iterable[int]) -> float:
    """PSS of the trees, in MB."""
    total = 0
    for pid in tree_of(set(roots)):
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        found = re.search(r"^Pss:\s+(\d+)", text, re.MULTILINE)
        total += int(found[1]) if found else 0
    return total / 1024


def machine_cpu() -> float:
    """Seconds of CPU that the whole machine has spent, idling and waiting aside."""
    fields = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return sum(fields[:3] + fields[5:8]) / TICKS


def quiet_note(parts: dict[str, int]) -> str:
    """One second's look at what others do on this machine, while we ask nothing of the server."""
    before, began = _of_others(parts), time.monotonic()
    threading.Event().wait(1)
    cores = max(0.0, (_of_others(parts) - before) / (time.monotonic() - began))
    verdict = "quiet" if cores < BUSY_FROM else "NOT QUIET: trust CPU and ratios, not latencies"
    return f"Before the load others used {cores:.2f} of {os.cpu_count()} cores ({verdict})."


def _of_others(parts: dict[str, int]) -> float:
    return machine_cpu() - sum(cpu_by_part(parts).values())
