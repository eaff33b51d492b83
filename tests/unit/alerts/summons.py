"""An alarm that somebody is called to, for the tests of channels to people."""

from alerts.alarm import Alarm, Transition
from alerts.findings import Condition, Priority
from alerts.lifecycle import Event, State

#: A resident's name, which no text below the level ``name`` may hold.
NAME = "王秀英"
#: A token in a URL, which nothing may show.
SECRET = "t0ken-of-the-robot-8f1c"
RAISED_MS = 1_750_000_000_000  # 2025-06-15 23:06:40 in China

ALARM = Alarm(
    *("01HF7YAT000000000000", "ward", "button-1", "resident-1", Condition.SOS, "press", Priority.HIGH),
    *(State.UNACKNOWLEDGED, RAISED_MS, RAISED_MS, RAISED_MS, RAISED_MS, RAISED_MS),
    step=1,
)
RAISED = Transition(7, ALARM, Event.RAISE, None, State.UNACKNOWLEDGED, RAISED_MS)
