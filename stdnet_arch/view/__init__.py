"""A page in the browser: try a network on a recording, and look at what it makes."""
