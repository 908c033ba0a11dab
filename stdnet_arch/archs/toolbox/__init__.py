"""The toolbox's networks, run on depth."""
