"""Everything small that two floors share."""
