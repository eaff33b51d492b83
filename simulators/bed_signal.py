"""The raw signal of a bed mat: breathing, the push of every beat against the mattress, turning over, and noise.

A beat is the I-J-K complex of the ballistocardiogram, a few swings of about 5 Hz (Inan et al. 2015, IEEE J Biomed
Health Inform 19:1414), ten times as small as the breath it rides on. Made by rule: it shows that the arithmetic is
right, not how well real mats are read.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingest.contract import BcgMessage, Kind, encode_binary, encode_json, topic_of
from simulators.stream import Float, Sent, optional

_SWING_HZ = 5.0
_SWING_S = 0.12


@dataclass(frozen=True, slots=True)
class Sleeper:
    """What a mat measures of one who lies on it: true rates, how much they vary from one breath or beat to the next
    (shares), and the sizes of breath, beat and noise (arbitrary unit)."""

    heart_rate_bpm: float = 64.0
    respiration_per_min: float = 14.0
    beat_variation: float = 0.04
    breath_variation: float = 0.08
    breath_size: float = 1.0
    beat_size: float = 0.1
    noise_size: float = 0.01


def bed_signal(
    rng: np.random.Generator,
    sleeper: Sleeper,
    rate_hz: float,
    duration_s: float,
    moving: tuple[tuple[float, float], ...] = (),
) -> Float:
    """Samples (n,) from second 0 on; in the stretches `moving`, (begin, end) in seconds, the sleeper turns over."""
    time_s = np.arange(round(duration_s * rate_hz)) / rate_hz
    breaths_s = _events(rng, 60 / sleeper.respiration_per_min, sleeper.breath_variation, duration_s)
    phase = np.interp(time_s, breaths_s, np.arange(len(breaths_s)))
    # In quickly, out slowly: the second harmonic leans the wave.
    breath = np.sin(2 * np.pi * phase) + 0.3 * np.sin(4 * np.pi * phase)
    beats_s = _events(rng, 60 / sleeper.heart_rate_bpm, sleeper.beat_variation, duration_s)
    since_s = time_s - beats_s[np.searchsorted(beats_s, time_s, side="right") - 1]
    envelope = (since_s / _SWING_S) * np.exp(1 - since_s / _SWING_S)
    signal = sleeper.breath_size * breath
    signal += sleeper.beat_size * envelope * np.sin(2 * np.pi * _SWING_HZ * since_s)
    signal += sleeper.noise_size * rng.standard_normal(len(time_s))
    for begin_s, end_s in moving:  # a handful of times
        inside = (time_s >= begin_s) & (time_s < end_s)
        swings = np.sin(2 * np.pi * rng.uniform(0.5, 3.0, (5, 1)) * time_s[inside] + rng.uniform(0, 6, (5, 1)))
        signal[inside] += 15 * sleeper.breath_size * rng.standard_normal(5) @ swings
    result: Float = signal
    return result


def bed_signal_packets(
    site: str,
    device: str,
    time_ms: Float,
    signal: NDArray[np.floating],
    rate_hz: float,
    *,
    packet_s: float = 1.0,
    binary: bool = True,
) -> list[Sent]:
    """Samples (n,), evenly spaced from `time_ms` (n,) on, as the packets a mat sends when the last has been taken.

    Binary samples use the whole of int16.
    """
    topic = topic_of(site, device, Kind.BCG)
    packet = max(1, round(packet_s * rate_hz))
    counts = max(1, min(65_535, int(32_767 / max(1e-9, float(np.abs(signal).max(initial=0.0))))))
    messages = []
    # One payload a packet is what a device sends.
    for start in range(0, len(signal), packet):
        part = signal[start : start + packet]
        first_ms = round(float(time_ms[start]))
        if binary:
            payload = encode_binary(Kind.BCG, time_ms=first_ms, rate_hz=rate_hz, samples=part, counts_per_unit=counts)
        else:
            values = [value for value in optional(part.tolist(), 6) if value is not None]
            payload = encode_json(BcgMessage(t=first_ms, rate=rate_hz, v=values))
        messages.append(Sent(round(first_ms + 1000 * len(part) / rate_hz), topic, payload))
    return messages


def _events(rng: np.random.Generator, interval_s: float, variation: float, duration_s: float) -> Float:
    """Times of events from before 0 to after the end, whose intervals vary slowly and from one to the next."""
    count = int(2 * duration_s / interval_s) + 8
    slow = np.cumsum(rng.standard_normal(count)) * variation / 10
    intervals = interval_s * np.clip(1 + variation * rng.standard_normal(count) + slow - slow.mean(), 0.5, 1.5)
    times: Float = np.cumsum(intervals) - 2 * interval_s - rng.uniform(0, interval_s)
    return times
