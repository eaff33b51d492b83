"""The fleet: its nouns, and reading it from the files integrators have."""

from alerts.calling.people import Caregiver, Site
from service.fleet.entries import FleetError
from service.fleet.nouns import Difference, Fleet, NotedSwap, Outing, PlacedZone, Resident, Summary
from service.fleet.reading import read_fleet

__all__ = [
    "Caregiver",
    "Difference",
    "Fleet",
    "FleetError",
    "NotedSwap",
    "Outing",
    "PlacedZone",
    "Resident",
    "Site",
    "Summary",
    "read_fleet",
]
