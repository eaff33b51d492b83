"""Memory that is taken and freed again and again is asked of the kernel once."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FAULTS = """
    import resource, sys
    import numpy as np
    from service.allocator import keep_freed_memory

    if sys.argv[1] == "keep":
        assert keep_freed_memory(64_000_000)
    def work():
        pieces = [np.ones(50_000) for _ in range(10)]
    work()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        work()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(how: str) -> int:
    command = [sys.executable, "-c", textwrap.dedent(FAULTS), how]
    return int(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's allocator")
def test_freed_memory_is_used_again_without_asking_the_kernel() -> None:
    pages = 20 * 10 * 50_000 * 8 // 4096
    assert page_faults("give back") > pages / 4
    assert page_faults("keep") < pages / 20
