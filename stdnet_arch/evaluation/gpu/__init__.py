"""Checks and measurements on a card, in one prepared command: ``scripts/gpu_check.py``."""
