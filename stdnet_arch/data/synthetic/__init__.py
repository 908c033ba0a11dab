"""Synthetic clips: exact depth, motion and cameras, made from a seed."""
