"""Imports point down: a floor may use lower floors and its own folder, nothing else."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "stdnet_arch"
FLOORS = {
    "utils": 0, "ops": 0,
    "archs": 1, "losses": 1, "metrics": 1, "data": 1,
    "weights": 2,
    "models": 3, "visual": 3,
    "inference": 4,
    "evaluation": 5, "stereodiff": 5, "view": 5,
    "live": 6,
}  # fmt: skip
FILES = sorted(path for path in ROOT.rglob("*.py") if path.parent != ROOT)
MOST_FILES = 20
"""Modules in a folder, without its ``__init__.py``: split it by meaning before the next one."""

BASICSR = {
    1: ("basicsr.utils.registry",),
    3: ("basicsr.archs", "basicsr.losses", "basicsr.metrics", "basicsr.models", "basicsr.utils"),
    5: ("basicsr.utils.registry",),
}
ONLY_IN = {"cv2": {"data", "visual", "evaluation"}, "lmdb": {"data"}, "yaml": {"utils"}}
ONLY_IN |= dict.fromkeys(("gradio", "fastapi", "starlette", "uvicorn"), {"view"})


def imports(path):
    """Absolute names of all modules a file imports, wherever it does so."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def folder_of(path):
    return path.relative_to(ROOT).parts[0]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path):
    here = folder_of(path)
    for name in imports(path):
        parts = name.split(".")
        if parts[0] != "stdnet_arch" or len(parts) == 1 or parts[1] not in FLOORS:
            continue
        there = parts[1]
        same_floor_ops = here == "ops" and there == "utils"  # ops may use utils, utils nobody
        down = FLOORS[there] < FLOORS[here] or there == here or same_floor_ops
        assert down, f"{here} (floor {FLOORS[here]}) imports {name} (floor {FLOORS[there]})"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_third_parties_stay_on_their_floors(path):
    here = folder_of(path)
    for name in imports(path):
        if name.startswith("basicsr"):
            allowed = BASICSR.get(FLOORS[here], ())
            assert name.startswith(allowed) or name == "basicsr", f"{here} imports {name}"
        assert here in ONLY_IN.get(name.split(".")[0], {here}), f"{here} imports {name}"


def crowded(root):
    """Folder, below and with ``root``, to its number of modules, where it has too many."""
    folders = [root, *(path for path in root.rglob("*") if path.is_dir())]
    sizes = {one: len({*one.glob("*.py")} - {one / "__init__.py"}) for one in folders}
    return {folder: size for folder, size in sizes.items() if size > MOST_FILES}


def test_a_folder_can_be_read_at_a_glance():
    assert crowded(ROOT) == {}


def test_a_crowded_folder_is_found(tmp_path):
    folder = tmp_path / "inner"
    folder.mkdir()
    for name in ("__init__", *map(str, range(MOST_FILES))):
        (folder / f"{name}.py").touch()
    assert crowded(tmp_path) == {}
    (folder / "one_more.py").touch()
    assert crowded(tmp_path) == {folder: MOST_FILES + 1}


def test_every_folder_has_a_floor():
    folders = {path.name for path in ROOT.iterdir() if (path / "__init__.py").exists()}
    assert folders <= FLOORS.keys()


def test_modules_of_tests_have_names_of_their_own():
    # Folders of tests are no packages: two files of one name would stop the whole suite.
    paths = [path for path in Path(__file__).parent.rglob("*.py") if path.name != "conftest.py"]
    twice = [path for path in paths if sum(path.name == other.name for other in paths) > 1]
    assert twice == []
