"""Alarms and what is to be told of them, kept in SQL."""
