"""Arrays and state in, findings out: pure, vectorised over rows, given the time."""
