"""The machine: processors, memory, the C library's allocator, and what a GPU can do at most."""

import ctypes
import os
import platform
import sys
from pathlib import Path

import torch

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Of glibc's malloc.h."""
KEPT = 2**30
PEAKS = {
    # Dense bfloat16 with 32-bit sums, from the makers' data sheets. Longer names before those that they begin with.
    "H200": 989e12,
    "H100 PCIe": 756e12,
    "H100 NVL": 835e12,
    "H100": 989e12,
    "B200": 2250e12,
    "A100": 312e12,
    "A10G": 70e12,
    "A10": 125e12,
    "L40S": 362e12,
    "L4": 121e12,
    "RTX 4090": 165e12,
    "RTX 3090": 71e12,
    "MI300X": 1307e12,
    "MI250X": 383e12,
}
"""Floating-point operations a second by a part of the device's name."""


def keep_freed_memory() -> bool:
    """Makes glibc keep large freed blocks for the next step instead of giving them back; whether it was done.

    Each step frees and takes the same blocks of many megabytes. By default each is mapped anew, and the kernel clears
    every page of it: benchmarks/gains.py measures what that costs. What the user has set stays.
    """
    if sys.platform != "linux" or platform.libc_ver()[0] != "glibc":
        return False
    if any(name.startswith("MALLOC_") or name == "GLIBC_TUNABLES" for name in os.environ):
        return False
    if "malloc" in os.environ.get("LD_PRELOAD", ""):
        return False
    mallopt = ctypes.CDLL(None).mallopt
    mallopt.argtypes, mallopt.restype = (ctypes.c_int, ctypes.c_int), ctypes.c_int
    return bool(mallopt(M_MMAP_THRESHOLD, KEPT)) & bool(mallopt(M_TRIM_THRESHOLD, KEPT))


def peak_flops(device: torch.device) -> float:
    """Operations a second that the device does at most in bfloat16; 0 where that is not known."""
    if device.type != "cuda":
        return 0.0
    name = torch.cuda.get_device_name(device)
    return next((peak for part, peak in PEAKS.items() if part in name), 0.0)


def free_memory(device: torch.device) -> int:
    """Bytes that the device has free."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    free = int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2)
    info = Path("/proc/meminfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                free = int(line.split()[1]) * 1024
    limit = free_in_group()
    return free if limit is None else min(free, limit)


def free_in_group(root: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> int | None:
    """Bytes that are left to this process's control group, as a container's limit has it; None if there is no limit.

    The tightest of the groups around it counts (Linux's Documentation/admin-guide/cgroup-v2.rst). What they hold of
    files is given up where it is needed.
    """
    try:
        lines = own.read_text().splitlines()
        path = next(line.removeprefix("0::") for line in lines if line.startswith("0::")).strip("/")
    except (OSError, StopIteration):
        return None
    left: list[int] = []
    for group in (root / path, *(root / path).parents):
        if not group.is_relative_to(root):
            break
        try:
            limit, used = (group / "memory.max").read_text().strip(), int((group / "memory.current").read_text())
            counts = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        except (OSError, ValueError):
            continue  # The root has no limit, and no such files.
        if limit.isdecimal():
            left.append(max(0, int(limit) - used + int(counts.get("inactive_file", 0))))
    return min(left, default=None)


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def environment(device: torch.device) -> dict[str, str]:
    """What a result depends on beside the recipe and the data."""
    import numpy

    import netdsl

    found = {
        "netdsl": getattr(netdsl, "__version__", "unknown"),
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "numpy": numpy.__version__,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "device": str(device),
        "processor": _processor(),
        "threads": f"{torch.get_num_threads()} of {processors()} processors",
    }
    if device.type == "cuda":
        found["gpu"] = torch.cuda.get_device_name(device)
        found["cuda"] = str(torch.version.cuda or torch.version.hip)
    return found


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"
