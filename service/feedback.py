"""What a caregiver reports that the service missed: kept with the motion there still is of that time."""

import asyncio
import secrets
from dataclasses import dataclass
from typing import Final, Literal

from alerts.falls.clip_store import MissedFall
from alerts.falls.clips import Clip
from alerts.falls.samples import Packets
from ingest.stores.contract import StoreUnavailable
from service.api.house import Clips, Readings

#: A report says about when; so much on either side of it is kept.
AROUND_S: Final = 300.0

#: Why there is no motion: none of that time is kept; it is in another database; the store cannot be read now.
NothingKept = Literal["none", "elsewhere", "unavailable"]


@dataclass(frozen=True, slots=True)
class Kept:
    """What there was to keep: seconds of motion, 0 with the `reason` in a stable word."""

    motion_s: float
    reason: NothingKept | None


def new_report(reported_ms: int) -> str:
    """A report's name: when it was made, and 32 bits by chance."""
    return f"M{reported_ms:x}-{secrets.token_hex(4)}"


async def motion_around(missed: MissedFall, readings: Readings | None) -> tuple[list[Clip], Kept]:
    """The motion of the resident's devices around a missed fall, as far as the store kept it."""
    if readings is None:
        return [], Kept(0.0, "elsewhere")
    from_ms, to_ms = (missed.at_ms + side * round(AROUND_S * 1000) for side in (-1, 1))
    try:
        found = await readings.motion(missed.resident, from_ms, to_ms)
    except StoreUnavailable:
        return [], Kept(0.0, "unavailable")
    clips = []
    for number, (tag, motion) in enumerate(found, start=1):  # a resident's devices
        samples = Packets.of(motion).of_row(0).between(from_ms, to_ms)
        if len(samples):
            clip = Clip(missed.report, number, tag.site, tag.device, missed.resident, missed.at_ms, samples)
            clips.append(clip)
    motion_s = max((float((clip.samples.count / clip.samples.rate_hz).sum()) for clip in clips), default=0.0)
    return clips, Kept(round(motion_s, 1), None if clips else "none")


async def keep_report(missed: MissedFall, clips: Clips, readings: Readings | None) -> Kept:
    """Keep a report, with its motion where there is some."""
    found, kept = await motion_around(missed, readings)
    await asyncio.to_thread(clips.report, missed, found)
    return kept
