"""The receipt of an incident: its chained history as a file that anybody can check without us or our database."""
