"""The inference command: options, jobs, and the files that they write."""
