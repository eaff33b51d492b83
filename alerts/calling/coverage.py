"""What is missing for alarms to reach somebody, told before one is raised; pure.

It is judged as if everybody were on duty: what the rota leaves out is told when a step is skipped.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from alerts.calling.escalation import KINDS, Kind, Plan, Step
from alerts.calling.roster import Roster


@dataclass(frozen=True, slots=True)
class Gap:
    """One thing that is missing; identifiers only.

    `console_only`: alarms of the site are told to nobody. `step`: a step of a plan can reach nobody at all.
    `channel`: a contact names a channel that is not in the settings.
    """

    kind: Literal["console_only", "step", "channel"]
    told: str


def gaps(roster: Roster) -> list[Gap]:
    """Everything that is missing, sites in their order."""
    living: defaultdict[str, list[str]] = defaultdict(list)
    for one in roster.book.residents:
        living[one.site].append(one.resident)
    of_sites = (_of_site(roster, site.site, living[site.site]) for site in roster.book.sites)
    return [*_channels(roster), *(gap for of_site in of_sites for gap in of_site)]


def _channels(roster: Roster) -> Iterator[Gap]:
    channels = roster.book.channels
    for carer in roster.book.caregivers:
        for channel, _ in carer.contacts:
            if channels is not None and channel not in channels:
                yield Gap("channel", f"caregiver {carer.caregiver}: {channel} is not a channel of the settings")


def _of_site(roster: Roster, site: str, residents: Sequence[str]) -> Iterator[Gap]:
    if not roster.is_heard(site):
        yield Gap("console_only", f"site {site}: nobody can be called, its alarms go to the console only")
        return
    for kinds, plan, whose in _plans(roster, site, residents):
        for number, step in enumerate(plan.steps, start=1):
            # Of a whole site first: thousands of residents share it.
            if _reaches(roster, step, site, None):
                continue
            without = sum(not _reaches(roster, step, site, resident) for resident in whose)
            if without or not whose:
                of = f" for {without} of {len(whose)} residents" if whose else ""
                what = f"site {site}: {' and '.join(kinds)} alarms: step {number} ({step}) can reach nobody{of}"
                yield Gap("step", what)


def _plans(roster: Roster, site: str, residents: Sequence[str]) -> Iterator[tuple[Sequence[Kind], Plan, Sequence[str]]]:
    """Each plan of a site, with the kinds of alarms it is for and the residents who have it for these."""
    found: dict[tuple[int, tuple[str, ...]], tuple[list[Kind], Plan]] = {}
    for kind in KINDS:
        # By identity: a plan is one object for all who have it, and there are many of them.
        whose: dict[int, tuple[Plan, list[str]]] = {}
        for resident in residents or (None,):
            plan = roster.plan(site, resident, kind)
            whose.setdefault(id(plan), (plan, []))[1].extend([] if resident is None else [resident])
        for name, (plan, of) in whose.items():
            found.setdefault((name, tuple(of)), ([], plan))[0].append(kind)
    for (_, of_all), (kinds, plan) in found.items():
        yield kinds, plan, of_all


def _reaches(roster: Roster, step: Step, site: str, resident: str | None) -> bool:
    return any(roster.has_contact(place) for place in roster.places(step, site, resident))
