"""Everybody who may be called, as of one moment of the registry, indexed so that a press waits for nothing; pure."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal
from zoneinfo import ZoneInfo

from alerts.alarm import Alarm
from alerts.calling.escalation import DEFAULT_PLANS, Call, Kind, Plan, Recipient, Skipped, Step, Target, kind_of
from alerts.calling.people import TIME_ZONE, Caregiver, Contact, ResidentCard, Role, Site, Team
from alerts.calling.rota import Holiday, Rota, Shift, Span, Swap
from alerts.notify.contract import Place

#: How far ahead it is looked for who is next.
_AHEAD_DAYS: Final = 7
#: Of these nobody answers for a whole site: whoever names no resident is called for none.
_OF_RESIDENTS: Final = frozenset({"family", "neighbour"})

_Reason = Literal["nobody_on_duty", "no_channel"]


@dataclass(frozen=True, slots=True)
class Duty:
    """Who is on duty, in whose place (mostly their own) and so in which role; None: no shift, and so no end."""

    caregiver: str
    place: str
    role: Role
    shift: str | None = None
    day: date | None = None
    from_ms: int | None = None
    until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Slot:
    """One turn of a plan: a step (by its number), or one `place` of a step that calls in order."""

    number: int
    step: Step
    place: str | None = None


@dataclass(frozen=True, slots=True)
class Book:
    """What a roster is made of; `channels` are those in the settings, None where they are not known."""

    sites: Sequence[Site] = ()
    residents: Sequence[ResidentCard] = ()
    caregivers: Sequence[Caregiver] = ()
    teams: Sequence[Team] = ()
    shifts: Sequence[Shift] = ()
    holidays: Sequence[Holiday] = ()
    swaps: Sequence[Swap] = ()
    plans: Sequence[Plan] = ()
    channels: Collection[str] | None = None


class Roster:
    """Who is called of an alarm; it never changes, a change of the registry makes another one.

    A role of a step is, of those on duty, whoever belongs to the resident alone (the family, a family doctor), and
    where none of them can be reached those of the role at the site. Somebody who stands in takes role and residents of
    the one whose place they take.
    """

    def __init__(self, book: Book) -> None:
        self._book = book
        self._sites = {one.site: one for one in book.sites}
        self._residents = {one.resident: one for one in book.residents}
        self._caregivers = {one.caregiver: one for one in book.caregivers}
        self._teams = {one.team: one.caregivers for one in book.teams}
        clocks = {one.site: ZoneInfo(one.time_zone) for one in book.sites if one.time_zone != TIME_ZONE}
        self._rota = Rota(book.shifts, book.holidays, book.swaps, clocks)
        self._plans: dict[tuple[str, str, Kind], Plan] = {}
        for plan in book.plans:
            kind, owner = ("resident", plan.resident) if plan.resident is not None else ("site", plan.site or "")
            self._plans |= {(kind, owner, one): plan for one in plan.kinds}
        self._contacts: dict[tuple[str, str], Contact] = {}
        #: By caregiver, for each channel that there is: what two must not share, and who is told.
        self._reached_by: dict[str, tuple[tuple[tuple[str, str], Recipient], ...]] = {}
        #: Places of each role: of a site (None: of every one), and of those who belong to a resident.
        self._general: defaultdict[tuple[str | None, str], list[str]] = defaultdict(list)
        self._bound: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        for carer in book.caregivers:
            contacts = [Contact(carer.caregiver, *contact, carer.language) for contact in carer.contacts]
            self._contacts |= {(carer.caregiver, contact.channel): contact for contact in contacts}
            self._reached_by[carer.caregiver] = tuple(
                ((contact.channel, contact.address), Recipient(carer.caregiver, contact.channel))
                for contact in contacts
                if book.channels is None or contact.channel in book.channels
            )
            for resident in carer.residents:
                self._bound[resident, carer.role].append(carer.caregiver)
            if not carer.residents and carer.role not in _OF_RESIDENTS:
                self._general[carer.site, carer.role].append(carer.caregiver)
        self._always = frozenset(filter(self._rota.always, self._caregivers))
        self._heard = self._sites_heard(book.plans)

    def _sites_heard(self, plans: Iterable[Plan]) -> frozenset[str | None]:
        """The sites whose alarms can be told to anybody or have a plan; None: all of them."""
        heard: set[str | None] = {plan.site for plan in plans if plan.site is not None}
        homes = [plan.resident for plan in plans if plan.resident is not None]
        for carer in self._caregivers.values():
            if carer.contacts and carer.residents:
                homes += carer.residents
            elif carer.contacts:
                heard.add(carer.site)
        heard.update(self._residents[home].site for home in homes if home in self._residents)
        return frozenset(heard)

    # ------------------------------------------------------------------ who is called

    def call(self, alarm: Alarm, step: int, now_ms: int) -> Call:
        """The given step of an alarm, or the next one after it that reaches somebody.

        Where none does, the whole plan is skipped, and due again after the wait of the step asked for. An alarm of
        a site of which nobody is told calls nobody, ever.
        """
        if not self.is_heard(alarm.site):
            return Call(step, (), None)
        slots = self.slots(alarm.site, alarm.resident, kind_of(alarm))
        skipped: list[Skipped] = []
        judged: set[int] = set()
        for number in range(step, step + len(slots)):
            slot = slots[number % len(slots)]
            to, reason = self._reach(slot, alarm.site, alarm.resident, now_ms)
            if to:
                return Call(number, to, now_ms + slot.step.waits.of_ms(alarm.priority), tuple(skipped))
            if slot.number not in judged:
                judged.add(slot.number)
                if slot.place is not None:  # told only where the whole step reaches nobody
                    to, reason = self._reach(Slot(slot.number, slot.step), alarm.site, alarm.resident, now_ms)
                if not to:
                    skipped.append(Skipped(number, reason, slot.step.whom))
        wait_ms = slots[step % len(slots)].step.waits.of_ms(alarm.priority)
        return Call(step + len(slots) - 1, (), now_ms + wait_ms, tuple(skipped))

    def is_heard(self, site: str) -> bool:
        """Whether alarms of a site are told to anybody but the console."""
        return site in self._heard or None in self._heard

    def plan(self, site: str, resident: str | None, kind: Kind) -> Plan:
        """The plan of a kind of alarms: the resident's, else the site's, else the one of its kind of care."""
        own = self._plans.get(("resident", resident, kind)) if resident is not None else None
        own = own or self._plans.get(("site", site, kind))
        return own or DEFAULT_PLANS[self._sites[site].care if site in self._sites else "institution", kind]

    def slots(self, site: str, resident: str | None, kind: Kind) -> list[Slot]:
        """The turns of the plan: one a step, and one a caregiver where a step calls in order."""
        slots: list[Slot] = []
        for number, step in enumerate(self.plan(site, resident, kind).steps):
            places = self.places(step, site, resident) if step.in_order else []
            slots += [Slot(number, step, place) for place in places] or [Slot(number, step)]
        return slots

    def reached(self, slot: Slot, site: str, resident: str | None, now_ms: int) -> tuple[Recipient, ...]:
        """Whom a turn would call now."""
        return self._reach(slot, site, resident, now_ms)[0]

    def places(self, step: Step, site: str, resident: str | None) -> list[str]:
        """All whom a step may call, on duty or not, each once."""
        return list(
            dict.fromkeys(place for to in step.to for tier in self._tiers(to, site, resident) for place in tier)
        )

    def _reach(self, slot: Slot, site: str, resident: str | None, now_ms: int) -> tuple[tuple[Recipient, ...], _Reason]:
        told: dict[tuple[str, str], Recipient] = {}
        anybody = False
        duty = self._rota.at_site(site, now_ms)
        always = self._always
        for target in slot.step.to:
            anywhere = target.kind != "role"
            for tier in self._tiers(target, site, resident):
                found = False
                for place in tier:
                    if slot.place is not None and place != slot.place:
                        continue
                    persons: list[str] = []
                    if place in always:
                        persons = [] if self._rota.off(place, site, now_ms) else [place]
                    elif anywhere:
                        persons = [span.caregiver for span in self._rota.of_place(place, now_ms)]
                    else:
                        for running in duty:
                            if place in running:  # of a large house most are at home
                                persons += [span.caregiver for span in running[place]]
                    for person in persons:
                        anybody = True
                        for address, recipient in self._reached_by.get(person, ()):
                            found = True
                            told.setdefault(address, recipient)  # two who share a telephone are told once
                if found:
                    break
        return tuple(told.values()), "no_channel" if anybody else "nobody_on_duty"

    def _tiers(self, target: Target, site: str, resident: str | None) -> list[Sequence[str]]:
        """The places of a target, in the order in which one group of them stands before the next."""
        match target.kind:
            case "team":
                return [self._teams.get(target.name, ())]
            case "caregiver":
                return [(target.name,)]
            case "role":
                role = target.name
                bound = self._bound.get((resident, role), ()) if resident is not None else ()
                return [bound, [*self._general.get((site, role), ()), *self._general.get((None, role), ())]]

    def look_ahead(self, now_ms: int) -> None:
        """Work out who is on duty at each site, so that no press waits for it."""
        for site in self._sites:
            self._rota.at_site(site, now_ms)

    # ------------------------------------------------------------------ who is there

    def duty(self, site: str, now_ms: int) -> list[Duty]:
        """Who is on duty for a site now, those included who have no shifts."""
        always = [
            Duty(carer.caregiver, carer.caregiver, carer.role)
            for carer in self._caregivers.values()
            if carer.caregiver in self._always
            and self._answers_at(carer, site)
            and not self._rota.off(carer.caregiver, site, now_ms)
        ]
        spans = [span for running in self._rota.at_site(site, now_ms) for place in running.values() for span in place]
        return [*self._of_spans(spans, site), *always]

    def next_duty(self, site: str, now_ms: int) -> list[Duty]:
        """Of each role those who begin next at a site, within a week; who begin at the same time all of them."""
        first: dict[str, int] = {}
        ahead = self._of_spans(self._rota.ahead(site, now_ms, _AHEAD_DAYS), site)
        return [one for one in ahead if one.from_ms == first.setdefault(one.role, one.from_ms or 0)]

    def _of_spans(self, spans: Iterable[Span], site: str) -> list[Duty]:
        return [
            Duty(span.caregiver, span.place, place.role, span.shift, span.day, span.from_ms, span.until_ms)
            for span in spans
            if (place := self._caregivers.get(span.place)) is not None and self._answers_at(place, site)
        ]

    def _answers_at(self, carer: Caregiver, site: str) -> bool:
        if carer.residents:
            homes = (self._residents.get(resident) for resident in carer.residents)
            return any(home is not None and home.site == site for home in homes)
        return carer.role not in _OF_RESIDENTS and carer.site in (None, site)

    # ------------------------------------------------------------------ names and addresses

    def contact(self, caregiver: str, channel: str) -> Contact | None:
        """How a channel reaches a caregiver; None where it cannot."""
        return self._contacts.get((caregiver, channel))

    def has_contact(self, caregiver: str) -> bool:
        """Whether any channel that there is reaches a caregiver."""
        return bool(self._reached_by.get(caregiver))

    def recipients(self) -> list[Recipient]:
        """Everybody who can be reached, once for each of their channels that there are."""
        return [recipient for contacts in self._reached_by.values() for _, recipient in contacts]

    def sites(self, recipient: Recipient) -> list[str]:
        """The sites whose alarms a caregiver answers."""
        carer = self._caregivers.get(recipient.caregiver)
        if carer is None:
            return []
        homes = [self._residents[home].site for home in carer.residents if home in self._residents]
        return list(dict.fromkeys(homes)) if carer.residents else [s for s in self._sites if carer.site in (None, s)]

    def place(self, site: str, resident: str | None) -> Place:
        """The names of a site and of a resident; identifiers stand in for what has none."""
        where = self._sites.get(site, Site(site, site))
        if resident is None:
            return Place(where.name, time_zone=where.time_zone)
        who = self._residents.get(resident, ResidentCard(resident, resident, site))
        return Place(where.name, who.room, who.name, where.time_zone)

    def site(self, site: str) -> Site | None:
        """A site."""
        return self._sites.get(site)

    def resident(self, resident: str) -> ResidentCard | None:
        """What a text may say of a resident."""
        return self._residents.get(resident)

    def caregiver(self, caregiver: str) -> Caregiver | None:
        """A caregiver."""
        return self._caregivers.get(caregiver)

    @property
    def book(self) -> Book:
        """What it was made of."""
        return self._book
