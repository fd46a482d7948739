"""What a process takes: CPU seconds, memory and connections, as Linux tells them in /proc."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def cpu(pid: int, *, ended_children: bool = False) -> float:
    """Return the CPU seconds of a process, and on request those of its children that ended."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return sum(map(int, fields[11 : 15 if ended_children else 13])) / os.sysconf("SC_CLK_TCK")


def cpu_of_all(pid: int) -> float:
    """Return the CPU seconds of a process and of all its children."""
    living = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return cpu(pid, ended_children=True) + sum(cpu(int(child)) for child in living)


def memory(pid: int) -> float:
    """Return the MiB that a process has in memory; 0 once it is dead."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf8")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024 if "VmRSS:" in status else 0.0


def connections(pid: int, port: int) -> int:
    """Return how many connections a process has to a port."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    sockets = {f"socket:[{row[9]}]" for row in rows if int(row[2].partition(":")[2], 16) == port}
    count = 0
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            count += str(descriptor.readlink()) in sockets
    return count
