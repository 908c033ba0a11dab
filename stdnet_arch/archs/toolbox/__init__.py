"""How the toolbox's networks are run on depth."""
