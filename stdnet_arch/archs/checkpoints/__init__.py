"""Checkpoints: read, checked, converted from other names."""
