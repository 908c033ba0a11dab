"""Models of this plugin; every ``*_model.py`` here is imported and so registered."""

import sys

from stdnet_arch._register import import_modules

import_modules(sys.modules[__name__], "_model")
