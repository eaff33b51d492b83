"""Who is called of an alarm, in which order, and whether they can be reached."""
