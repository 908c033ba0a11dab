"""Measuring networks and operators: what users compare and cite.

Every ``*_competitor.py`` here is imported and so registered.
"""

import sys

from stdnet_arch._register import import_modules

import_modules(sys.modules[__name__], "_competitor")
