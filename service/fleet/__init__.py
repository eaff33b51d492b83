"""The fleet: its nouns, and reading it from the files integrators have."""

from service.fleet.entries import FleetError
from service.fleet.nouns import Caregiver, Difference, Fleet, Outing, PlacedZone, Resident, Site, Summary
from service.fleet.reading import read_fleet

__all__ = [
    "Caregiver",
    "Difference",
    "Fleet",
    "FleetError",
    "Outing",
    "PlacedZone",
    "Resident",
    "Site",
    "Summary",
    "read_fleet",
]
