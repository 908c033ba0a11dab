"""Lets basicsr 1.4.2's ``setup.py`` run on Python >= 3.13; on the path only while pip builds it.

basicsr-1.4.2/setup.py:76-79 reads its version by a bare ``exec(...)`` inside a function and then
asks ``locals()`` for it. Since PEP 667 such an ``exec`` writes into a copy, hence
``KeyError: '__version__'``. Here a bare ``exec`` gets the caller's own variables again, as it did
up to Python 3.12.
"""

import builtins
import sys
from types import CodeType

_plain_exec = builtins.exec


def exec_in_caller(code: str | bytes | CodeType, *spaces: object, **options: object) -> None:
    """``exec`` whose default namespaces are the caller's live variables."""
    if not spaces and not {"globals", "locals"} & options.keys():
        caller = sys._getframe(1)
        spaces = (caller.f_globals, caller.f_locals)
    _plain_exec(code, *spaces, **options)  # type: ignore[arg-type]


builtins.exec = exec_in_caller  # type: ignore[assignment]
