"""Incidents, history, inbox and ledger in SQLite or PostgreSQL. Rows inside, the lifecycle's own types outside."""
