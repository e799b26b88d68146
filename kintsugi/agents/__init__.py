"""Kintsugi for other people's agents: they read incidents, have patches proven and hand them in, and nothing else."""
