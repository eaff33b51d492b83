"""What the journal writes, as the database's driver takes it.

SQLAlchemy writes these statements, once for an engine. Having it compile and execute them each time takes several
times as long as SQLite needs for them, and a press waits for that.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import BindParameter, Connection, Dialect, Executable, Table, bindparam, insert, select, update

from alerts.journal.schema import ALARM, OCCURRENCE, OPEN, OUTBOX, SEQUENCE, TRANSITION

#: How many values a statement with a list takes; a list is filled up to the next of these sizes, so that few suffice.
#: Writing one of 256 takes some 10 ms, once, for which a press may have to wait.
_SIZES: Final = (1, 4, 32, 256)

#: Columns of a letter that are written once something became of it.
_LATER: Final = frozenset({"done_ms", "sent_ms", "delivered_ms", "read_ms"})


def _value(name: str) -> BindParameter[Any]:
    """What is given when the statement is executed; not yet when it is written."""
    return bindparam(name, required=False)


_LOCK: Final = (
    update(SEQUENCE).where(SEQUENCE.c.id == 1).values(last=SEQUENCE.c.last + _value("more")).returning(SEQUENCE.c.last)
)
_CORRECT: Final = update(SEQUENCE).where(SEQUENCE.c.id == 1).values(last=_value("latest"))
_UPDATE_ALARM: Final = (
    update(ALARM)
    .where(ALARM.c.alarm == _value("b_alarm"))
    .values({c.name: _value(c.name) for c in ALARM.c if c.name not in ("alarm", "key")})
)
_DUE: Final = (
    select(ALARM)
    .where(ALARM.c.priority == _value("of_priority"), ALARM.c.due_ms <= _value("now_ms"))
    .order_by(ALARM.c.due_ms)
    .limit(_value("most"))
)


class Statement:
    """A statement in the words of one dialect; values are given by name, `names` are those of an INSERT's columns."""

    def __init__(self, statement: Executable, dialect: Dialect, names: Sequence[str] | None = None) -> None:
        compiled: Any = statement.compile(  # type: ignore[attr-defined]
            dialect=dialect, column_keys=names, compile_kwargs={"render_postcompile": True}
        )
        self._text = str(compiled)
        self._order: tuple[str, ...] | None = tuple(compiled.positiontup) if compiled.positional else None
        self._fixed = {name: value for name, value in compiled.params.items() if value is not None}

    def run(self, connection: Connection, values: Mapping[str, Any]) -> Any:
        """Execute it once; its result."""
        return connection.exec_driver_sql(self._text, self._given(values))

    def run_each(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute it for each row, if there is any."""
        if rows:
            connection.exec_driver_sql(self._text, [self._given(row) for row in rows])

    def _given(self, values: Mapping[str, Any]) -> Any:
        if self._fixed:
            values = self._fixed | dict(values)
        return values if self._order is None else tuple([values[name] for name in self._order])


class ListStatement:
    """A SELECT by a list of values, of which there may be any number."""

    def __init__(self, table: Table, column: str, *conditions: Any, dialect: Dialect) -> None:
        self._table, self._column, self._conditions, self._dialect = table, table.c[column], conditions, dialect
        self._sized: dict[int, Statement] = {}

    def run(self, connection: Connection, values: Sequence[str]) -> list[Any]:
        """The rows of all values, in no order."""
        rows: list[Any] = []
        for start in range(0, len(values), _SIZES[-1]):
            some = values[start : start + _SIZES[-1]]
            size = next(size for size in _SIZES if size >= len(some))
            given = {f"v{n}": some[min(n, len(some) - 1)] for n in range(size)}
            rows += self._of_size(size).run(connection, given)
        return rows

    def _of_size(self, size: int) -> Statement:
        if size not in self._sized:
            any_of = self._column.in_([_value(f"v{n}") for n in range(size)])
            self._sized[size] = Statement(select(self._table).where(any_of, *self._conditions), self._dialect)
        return self._sized[size]


class Statements:
    """The journal's statements for one engine."""

    def __init__(self, dialect: Dialect) -> None:
        self.lock = Statement(_LOCK, dialect)
        self.correct = Statement(_CORRECT, dialect)
        self.open_of_keys = ListStatement(ALARM, "key", OPEN, dialect=dialect)
        self.known = ListStatement(OCCURRENCE, "occurrence", dialect=dialect)
        self.open_of_devices = ListStatement(ALARM, "device", OPEN, dialect=dialect)
        self.told_by = Statement(select(ALARM.c.key, ALARM.c.site, ALARM.c.device).where(OPEN), dialect)
        self.due = Statement(_DUE, dialect)
        self.change_alarm = Statement(_UPDATE_ALARM, dialect)
        self.new_alarm, self.new_occurrence, self.new_transition, self.new_letter = (
            Statement(insert(table), dialect, [c.name for c in table.c if c.name not in _LATER])
            for table in (ALARM, OCCURRENCE, TRANSITION, OUTBOX)
        )
