"""GitHub: the code host port on its API."""
