"""What the journal writes, as the database's driver takes it.

SQLAlchemy writes these statements, once for an engine. Having it compile and execute them each time takes several
times as long as SQLite needs for them, and a press waits for that.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import BindParameter, Column, Connection, Dialect, Executable, bindparam, insert, select, update
from sqlalchemy.exc import DBAPIError

from alerts.journal.schema import ALARM, OCCURRENCE, OPEN, OUTBOX, SEQUENCE, TRANSITION

#: How many values a statement with a list takes; a list is filled up to the next of these sizes, so that few suffice.
#: Writing one of 256 takes some 10 ms, once, for which a press may have to wait.
_SIZES: Final = (1, 4, 32, 256)

#: Columns of a letter that are written once something became of it.
_LATER: Final = frozenset({"done_ms", "sent_ms", "delivered_ms", "read_ms", "parcel"})


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


def execute(connection: Connection, text: str, values: Any = (), *, each: bool = False) -> Any:
    """Have the driver execute a statement once, or for `each` of the values; its cursor.

    SQLAlchemy's own way to it takes several times as long as SQLite. It raises what SQLAlchemy does: DBAPIError.
    """
    cursor = connection.connection.cursor()
    try:
        if each:
            cursor.executemany(text, values)
        else:
            cursor.execute(text, values)
    except Exception as error:
        raise _told(connection, text, error) from error
    return cursor


def _told(connection: Connection, text: str, error: Exception) -> BaseException:
    """What SQLAlchemy makes of an error of the driver; a connection that is gone is used no more."""
    dialect = connection.dialect
    driver = dialect.dbapi
    if driver is None or not isinstance(error, driver.Error):
        return error
    gone = dialect.is_disconnect(error, connection.connection.dbapi_connection, None)
    if gone:
        connection.invalidate(error)
    return DBAPIError.instance(
        text, None, error, driver.Error, hide_parameters=True, connection_invalidated=gone, dialect=dialect
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

    def run(self, connection: Connection, values: Mapping[str, Any]) -> None:
        """Execute it once."""
        execute(connection, self._text, self._given(values))

    def rows(self, connection: Connection, values: Mapping[str, Any]) -> list[Any]:
        """Execute it once; its rows, whose values are in the order of its columns."""
        rows: list[Any] = execute(connection, self._text, self._given(values)).fetchall()
        return rows

    def run_each(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute it for each row, if there is any."""
        if len(rows) == 1:
            self.run(connection, rows[0])
        elif rows:
            execute(connection, self._text, [self._given(row) for row in rows], each=True)

    def _given(self, values: Mapping[str, Any]) -> Any:
        if self._fixed:
            values = self._fixed | dict(values)
        return values if self._order is None else tuple([values[name] for name in self._order])


class ListStatement:
    """A SELECT of columns by a list of values of one, of which there may be any number."""

    def __init__(self, columns: Sequence[Column[Any]], by: Column[Any], *conditions: Any, dialect: Dialect) -> None:
        self._columns, self._by, self._conditions, self._dialect = columns, by, conditions, dialect
        self._sized: dict[int, Statement] = {}

    def rows(self, connection: Connection, values: Sequence[str]) -> list[Any]:
        """The rows of all values, in no order."""
        rows: list[Any] = []
        for start in range(0, len(values), _SIZES[-1]):
            some = values[start : start + _SIZES[-1]]
            size = next(size for size in _SIZES if size >= len(some))
            given = {f"v{n}": some[min(n, len(some) - 1)] for n in range(size)}
            rows += self._of_size(size).rows(connection, given)
        return rows

    def _of_size(self, size: int) -> Statement:
        if size not in self._sized:
            any_of = self._by.in_([_value(f"v{n}") for n in range(size)])
            self._sized[size] = Statement(select(*self._columns).where(any_of, *self._conditions), self._dialect)
        return self._sized[size]


class Statements:
    """The journal's statements for one engine."""

    def __init__(self, dialect: Dialect) -> None:
        self.lock = Statement(_LOCK, dialect)
        self.correct = Statement(_CORRECT, dialect)
        self.open_of_keys = ListStatement(list(ALARM.c), ALARM.c.key, OPEN, dialect=dialect)
        self.known = ListStatement([OCCURRENCE.c.occurrence], OCCURRENCE.c.occurrence, dialect=dialect)
        self.open_of_devices = ListStatement(list(ALARM.c), ALARM.c.device, OPEN, dialect=dialect)
        self.told_by = Statement(select(ALARM.c.key, ALARM.c.site, ALARM.c.device).where(OPEN), dialect)
        self.due = Statement(_DUE, dialect)
        self.change_alarm = Statement(_UPDATE_ALARM, dialect)
        self.new_alarm, self.new_occurrence, self.new_transition, self.new_letter = (
            Statement(insert(table), dialect, [c.name for c in table.c if c.name not in _LATER])
            for table in (ALARM, OCCURRENCE, TRANSITION, OUTBOX)
        )

    def rehearse(self, connection: Connection) -> None:
        """Ask what a few presses ask, so that the first ones do not wait for these statements to be written."""
        for asked in (self.open_of_keys, self.known):
            for size in _SIZES[:2]:
                asked.rows(connection, [""] * size)
