"""Bytes become trusted, stored readings."""
