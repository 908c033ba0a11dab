"""Folders as apps and data sets export them."""
