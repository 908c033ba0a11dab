"""RGB video data for networks without depth."""
