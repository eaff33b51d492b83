"""What shifts, holidays, swaps and plans say of each other that cannot be; each of them is right by itself."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from typing import TypeVar

from alerts.calling.escalation import Kind
from alerts.calling.rota import HOLIDAY, Rota
from service.fleet.duty_forms import DUTY_DAYS, CaregiverForm, EscalationForm, HolidayForm, ShiftForm, SwapForm
from service.fleet.entries import Entry, Problem
from service.fleet.form import Fields

_Form = TypeVar("_Form", bound=Fields)
#: Entries and what they say.
Checked = Sequence[tuple[Entry, Fields]]


def clashes(checked: Checked, file: str) -> list[Problem]:
    """Everything that does not go together, with its line."""
    return [
        (entry.line or 0, entry.problem(file, key, what))
        for entry, key, what in (*_shifts(checked), *_holidays(checked), *_swaps(checked), *_plans(checked))
    ]


def _of(checked: Checked, kind: type[_Form]) -> list[tuple[Entry, _Form]]:
    return [(entry, form) for entry, form in checked if isinstance(form, kind)]


def _shifts(checked: Checked) -> Iterator[tuple[Entry, str, str]]:
    carers = {form.id: form for _, form in _of(checked, CaregiverForm)}
    for entry, shift in _of(checked, ShiftForm):
        for name in shift.caregivers:
            home = carers[name].site if name in carers else None
            if shift.site is not None and home not in (None, shift.site):
                yield entry, "caregivers", f'{name} is at "{home}", but the shift is at "{shift.site}"'


def _holidays(checked: Checked) -> Iterator[tuple[Entry, str, str]]:
    shifts = [form for _, form in _of(checked, ShiftForm)]
    for entry, holiday in _of(checked, HolidayForm):
        like = HOLIDAY if holiday.like is None else holiday.like
        if holiday.caregiver is not None:
            continue
        for site in dict.fromkeys(shift.site for shift in shifts):
            days = {day for shift in shifts if shift.site == site for day in shift.days}
            if holiday.site in (None, site) and like not in days:
                where = f"at {site}" if site is not None else "without a site"
                what = f'no shift {where} has the day "{DUTY_DAYS[like]}": nobody of the rota would be on duty'
                yield entry, "like", what


def _swaps(checked: Checked) -> Iterator[tuple[Entry, str, str]]:
    shifts = {form.id: form.noun() for _, form in _of(checked, ShiftForm)}
    rota = Rota((), [form.noun() for _, form in _of(checked, HolidayForm)])
    first: dict[tuple[str, date, str], Entry] = {}
    there: defaultdict[tuple[str, date], set[str]] = defaultdict(set)
    for entry, swap in _of(checked, SwapForm):
        before = first.setdefault((swap.shift, swap.day, swap.absent), entry)
        if before is not entry:
            where = f"line {before.line}" if before.line else f"entry {before.number}"
            yield entry, "absent", f"{swap.absent} has a stand-in for this shift and date in {where} already"
        shift = shifts.get(swap.shift)
        if shift is not None and not rota.begins(shift, swap.day):
            yield entry, "date", f"shift {swap.shift} does not begin on {swap.day}"
        elif shift is not None and swap.absent not in {*shift.caregivers, *there[swap.shift, swap.day]}:
            yield entry, "absent", f"{swap.absent} is not in shift {swap.shift}"
        there[swap.shift, swap.day].add(swap.stand_in)


def _plans(checked: Checked) -> Iterator[tuple[Entry, str, str]]:
    first: dict[tuple[str | None, str | None, Kind], Entry] = {}
    for entry, plan in _of(checked, EscalationForm):
        for kind in plan.for_:
            before = first.setdefault((plan.site, plan.resident, kind), entry)
            if before is not entry:
                owner = f"site {plan.site}" if plan.site is not None else f"resident {plan.resident}"
                yield entry, "for", f'"{kind}": {owner} has a plan for these, escalation {before.id}'
