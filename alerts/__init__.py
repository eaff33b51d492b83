"""Readings become findings, findings become alarms, alarms reach people."""
