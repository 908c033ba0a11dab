"""Docstrings say what a thing is or does, and arguments are named by what they hold."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
FILES = [path for folder in ("stdnet_arch", "scripts") for path in (ROOT / folder).rglob("*.py")]
VAGUE = "what|where|whose|which|whether|how|who|of"
DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef


def docstrings():
    """Place and text of every docstring of the package and the scripts."""
    for path in sorted(FILES):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, DOCUMENTED) and (text := ast.get_docstring(node)):
                line = getattr(node, "lineno", 1)
                yield f"{path.relative_to(ROOT)}:{line}", text


def test_no_docstring_opens_with_a_question_word():
    vague = re.compile(rf"({VAGUE})\b", re.IGNORECASE)
    assert [(place, text.split("\n")[0]) for place, text in docstrings() if vague.match(text)] == []


def test_arguments_are_described_by_a_noun():
    vague = re.compile(rf"^\s+\w+: ({VAGUE})\b.*$", re.MULTILINE)
    found = [(place, hit.group(0)) for place, text in docstrings() for hit in vague.finditer(text)]
    assert found == []
