"""The lifecycle of an incident: what may happen, and what follows. No I/O; imports none of our packages."""
