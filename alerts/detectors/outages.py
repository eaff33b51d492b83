"""Many devices of one site that fall silent together: one cause, told once, and not each of its consequences.

A device that reaches its limit is told singly at once, unless others of its site have reached theirs or are about to
(unheard to within `window` of their limits). Then it is held, at most for `window`; where `many` are held by then they
are one alarm of the site. Where nearly the whole site has been quiet for half the limit of the one that reached it, the
site's link is down: that is told at once, and whatever reaches its limit while that is so belongs to it.

An alarm of the site ends when its link is back or when fewer than `many` of its devices are left; what is still silent
then is held anew, so that those that come back a little later are told of by nobody.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from alerts.detectors.contract import Records
from alerts.detectors.segments import NEVER, Flag, Int
from alerts.findings import SILENT, Change, Condition, Evidence, Finding, Priority

#: A device is one that fell silent with others if its last word came so soon before or after theirs; and so long at
#: most it waits for them. At most half of its limit.
_HALF: Final = 0.5


class Standing(IntEnum):
    """What is told of a device's silence; a code in the state."""

    HEARD = 0
    #: Told singly.
    TOLD = 1
    #: Silent, and waiting for others.
    HELD = 2
    #: One of many that are told together; of a site whose link is down.
    MANY = 3
    DOWN = 4
    #: Of an alarm of its site that has ended, and waiting for being heard.
    LEFT = 5
    #: Heard again, which the journal does not know yet: of those three.
    BACK_OF_MANY = 6
    BACK_OF_DOWN = 7
    BACK = 8


#: From here on something may be to be told of the device's site.
CONCERNED: Final = Standing.HELD
#: By standing: what a device is once it is heard again.
AFTER_WORDS: Final = np.array([0, 0, 0, Standing.BACK_OF_MANY, Standing.BACK_OF_DOWN, Standing.BACK, 6, 7, 8], np.int8)
#: By standing: whether its alarm, or that of its site, is over only when it speaks steadily.
TOLD: Final = np.array([stands in (Standing.TOLD, Standing.MANY, Standing.DOWN) for stands in Standing])
#: The cause told of a site, by the standing of its devices.
CAUSES: Final = {Standing.MANY: "many_silent", Standing.DOWN: "link_down"}


@dataclass(frozen=True, slots=True)
class Sites:
    """The devices of sites with something going on: `row` (n,) of the state, `site` (n,) from 0 to `count`."""

    row: NDArray[np.intp]
    site: NDArray[np.intp]
    count: int

    @classmethod
    def of(cls, site: NDArray[np.int32], expected: Flag, concerned: Flag) -> "Sites":
        """Those of the sites (n,) of all devices, -1 where none is known, that have one which is `concerned`."""
        some = np.unique(site[concerned & (site >= 0)])
        number = np.full(int(site.max(initial=-1)) + 2, -1)
        number[some] = np.arange(len(some))
        local = number[site]
        row = np.flatnonzero((local >= 0) & (expected | concerned))
        return cls(row, local[row], len(some))

    def count_of(self, marked: Flag) -> Int:
        """How many (sites,) devices of each are marked (n,)."""
        return np.bincount(self.site[marked], minlength=self.count)

    def least(self, values: NDArray[Any], marked: Flag) -> NDArray[np.float64]:
        """The least (sites,) of the values (n,) of marked devices; infinite where there is none."""
        result = np.full(self.count, np.inf)
        np.minimum.at(result, self.site[marked], values[marked])
        return result

    def most(self, values: NDArray[Any], marked: Flag) -> NDArray[np.float64]:
        """The greatest of them; minus infinity where there is none."""
        return -self.least(-values, marked)


