"""Rooms drawn by this package: clips without a download."""
