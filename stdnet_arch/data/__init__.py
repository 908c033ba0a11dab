"""RGB-D video data; every ``*_source.py`` and ``*_dataset.py`` is imported and so registered."""

import sys

from stdnet_arch._register import import_modules

import_modules(sys.modules[__name__], "_source")
import_modules(sys.modules[__name__], "_dataset")
