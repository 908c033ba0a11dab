"""Bytes of files to arrays and back."""
