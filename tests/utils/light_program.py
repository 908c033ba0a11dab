"""Programs that use the small parts of the package alone, and start in a moment."""

import subprocess
import sys
from pathlib import Path

import stdnet_arch

# The package's own __init__ imports torch, which takes seconds.
HEAD = f"""
import sys, types
package = types.ModuleType("stdnet_arch")
package.__path__ = [{str(Path(stdnet_arch.__file__).parent)!r}]
sys.modules["stdnet_arch"] = package
"""


def start(program: str, *arguments: object) -> subprocess.Popen:
    """Start a program; its output can be read as text."""
    command = [sys.executable, "-c", HEAD + program, *map(str, arguments)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
