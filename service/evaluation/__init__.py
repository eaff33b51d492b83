"""Detectors against recordings, and what came of it."""
