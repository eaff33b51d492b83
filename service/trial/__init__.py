"""The demo, replays and load: a service with devices that are not there."""
