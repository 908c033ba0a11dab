"""What is checked and measured on a card, in one prepared command: ``scripts/gpu_check.py``."""
