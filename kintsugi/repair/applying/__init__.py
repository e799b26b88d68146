"""Reading replies and applying them: place everything first, then write all of it or nothing."""
