"""Parts of TemporalProfileNet."""
