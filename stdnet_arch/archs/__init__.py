"""Networks of this plugin; every ``*_arch.py`` here is imported and so registered."""

import sys

from stdnet_arch._register import import_modules

import_modules(sys.modules[__name__], "_arch")
