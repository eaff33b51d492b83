"""The fleet: its nouns, and reading it from the files integrators have."""

from service.fleet.nouns import Caregiver, Difference, Fleet, PlacedZone, Resident, Site, Summary

__all__ = ["Caregiver", "Difference", "Fleet", "PlacedZone", "Resident", "Site", "Summary"]