def settle(
    state: Records,
    site: NDArray[np.int32],
    limit_ms: Int,
    quiet_ms: Int,
    fell: Flag,
    now_ms: int,
    *,
    many: int,
    window_ms: int,
    share: float,
    remind: bool,
) -> tuple[list[Finding], NDArray[np.intp]]:
    """What is to be told of sites, and the rows to be told of singly.

    Of all devices (n,): `limit_ms` (0: not expected), for how long they have been unheard, and who just `fell` silent.
    `share` of a site's devices make a link that is down. `remind`: tell how many are silent by now. `state` is the
    caller's own and is written.
    """
    standing = state["standing"]
    concerned = fell | (standing >= CONCERNED)
    if not concerned.any():
        return [], np.empty(0, dtype=np.intp)
    sites = Sites.of(site, limit_ms > 0, concerned)
    row, at = sites.row, sites.site
    stands, limit, quiet, fallen = standing[row], limit_ms[row], quiet_ms[row], fell[row]
    since_ms = np.minimum(state["since_ms"][row], now_ms)  # our clock may have been put back
    near_ms = np.minimum(window_ms, limit * _HALF)

    expected = limit > 0
    grouped = (stands == Standing.MANY) | (stands == Standing.DOWN)
    back = stands >= Standing.BACK_OF_MANY
    waiting = fallen | (stands == Standing.HELD) | (stands == Standing.LEFT)
    total = sites.count_of(expected)
    half_ms = sites.least(limit * _HALF, (waiting | grouped) & expected)
    was_down = sites.count_of((stands == Standing.DOWN) | (stands == Standing.BACK_OF_DOWN)) > 0
    was_many = sites.count_of((stands == Standing.MANY) | (stands == Standing.BACK_OF_MANY)) > 0
    # That we were away ourselves makes no link go down, and brings none back.
    unheard = np.where(was_down[at], now_ms - state["heard_ms"][row], quiet) >= half_ms[at]
    unheard |= waiting | grouped | (stands == Standing.TOLD)
    unheard &= expected & ~back
    unheard_count = sites.count_of(unheard)
    down = (total >= many) & (unheard_count >= share * total)

    over = (was_down & ~down) | (was_many & (sites.count_of(grouped & expected) < many))
    ended = grouped & over[at]
    waiting |= ended
    since_ms[ended] = now_ms
    is_down, is_many = was_down & ~over, was_many & ~over

    # What was left of an alarm that ended is new to the next one from then on.
    left = ended | (stands == Standing.LEFT)
    onset_ms = np.where(left, since_ms, state["onset_ms"][row])
    begins_down = down & ~is_down & ~is_many & (sites.count_of(waiting & ~ended) > 0)
    among = waiting & is_many[at]
    earliest_ms, latest_ms = (f(onset_ms, grouped & ~ended) for f in (sites.least, sites.most))
    among &= down[at] | ((onset_ms >= earliest_ms[at] - near_ms) & (onset_ms <= latest_ms[at] + near_ms))
    joins = among | (waiting & (is_down | begins_down)[at])

    rest = waiting & ~joins
    near = (stands == Standing.HEARD) & ~fallen & expected & (quiet >= limit - near_ms)
    together = (sites.count_of(rest) + sites.count_of(near) >= many)[at]
    due = rest & ~fallen & ~ended & (now_ms - since_ms >= near_ms)
    begins_many = (sites.count_of(due) > 0) & (sites.count_of(rest) >= many)
    joins |= rest & begins_many[at]
    alone = ~joins & (due | (rest & fallen & ~together))
    held = rest & ~joins & ~alone

    after = stands.copy()
    after[held] = np.where(left, Standing.LEFT, Standing.HELD)[held]
    since_ms[held & fallen] = now_ms
    since_ms[joins | alone] = NEVER
    after[alone] = Standing.TOLD
    after[joins] = np.where((is_down | begins_down)[at], Standing.DOWN, Standing.MANY)[joins]
    after[back | (~expected & (stands != Standing.TOLD))] = Standing.HEARD
    standing[row], state["since_ms"][row] = after, since_ms

    findings = [
        *_spoken_of(Change.LOST, row, joins & ~left, state, now_ms),
        *_spoken_of(Change.HEARD, row, back, state, now_ms),
    ]
    belongs = joins | (grouped & ~ended)
    began = begins_down | begins_many
    told = np.flatnonzero(over | began | ((is_down | is_many) & remind))
    if not len(told):
        return findings, row[alone]
    places = np.split(np.argsort(at, kind="stable"), np.cumsum(np.bincount(at, minlength=sites.count))[:-1])
    for number in told.tolist():  # of all sites those of which there is something to tell
        mine = places[number]
        if over[number]:
            was = Standing.DOWN if was_down[number] else Standing.MANY
            findings.append(_of_site(row[mine[0]], was, Change.ENDED, now_ms, now_ms))
        if not (began[number] or is_down[number] or is_many[number]):
            continue
        silent = row[mine[unheard[mine] if down[number] else belongs[mine]]]
        never = int((state["heard_ms"][silent] == NEVER).sum())
        evidence: Evidence = (("devices_silent", len(silent)), ("devices_total", int(total[number])))
        evidence += (("devices_never_heard", never),) if never else ()
        kind = Standing.DOWN if is_down[number] or begins_down[number] else Standing.MANY
        change = Change.BEGAN if began[number] else Change.WITNESSED
        begun_ms = int(onset_ms[mine[joins[mine]]].max()) if began[number] else now_ms
        findings.append(_of_site(row[mine[0]], kind, change, begun_ms, now_ms, evidence))
    return findings, row[alone]


def _of_site(row: int, kind: Standing, change: Change, onset_ms: int, now_ms: int, evidence: Evidence = ()) -> Finding:
    return Finding(
        row=int(row),
        condition=Condition.DEVICE,
        cause=CAUSES[kind],
        change=change,
        priority=Priority.LOW,
        onset_ms=min(onset_ms, now_ms),
        found_ms=now_ms,
        evidence=evidence,
        of_site=True,
    )


def _spoken_of(change: Change, row: NDArray[np.intp], marked: Flag, state: Records, now_ms: int) -> list[Finding]:
    """That the marked (n,) of devices at `row` (n,) are lost, or heard again: said at once of all."""
    rows = row[marked]
    if not len(rows):
        return []
    return [
        Finding(
            row=int(rows[0]),
            condition=Condition.DEVICE,
            cause=SILENT,
            change=change,
            priority=Priority.LOW,
            onset_ms=min(int(state["onset_ms"][rows].min()), now_ms),
            found_ms=now_ms,
            rows=tuple(rows.tolist()),
        )
    ]
