"""Clips and reports of missed falls in SQL, beside the journal: what a person said of a fall stays with its samples.

What an alarm turned out to be stands in the journal and nowhere else; a clip is labelled when its alarm was closed as
real or false, or when it came with a report. Bounded: beyond so many clips, or so many bytes, the oldest without a
label go first, then the oldest. Nothing here changes how falls are found.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Engine,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    String,
    Table,
    Text,
    case,
    delete,
    func,
    insert,
    select,
    update,
)

from alerts.alarm import Outcome
from alerts.falls.clips import Clip
from alerts.falls.samples import Samples
from alerts.journal.schema import ALARM, READ_ONLY, metadata

clip_metadata: Final = MetaData()
CLIP: Final = Table(
    "fall_clip",
    clip_metadata,
    # The alarm's name, or the report's.
    Column("alarm", String(24), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("site", String(64), nullable=False),
    Column("device", String(64), nullable=False),
    Column("resident", Text),
    Column("impact_ms", BigInteger, nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("samples", LargeBinary, nullable=False),
)
Index("fall_clip_impact", CLIP.c.impact_ms)
REPORT: Final = Table(
    "missed_fall",
    clip_metadata,
    Column("report", String(24), primary_key=True),
    Column("site", String(64), nullable=False),
    Column("resident", String(64), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("by", String(64), nullable=False),
    Column("reported_ms", BigInteger, nullable=False),
    Column("note", Text, nullable=False),
)


@dataclass(frozen=True, slots=True)
class MissedFall:
    """A fall that raised no alarm, as a caregiver reported it: whose, about when, and what was found."""

    report: str
    site: str
    resident: str
    at_ms: int
    by: str
    reported_ms: int
    note: str


@dataclass(frozen=True, slots=True)
class Labelled:
    """A clip of which a person said what it was; `missed`: it came with a report, and its impact is not known."""

    clip: Clip
    is_fall: bool
    missed: bool


_JOINED: Final = CLIP.outerjoin(ALARM, CLIP.c.alarm == ALARM.c.alarm).outerjoin(REPORT, CLIP.c.alarm == REPORT.c.report)
_LABELLED: Final = ALARM.c.outcome.in_((Outcome.TRUE, Outcome.FALSE)) | REPORT.c.report.is_not(None)


class ClipStore:
    """Clips on disk, at most `most` and `max_bytes`; synchronous, one call a transaction."""

    def __init__(self, engine: Engine, *, most: int = 5_000, max_bytes: int = 100_000_000) -> None:
        self._engine = engine
        self._readers = engine.execution_options(**READ_ONLY)
        self._most = most
        self._max_bytes = max_bytes
        metadata.create_all(engine)
        clip_metadata.create_all(engine)

    def keep(self, clip: Clip) -> None:
        """Write a clip, in the place of what there was of it, and make room if need be."""
        samples = clip.samples.packed()
        values = {"samples": samples, "size_bytes": len(samples)}
        mine = (CLIP.c.alarm == clip.alarm) & (CLIP.c.number == clip.number)
        with self._engine.begin() as connection:
            if connection.execute(update(CLIP).where(mine).values(values)).rowcount:
                return
            names = ("alarm", "number", "site", "device", "resident", "impact_ms")
            connection.execute(insert(CLIP).values({name: getattr(clip, name) for name in names} | values))
        self._make_room(clip.alarm)

    def report(self, missed: MissedFall, clips: Sequence[Clip]) -> None:
        """Write a report of a missed fall with what samples there were."""
        with self._engine.begin() as connection:
            connection.execute(insert(REPORT).values(asdict(missed)))
        for clip in clips:
            self.keep(clip)

    def of_alarm(self, alarm: str) -> list[Clip]:
        """The clips of an alarm or a report, in the order of its falls."""
        query = select(CLIP).where(CLIP.c.alarm == alarm).order_by(CLIP.c.number)
        with self._readers.connect() as connection:
            return [_clip_of(row) for row in connection.execute(query)]

    def since(self, impact_ms: int) -> list[Clip]:
        """Clips of falls since then: those that a restart may have cut short."""
        with self._readers.connect() as connection:
            return [_clip_of(row) for row in connection.execute(select(CLIP).where(CLIP.c.impact_ms >= impact_ms))]

    def labelled(self) -> Iterator[Labelled]:
        """Every clip of which a person said what it was, oldest first."""
        query = (
            select(CLIP, ALARM.c.outcome, REPORT.c.report)
            .select_from(_JOINED)
            .where(_LABELLED)
            .order_by(CLIP.c.impact_ms, CLIP.c.alarm, CLIP.c.number)
        )
        with self._readers.connect() as connection:
            for row in connection.execution_options(yield_per=100).execute(query):
                missed = row.report is not None
                yield Labelled(_clip_of(row), missed or row.outcome == Outcome.TRUE, missed)

    def missed_falls(self) -> list[MissedFall]:
        """Every report, oldest first."""
        with self._readers.connect() as connection:
            rows = connection.execute(select(REPORT).order_by(REPORT.c.reported_ms, REPORT.c.report))
            return [MissedFall(**row._asdict()) for row in rows]

    def size(self) -> tuple[int, int]:
        """How many clips there are, and their bytes."""
        query = select(func.count(), func.coalesce(func.sum(CLIP.c.size_bytes), 0)).select_from(CLIP)
        with self._readers.connect() as connection:
            count, size_bytes = connection.execute(query).one()
        return int(count), int(size_bytes)

    def _make_room(self, newest: str) -> None:
        """Remove what is beyond the bounds, but never what was just written."""
        count, size_bytes = self.size()
        if count <= self._most and size_bytes <= self._max_bytes:
            return
        kept_longer = case((_LABELLED, 1), else_=0)
        query = (
            select(CLIP.c.alarm, CLIP.c.number, CLIP.c.size_bytes)
            .select_from(_JOINED)
            .where(CLIP.c.alarm != newest)
            .order_by(kept_longer, CLIP.c.impact_ms)
        )
        with self._engine.begin() as connection:
            for alarm, number, its_bytes in connection.execute(query).all():
                if count <= self._most and size_bytes <= self._max_bytes:
                    return
                connection.execute(delete(CLIP).where(CLIP.c.alarm == alarm, CLIP.c.number == number))
                count, size_bytes = count - 1, size_bytes - its_bytes


def _clip_of(row: Row[tuple[object, ...]]) -> Clip:
    return Clip(row.alarm, row.number, row.site, row.device, row.resident, row.impact_ms, Samples.unpacked(row.samples))
