"""Somebody's coding agent as the analyst: a command in the box of the proof, whose changes are the proposal."""
