"""The only package that knows everyone: the command line, the settings, and the wiring."""
