"""When and where the frames of a recording were taken."""
