"""A locator: strolling inside a zone, walking out of it, and what a satellite receiver makes of both."""

from dataclasses import dataclass

import numpy as np

from ingest.contract import Crs, Kind, LocationMessage, PositionSource
from ingest.coordinates import from_wgs84, metres_per_degree
from simulators.stream import Float, Incident, Int, Sent, optional, sent

#: An old person's comfortable pace, and the pace at which somebody wanders off.
PACE_M_S = 1.0


@dataclass(frozen=True, slots=True)
class Place:
    """A round zone: its middle in WGS-84 degrees and its radius."""

    lat_deg: float
    lon_deg: float
    radius_m: float


@dataclass(frozen=True, slots=True)
class Walkers:
    """Where k people are, metres east and north (k, 2) of the middle of their zone, and where they head (k,)."""

    position_m: Float
    heading_rad: Float

    def __len__(self) -> int:
        return len(self.heading_rad)


def walkers(rng: np.random.Generator, count: int, radius_m: float) -> Walkers:
    """`count` people somewhere inside the inner half of a zone."""
    distance_m = 0.5 * radius_m * np.sqrt(rng.random(count))
    bearing = rng.uniform(0, 2 * np.pi, count)
    position = distance_m[:, None] * np.stack([np.cos(bearing), np.sin(bearing)], axis=1)
    return Walkers(position, rng.uniform(0, 2 * np.pi, count))


def stroll(
    rng: np.random.Generator,
    people: Walkers,
    count: int,
    step_s: float,
    *,
    reach_m: float,
    pace_m_s: float = 0.3,
    turn_rad: float = 0.6,
) -> tuple[Walkers, Float]:
    """A random walk of `count` steps that never leaves the circle of `reach_m`; the track is (k, count, 2) metres.

    The heading wanders; a track that would leave the square inside the circle is mirrored at its sides.
    """
    k = len(people)
    heading = people.heading_rad[:, None] + np.cumsum(rng.normal(0, turn_rad, (k, count)), axis=1)
    length_m = pace_m_s * step_s * rng.uniform(0.2, 1.0, (k, count))
    steps = length_m[:, :, None] * np.stack([np.cos(heading), np.sin(heading)], axis=2)
    free = people.position_m[:, None, :] + np.cumsum(steps, axis=1)
    half = reach_m / np.sqrt(2)
    folded = np.abs((free + half) % (4 * half) - 2 * half)  # a triangle wave: mirrored at both sides
    track = half - folded
    return Walkers(track[:, -1], heading[:, -1]), track


def walk_out(position_m: Float, elapsed_s: Float, *, pace_m_s: float = PACE_M_S) -> Float:
    """From `position_m` (2,) straight away from the middle: the track (n, 2) after `elapsed_s` (n,)."""
    distance = float(np.hypot(*position_m))
    away = position_m / distance if distance > 0 else np.array([0.0, 1.0])
    track: Float = position_m + away * (pace_m_s * elapsed_s)[:, None]
    return track


def crossing_s(position_m: Float, place: Place, *, pace_m_s: float = PACE_M_S) -> float:
    """After how long somebody walking out from `position_m` (2,) crosses the edge of the zone."""
    return max(0.0, (place.radius_m - float(np.hypot(*position_m))) / pace_m_s)


def fixes(
    rng: np.random.Generator, place: Place, track_m: Float, *, accuracy_m: float = 5.0
) -> tuple[Float, Float, Float]:
    """What a receiver says of a track (…, 2): latitude, longitude in WGS-84 and the accuracy it claims, each (…).

    `accuracy_m` is the radius of 68 % confidence, so the error on each axis has the deviation accuracy / 1.51
    (the 68 % quantile of the Rayleigh distribution).
    """
    claimed = accuracy_m * rng.uniform(0.8, 1.25, track_m.shape[:-1])
    seen_m = track_m + rng.normal(0.0, 1.0, track_m.shape) * (claimed / 1.51)[..., None]
    north_m, east_m = (float(np.asarray(v)) for v in metres_per_degree(place.lat_deg))
    return place.lat_deg + seen_m[..., 1] / north_m, place.lon_deg + seen_m[..., 0] / east_m, claimed


def location_messages(
    site: str,
    device: str,
    time_ms: Int,
    lat_deg: Float,
    lon_deg: Float,
    accuracy_m: Float | None,
    *,
    crs: Crs = Crs.WGS84,
    say_crs: bool = False,
    battery_pct: float | None = None,
    source: PositionSource | None = PositionSource.GNSS,
) -> list[Sent]:
    """Fixes (n,) in WGS-84 as a locator that speaks `crs` sends them; it names its crs only if told to."""
    spoken_lat, spoken_lon = from_wgs84(lat_deg, lon_deg, crs)
    accuracy = [None] * len(time_ms) if accuracy_m is None else optional(accuracy_m.tolist(), 1)
    battery = None if battery_pct is None else round(battery_pct, 1)
    return [
        sent(
            site,
            device,
            Kind.LOCATION,
            LocationMessage(t=at_ms, lat=lat, lon=lon, acc=acc, src=source, crs=crs if say_crs else None, bat=battery),
            at_ms,
        )
        for at_ms, lat, lon, acc in zip(
            time_ms.tolist(),
            np.round(spoken_lat, 7).tolist(),
            np.round(spoken_lon, 7).tolist(),
            accuracy,
            strict=True,
        )
    ]


def departure(device: str, resident: str, at_ms: int) -> Incident:
    """The truth of a walk out that crosses the edge at `at_ms`."""
    return Incident(resident, device, "geofence", ("left_safe_zone",), at_ms)
