"""Measuring networks and operators: what users compare and cite."""
