"""Devices that are not there, and what goes wrong with them."""
