"""What a log call and a redaction cost, beside peers in the same process."""
