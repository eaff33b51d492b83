"""One channel a file: how an alarm leaves the house."""
