"""Pure tensor functions: no networks, no files, no options."""
