"""What was not taken, and why: bad data is a value."""

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why a reading was not taken."""

    WRONG_TOPIC = "wrong_topic"
    UNKNOWN_KIND = "unknown_kind"
    UNKNOWN_DEVICE = "unknown_device"
    TOO_LARGE = "too_large"
    NOT_JSON = "not_json"
    NOT_BINARY = "not_binary"
    TRUNCATED = "truncated"
    WRONG_TYPE = "wrong_type"
    OUT_OF_RANGE = "out_of_range"
    NON_FINITE = "non_finite"
    TOO_OLD = "too_old"
    IN_FUTURE = "in_future"
    REFUSED_BY_STORE = "refused_by_store"


@dataclass(frozen=True, slots=True)
class Rejected:
    """A reading, or a whole payload, that was not taken, and why."""

    topic: str
    payload: bytes
    reason: Reason
    detail: str
    received_ms: int


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with the message at `place` of a batch."""

    place: int
    reason: Reason
    detail: str
