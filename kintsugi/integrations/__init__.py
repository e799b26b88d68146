"""One file per service, one port each. Blocking clients run on threads here and nowhere else."""
