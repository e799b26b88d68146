"""How long a test waits for something that never comes.

A wait ends by an event. This only ends one that would last for ever, and is long: no test may fail because the machine
is busy.
"""

PATIENCE = 600.0  # seconds
