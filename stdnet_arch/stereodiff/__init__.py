"""RGB video to consistent depth video; every ``*_matcher.py`` is imported and so registered."""

import sys

from stdnet_arch._register import import_modules

import_modules(sys.modules[__name__], "_matcher")
