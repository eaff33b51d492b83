"""Evidence that adds up: what each reading says for or against, summed between bounds along the streams of many rows.

The sequential test of Page (1954, "Continuous inspection schemes"): log-likelihood ratios are added; a floor keeps a
long quiet time from outweighing what happens now, a ceiling keeps the way back short. Sums are whole thousandths of a
nat, so that a stream cut anywhere adds up to the same.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from alerts.detectors.segments import Int, Segments

Float = NDArray[np.float64]

#: Units of evidence in a nat.
PER_NAT: Final = 1000
#: The radius that holds 68 % of two-dimensional normal errors, in standard deviations along one axis:
#: sqrt(-2 ln 0.32), Rayleigh.
SIGMAS_OF_68: Final = 1.5096


def beyond_edge(distance_m: Float, sigma_m: Float, most_nat: Float) -> Float:
    """Evidence (n,), in nats, that a person is beyond an edge, from a fix `distance_m` beyond it (negative: within).

    The logarithm of the ratio of the greatest likelihoods of the fix, with the person anywhere beyond and anywhere
    within, for normal errors of `sigma_m` along each axis; at most `most_nat` either way, as errors have longer tails.
    """
    nat = distance_m * np.abs(distance_m) / (2.0 * sigma_m * sigma_m)
    capped: Float = np.minimum(np.maximum(nat, -most_nat), most_nat)
    return capped


def added_up(segments: Segments, steps: Int, restart: NDArray[np.bool_], low: int, high: int, carried: Int) -> Int:
    """The sum (n,) after each step, kept in [low, high] after every one; 0 after one that is a `restart`.

    `carried` is, by group, the sum before the batch.
    """
    if segments.alone:
        once: Int = np.minimum(np.maximum(segments.of_group(carried) + steps, low), high)
        return np.where(restart, 0, once) if restart.any() else once
    # A step is the function clip(sum + add, least, most); functions of this form compose to one of this form, so
    # the sums of a segment come by doubling: as many rounds as the longest segment's length has binary digits.
    add = np.where(restart, 0, steps)
    least, most = np.where(restart, 0, low), np.where(restart, 0, high)
    place = np.arange(len(steps)) - segments.start
    reach, longest = 1, int(place.max(initial=0)) + 1
    while reach < longest:
        later = np.flatnonzero(place >= reach)
        earlier = later - reach
        bounds = least[later], most[later]
        further = add[later]
        sums = add[earlier] + further
        lower, upper = np.clip(least[earlier] + further, *bounds), np.clip(most[earlier] + further, *bounds)
        add[later], least[later], most[later] = sums, lower, upper
        reach *= 2
    result: Int = np.clip(carried[segments.group] + add, least, most)
    return result
