"""Users' own recordings: folders of apps in ``exports``, files of sensors in ``bags``."""
