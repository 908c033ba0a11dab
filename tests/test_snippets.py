"""Code in README and docs is well formed, and what is marked ``<!-- runnable -->`` runs."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "datasets/README.md")]
PAGES += sorted((ROOT / "docs").rglob("*.md"))
BLOCK = re.compile(r"^(<!-- runnable -->\n)?```(python|bash)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
WORDS_OF_README = 900


def blocks(page):
    """``(runnable, language, code)`` of each fenced block of a page, in order."""
    found = BLOCK.findall(page.read_text(encoding="utf-8"))
    return [(bool(mark), language, code) for mark, language, code in found]


BLOCKS = [
    pytest.param(language, code, id=f"{page.relative_to(ROOT)}-{i}")
    for page in PAGES
    for i, (_, language, code) in enumerate(blocks(page))
]
RUNNABLE = [page for page in PAGES if any(mark for mark, *_ in blocks(page))]


@pytest.mark.parametrize(("language", "code"), BLOCKS)
def test_code_is_well_formed(language, code):
    if language == "python":
        ast.parse(code)
    else:
        subprocess.run(["bash", "-n"], input=code, text=True, check=True)


@pytest.fixture
def checkout(tmp_path):
    """A folder that looks like a checkout, in which nothing written reaches the real one."""
    for path in ROOT.iterdir():
        if path.name in {"docs", "options", "scripts", "stdnet_arch"}:
            (tmp_path / path.name).symlink_to(path)
    python = tmp_path / "bin/python"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    return tmp_path


@pytest.mark.parametrize("page", RUNNABLE, ids=lambda page: page.stem)
def test_what_is_marked_runs_in_order(page, checkout):
    lines = ["set -e"]
    for mark, language, code in blocks(page):
        if mark:
            lines += [code] if language == "bash" else ["python - <<'END'", code + "END"]
    path = f"{checkout / 'bin'}:{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)}
    run = subprocess.run(
        ["bash"], input="\n".join(lines), text=True, cwd=checkout, env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-3000:]


def test_the_readme_shows_what_comes_out_and_is_short():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert sum(mark for mark, *_ in blocks(ROOT / "README.md")) >= 2
    assert len(text.split()) <= WORDS_OF_README
    assert max(map(len, text.splitlines())) <= 120


def test_links_lead_to_files():
    broken = []
    for page in PAGES:
        for link in re.findall(r"\]\(([^)#\s]+)\)", page.read_text(encoding="utf-8")):
            if "://" not in link and not (page.parent / link).exists():
                broken.append(f"{page.relative_to(ROOT)}: {link}")
    assert broken == []
