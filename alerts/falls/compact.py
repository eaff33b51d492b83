"""Samples in four bytes instead of six: what is kept of everybody's last seconds in case they fall.

A sample is three numbers of ten bits that share how far they are shifted: by 0, 2, 4 or 6 bits, as little as its
largest axis allows. In counts of 2 mg that is steps of 2 mg below 1 g, of 8 mg below 4 g, of 32 mg below 16 g and of
128 mg up to 64 g. Nothing is off by more than half a step, which is less than half a hundredth of the largest axis.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int16]
Word = NDArray[np.int32]

_BITS: Final = 10
_MASK: Final = (1 << _BITS) - 1
#: What still fits into ten bits with a sign after a shift by 0, 2 and 4.
_FITS: Final = (511, 511 << 2 | 3, 511 << 4 | 15)


def compact(counts: Counts) -> Word:
    """Samples (n, 3) as words (n,)."""
    axes = [counts[:, axis].astype(np.int32) for axis in range(3)]  # numpy is slow along a last axis of three
    reach = np.abs(axes[0])  # of as many bits as the largest of the three
    for axis in axes[1:]:
        reach |= np.abs(axis)
    word = (reach > _FITS[0]).astype(np.int32)
    for fits in _FITS[1:]:
        word += reach > fits
    shift = 2 * word
    for axis in axes:
        axis >>= shift
        axis &= _MASK
        word <<= _BITS
        word |= axis
    return word


def expanded(words: Word) -> Counts:
    """The samples (n, 3) of words (n,), each in the middle of what its word stands for."""
    shift = 2 * (words[:, np.newaxis] >> 3 * _BITS & 0b11)
    short = words[:, np.newaxis] >> np.array([2 * _BITS, _BITS, 0]) & _MASK
    short -= (short > _MASK >> 1) * (_MASK + 1)  # the sign
    middle = (1 << shift) >> 1
    counts: Counts = ((short << shift) + middle).astype(np.int16)
    return counts
