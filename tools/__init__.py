"""What makes documents from the code. Not in the wheel."""
