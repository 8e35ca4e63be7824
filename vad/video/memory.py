"""How a process handles the memory of pictures and maps: large blocks, again and again of the same sizes."""

import ctypes
import platform

LARGEST_BLOCK, KEPT = 2**25, 2**30
"""Bytes: glibc's largest heap block, and how much freed memory stays with the process."""


def keep_freed_memory() -> None:
    """Let this process keep large blocks that it frees, for the next frame or batch (glibc only).

    Else each gets fresh pages from the system, which can cost a tenth of the time.
    """
    if platform.libc_ver()[0] == "glibc":
        libc, trim_threshold, mmap_threshold = ctypes.CDLL(None), -1, -3
        libc.mallopt(mmap_threshold, LARGEST_BLOCK)
        libc.mallopt(trim_threshold, KEPT)


def return_freed_memory() -> None:
    """Give back to the system what this process freed (glibc only): blocks of many sizes leave holes between them."""
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)
