"""The model: who diagnoses a failure and proposes a fix."""
