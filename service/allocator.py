"""What the C library does with memory that was freed."""

import ctypes
import sys
from typing import Final

#: Parameters of mallopt(3) in glibc's malloc.h.
_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3


def keep_freed_memory(most_bytes: int) -> bool:
    """Keep up to so much freed memory instead of giving it back; False where the C library is not glibc.

    A batch takes and frees about a megabyte. Given back each time, its pages would be asked of the kernel, and
    cleared by it, again with every batch: a tenth of the time a message takes.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # musl has none
        return False
    return bool(mallopt(_MMAP_THRESHOLD, most_bytes // 2) and mallopt(_TRIM_THRESHOLD, most_bytes))
