"""The set-up behind ``quickstart.py``: standard library only, it runs before any install."""
