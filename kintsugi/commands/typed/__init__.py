"""The commands as they are typed. What each does stands in the file of its name one folder up, loaded when it runs."""
