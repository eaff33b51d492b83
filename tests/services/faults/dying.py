"""What a process of a test runs first, so that it dies with SIGKILL at a write of the journal that it is told of."""

from typing import Final

#: Source of `watch(kind, left)`: "INSERT alarm", "UPDATE outbox" …, "COMMIT" or "after COMMIT", and which one of these.
#: The journal's own statements go to the driver directly and are seen at `statements.execute`.
DIES: Final = """
import os, re, signal, threading
from sqlalchemy import Engine, event
from sqlalchemy.pool import Pool
from alerts.journal import statements

WRITE = re.compile(r"(INSERT|UPDATE)(?: INTO)? (\\w+)")

def watch(kind, left):
    lock = threading.Lock()
    def passes(this):
        nonlocal left
        if this == kind:
            with lock:
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
    def write(connection, cursor, statement, *more):
        found = WRITE.match(statement)
        if found and (found[2].startswith("alarm") or found[2] == "outbox"):
            connection.info["writes"] = True
            passes(f"{found[1]} {found[2]}")
    execute = statements.execute
    def driven(connection, text, *values, **more):
        write(connection, None, text)
        return execute(connection, text, *values, **more)
    statements.execute = driven
    def commit(connection):
        if connection.info.pop("writes", False):
            passes("COMMIT")
            connection.info["written"] = True
    def back(connection, record):
        if record.info.pop("written", False):
            passes("after COMMIT")
    event.listen(Engine, "before_cursor_execute", write)
    event.listen(Engine, "commit", commit)
    event.listen(Pool, "checkin", back)
"""
