"""A small shop: a catalogue, coupons, and a checkout over HTTP. Python's standard library only."""
