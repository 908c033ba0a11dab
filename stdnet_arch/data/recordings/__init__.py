"""Users' own recordings: one file per sensor format."""
