"""What detectors say: a condition began, came again, ended, was called off, or has a further witness."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol

Evidence = tuple[tuple[str, float | int | str], ...]


class Condition(StrEnum):
    """What is wrong, in the words of the alarm feed."""

    SOS = "sos"
    FALL = "fall"
    VITALS = "vitals"
    BED = "bed"
    GEOFENCE = "geofence"
    DEVICE = "device"


class Priority(StrEnum):
    """From the harm if nobody responds and how soon it sets in (IEC 60601-1-8)."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Change(StrEnum):
    """What a finding says of its condition; `lost` and `heard` say of its device whether it could tell at all."""

    BEGAN = "began"
    ENDED = "ended"
    CANCELLED = "cancelled"
    WITNESSED = "witnessed"
    LOST = "lost"
    HEARD = "heard"


#: A fall and a press stay until a person has dealt with them, whatever the sensor says next.
LATCHING: Final = frozenset({Condition.SOS, Condition.FALL})
#: The cause, of the condition `device`, by which a device is lost from its beginning to its end.
SILENT: Final = "silent"


@dataclass(frozen=True, slots=True)
class Finding:
    """One change of one condition on one device.

    `row` is the device's row, `cause` a stable word for what exactly (``spo2_low``, ``press``), `onset_ms` the
    device time at which the condition began, `found_ms` the device time of the reading that decided (for
    findings of a tick: the time given), and `evidence` the values and limits that caused it, units in the names.
    Of what is `witnessed`, `priority` is how urgent it now is, and `evidence` what the witness adds.
    `drill` marks a test press. `subject` tells apart two alarms of one device, condition and cause, such as two
    channels that fail. What is `lost` or `heard` raises and ends no alarm: it says from when on (`onset_ms`) the device
    that raised others was silent, or that it is heard again; a silence that is itself an alarm says so by itself.
    `of_site`: it is about the whole site of the device of `row`, and told of the service itself there. `rows`: the
    devices of which what is `lost` or `heard` is said, where it is said of several at once; `row` is one of them.
    """

    row: int
    condition: Condition
    cause: str
    change: Change
    priority: Priority
    onset_ms: int
    found_ms: int
    evidence: Evidence = field(default=())
    drill: bool = False
    subject: str = ""
    of_site: bool = False
    rows: tuple[int, ...] = ()


class Origin(Protocol):
    """Who says it: a registered device, or the service itself."""

    @property
    def site(self) -> str: ...
    @property
    def device(self) -> str: ...
    @property
    def resident(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class ServiceItself:
    """The service as the device that says what is wrong with a site or with the service itself."""

    site: str
    device: str = "shouhu"
    resident: None = None
