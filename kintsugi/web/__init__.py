"""HTTP in: webhooks and health. Reads, verifies, parses, fires, answers; knows no rules, state or SQL."""
