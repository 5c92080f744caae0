"""CPU seconds and memory of processes, as the kernel counts them."""

import resource
import sys
from pathlib import Path

import psutil


def cpu_seconds(process: psutil.Process) -> float:
    """What it has used so far itself; 0 for one that has gone."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def database_cpu_seconds(home: Path) -> float:
    """What the home's server and its children have used so far, those that have gone included."""
    server = psutil.Process(int((home / "postgresql" / "data" / "postmaster.pid").read_text().split()[0]))
    gone = server.cpu_times()
    family = [server, *server.children()]
    return sum(map(cpu_seconds, family)) + float(gone.children_user + gone.children_system)


def peak_rss_mb() -> float:
    """The most memory that this process has held since its program began."""
    status = Path("/proc/self/status")
    if status.exists():
        # Linux's ru_maxrss is that of the parent, who forked us, where the parent is the larger.
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 1024
