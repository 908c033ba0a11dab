"""Times and poses of the frames of a recording."""
