"""What follows a fall: what else is known of the person, and the motion around it."""
