"""Raw data sets, read clip by clip; every ``*_source.py`` is imported and so registered."""
