"""Settings of the C library's memory allocator."""

import contextlib
import ctypes
import sys
from collections.abc import Callable, Iterator

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_MMAP_MAX = -1, -3, -4
_USUAL_MMAP_MAX = 65536
_LARGE, _SMALL, _NEVER = 16 << 20, 128 << 10, 2**31 - 1


@contextlib.contextmanager
def freed_memory_kept(of_any_size: bool = False) -> Iterator[None]:
    """Inside the block, glibc keeps the memory of freed tensors for the next tensors.

    The steps of a training allocate the same sizes again and again. Keeping the memory saves page faults, some 5 % of
    an iteration's time on a CPU. Other work, such as the measurement at the end, allocates other sizes, and these leave
    holes in kept memory that nothing fits in. So at the end of the block all free memory returns to the system.

    Tensors above 16 MB return to the system inside the block too. `of_any_size` keeps them, which suits a training
    whose every step has tensors of these sizes. Nothing happens with other C libraries.
    """
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    mallopt: Callable[[int, int], int] | None = getattr(library, "mallopt", None)
    if mallopt is None:
        yield
        return
    mallopt(_M_MMAP_THRESHOLD, _LARGE)
    mallopt(_M_TRIM_THRESHOLD, _NEVER)
    if of_any_size:
        mallopt(_M_MMAP_MAX, 0)
    try:
        yield
    finally:
        mallopt(_M_MMAP_THRESHOLD, _SMALL)
        mallopt(_M_TRIM_THRESHOLD, _SMALL)
        mallopt(_M_MMAP_MAX, _USUAL_MMAP_MAX)
        trim = getattr(library, "malloc_trim", None)
        if trim is not None:
            trim(0)
