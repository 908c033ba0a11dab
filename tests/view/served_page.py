"""A page that a test serves by itself."""

import atexit
import os
import shutil
import tempfile

import pytest

from stdnet_arch.view.command import SILENT

# Gradio reads it once, while it is imported.
INCOMING = tempfile.mkdtemp(prefix="incoming-")
atexit.register(shutil.rmtree, INCOMING, ignore_errors=True)
os.environ.update({"GRADIO_TEMP_DIR": INCOMING, **SILENT})

HOSTS = ("testserver", "localhost", "127.0.0.1")
MB = 1_000_000


class Served:
    """A page with its visitors."""

    def __init__(self, root, start=""):
        pytest.importorskip("gradio", reason="needs the extra [view]: pip install -e .[view]")
        from stdnet_arch.view.desk import Desk
        from stdnet_arch.view.page import build_page
        from stdnet_arch.view.places import Places
        from stdnet_arch.view.server import make_app
        from stdnet_arch.view.sessions import Sessions

        self.root, self.sessions = root, Sessions(5 * MB, root / "visitors")
        self.desk = Desk(Places([root]), device="cpu")
        page = build_page(self.desk, self.sessions, start)
        self.app = make_app(page, self.sessions, HOSTS, 5 * MB)
