"""The motion around a fall, kept with its alarm so that a nurse can judge it: ten seconds before to twenty after.

A clip is begun when its fall is journalled, with what is known of the bracelet's last seconds, and grows by whatever
samples of its span come, whenever they come. It is handed over to be written at once, every few seconds while it grows
and when it is complete, so a crash costs no more than the seconds between.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from alerts.falls.samples import Packets, Samples, gaps_of

BEFORE_S: Final = 10.0
AFTER_S: Final = 20.0
#: A fall seen within this of one that has a clip is in that clip.
_SAME_MS: Final = 15_000
#: How long a clip waits for samples that come late; a burst comes within minutes or not at all.
PATIENCE_MS: Final = 300_000
#: What is new is written so often meanwhile, for a screen that looks at it and against a crash.
_REWRITE_MS: Final = 5_000
#: Clips of one alarm: somebody who falls again while nobody has closed the alarm. Later ones are not kept.
PER_ALARM: Final = 4
#: Clips that grow at one time; beyond that a fall has its alarm and no clip.
_MOST: Final = 1_000
#: Twice the samples of a bracelet at 200 Hz: what a device that repeats itself can make a clip grow to.
_SAMPLES_MOST: Final = 12_000


@dataclass(frozen=True, slots=True)
class Clip:
    """Samples of [impact - BEFORE_S, impact + AFTER_S) of one device; `number` counts the falls of an alarm from 1."""

    alarm: str
    number: int
    site: str
    device: str
    resident: str | None
    impact_ms: int
    samples: Samples

    @property
    def span_ms(self) -> tuple[float, float]:
        """From when to when."""
        return self.impact_ms - BEFORE_S * 1000, self.impact_ms + AFTER_S * 1000

    @property
    def gaps_s(self) -> list[tuple[float, float]]:
        """Where samples are missing, in seconds from the impact."""
        gaps = gaps_of(self.samples.sample_ms, *self.span_ms)
        return [((begin - self.impact_ms) / 1000, (end - self.impact_ms) / 1000) for begin, end in gaps]

    @property
    def is_whole(self) -> bool:
        """Whether its last second has come."""
        return len(self.samples) > 0 and self.samples.sample_ms[-1] >= self.span_ms[1] - 1000

    def with_more(self, samples: Samples) -> "Clip":
        """The clip with what of these samples lies in its span."""
        joined = Samples.joined([self.samples, samples.between(*self.span_ms)])
        return self if len(joined) > _SAMPLES_MOST else replace(self, samples=joined)


@dataclass(slots=True)
class _Growing:
    clip: Clip
    row: int
    until_ms: int
    written_ms: int
    changed: bool


class Clips:
    """The clips that are growing now; `write` is given each when there is more of it, and keeps it."""

    def __init__(self, write: Callable[[Clip], None]) -> None:
        self._write = write
        self._growing: dict[tuple[str, int], _Growing] = {}
        self._impacts_ms: dict[str, dict[int, int]] = {}  # of an alarm's clips, by number

    def __len__(self) -> int:
        return len(self._growing)

    def begin(self, clip: Clip, row: int, now_ms: int) -> None:
        """Begin a clip; its number is given here. One of a fall that has its clip already changes nothing."""
        impacts_ms = self._impacts_ms.setdefault(clip.alarm, {})
        if any(abs(clip.impact_ms - other_ms) <= _SAME_MS for other_ms in impacts_ms.values()):
            return
        if len(impacts_ms) >= PER_ALARM or len(self._growing) >= _MOST:
            return
        number = max(impacts_ms, default=0) + 1
        impacts_ms[number] = clip.impact_ms
        clip = replace(clip, number=number, samples=Samples.none()).with_more(clip.samples)
        self._growing[clip.alarm, clip.number] = _Growing(clip, row, now_ms + PATIENCE_MS, now_ms, changed=False)
        self._write(clip)

    def know(self, clip: Clip, row: int | None, now_ms: int) -> None:
        """Take a clip up again that was being written before a restart; no row: its device has left."""
        self._impacts_ms.setdefault(clip.alarm, {})[clip.number] = clip.impact_ms
        if row is not None and not clip.is_whole:
            self._growing[clip.alarm, clip.number] = _Growing(clip, row, now_ms + PATIENCE_MS, now_ms, changed=False)

    def take(self, packets: Packets, now_ms: int) -> None:
        """Let clips grow by a batch."""
        for one in list(self._growing.values()):  # few: people who have just fallen
            new = packets.of_row(one.row)
            if not len(new):
                continue
            grown = one.clip.with_more(new)
            one.changed |= len(grown.samples) > len(one.clip.samples)
            one.clip = grown
            # Complete when the device itself is past the end: what comes later in time has come.
            if np.max(new.sample_ms) >= grown.span_ms[1]:
                self._hand_over(one, now_ms)
                one.until_ms = min(one.until_ms, now_ms + _REWRITE_MS)

    def tick(self, now_ms: int) -> None:
        """Hand over what has grown, and let go of clips that are complete or for which nothing more comes."""
        for name, one in list(self._growing.items()):  # few: people who have just fallen
            if now_ms - one.written_ms >= _REWRITE_MS or now_ms >= one.until_ms:
                self._hand_over(one, now_ms)
            if now_ms >= one.until_ms:
                del self._growing[name]

    def forget(self, alarm: str) -> None:
        """An alarm was closed: another fall is another alarm. What grows grows on."""
        self._impacts_ms.pop(alarm, None)

    def hand_over_all(self) -> None:
        """Hand over what there is of every clip: the service ends."""
        for one in self._growing.values():
            self._hand_over(one, one.written_ms)

    def _hand_over(self, one: _Growing, now_ms: int) -> None:
        if one.changed:
            one.changed, one.written_ms = False, now_ms
            self._write(one.clip)
