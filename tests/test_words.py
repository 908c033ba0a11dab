"""Docstrings say what a thing is or does, arguments by what they hold, sentences briefly.

So do pages: README, CONTRIBUTING, docs.
"""

import ast
import inspect
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = [path for folder in ("stdnet_arch", "scripts") for path in (ROOT / folder).rglob("*.py")]
VAGUE = "what|where|whose|which|whether|how|who|of"
MOST_WORDS = 25
CODE = re.compile(r"^ *(?:python3? .*(?:\n +\S.*)*|>>> .*(?:\n *\S.*)*)", re.MULTILINE)
NAME = re.compile(r"``[^`]+``|:\w+:`[^`]+`|`[^`]+`")
END = re.compile(
    r"(?<=[.:!?])\s"  # of a sentence, or before what a colon announces
    r"|(?<=[.!?][)\"'])\s"
    r"|\n\s*\n"
    r"|\n(?=\s*(?:[-*]|\d+\.|\w+(?:, \w+)*:)\s)"  # before an item of a list or an argument
)
COMMENTS = re.compile(r"(?m)(?:^ *#.*\n)+")
SHARED = {
    "JointBilateral": "registered as a network and as a competitor; YAML files name both so",
}
"""Names of two public classes, and why they stay."""


def notes(source):
    """Line and text of every string that stands by itself: docstrings and notes on fields."""
    for node in ast.walk(ast.parse(source)):
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if is_text and isinstance(node.value.value, str):
            yield node.lineno, inspect.cleandoc(node.value.value)


def every_note():
    """Place and text of every note of the package and the scripts."""
    for path in sorted(FILES):
        for line, text in notes(path.read_text(encoding="utf-8")):
            yield f"{path.relative_to(ROOT)}:{line}", text


def test_no_note_opens_with_a_question_word():
    vague = re.compile(rf"({VAGUE})\b", re.IGNORECASE)
    assert [(place, text.split("\n")[0]) for place, text in every_note() if vague.match(text)] == []


def test_arguments_are_described_by_a_noun():
    vague = re.compile(rf"^\s+\w+: ({VAGUE})\b.*$", re.MULTILINE)
    found = [(place, hit.group(0)) for place, text in every_note() for hit in vague.finditer(text)]
    assert found == []


def prose(source):
    """Line and text of every note and every comment."""
    yield from notes(source)
    yield from comments(source)


def comments(source):
    """Line and text of the comments that have lines of their own, those in a row as one."""
    for block in COMMENTS.finditer(source):
        line = source.count("\n", 0, block.start()) + 1
        yield line, re.sub(r"(?m)^ *# ?", "", block.group(0))


def long_sentences(text):
    plain = NAME.sub("name", CODE.sub("", text))
    sentences = [" ".join(one.split()) for one in END.split(plain) if one]
    return [one for one in sentences if len(re.findall(r"\S*\w\S*", one)) > MOST_WORDS]


def test_sentences_are_short():
    found = [
        (f"{path.relative_to(ROOT)}:{line}", sentence)
        for path in sorted(FILES)
        for line, text in prose(path.read_text(encoding="utf-8"))
        for sentence in long_sentences(text)
    ]
    assert found == []


WORDS = "word " * (MOST_WORDS - 2)


@pytest.mark.parametrize("text", [
    f"One {WORDS}\ntwo three.",
    f"Short. One {WORDS}two three. Short.",
    f"One {WORDS}``of three words`` and more.",
    f"- One {WORDS}two three.\n- Short.",
])  # fmt: skip
def test_a_long_sentence_is_found(text):
    assert len(long_sentences(text)) == 1


@pytest.mark.parametrize("text", [
    f"One {WORDS}two. Two {WORDS}three.",
    f"One {WORDS}``(b, t, 1, H, W)``",
    f"One: {WORDS}:func:`~stdnet_arch.ops.warp`",
    f"scale: {WORDS}one\nwide: {WORDS}two",
    f"Run it:\n\npython scripts/x.py {WORDS}\n    {WORDS}",
    f"See:\n\n>>> x = 1  # {WORDS}{WORDS}",
])  # fmt: skip
def test_a_short_sentence_is_none(text):
    assert long_sentences(text) == []


def test_comments_below_one_another_are_one_text():
    source = f"x = 1\n# One {WORDS}\n# two three.\ny = 1\n    # short\n"
    assert [(line, len(long_sentences(text))) for line, text in prose(source)] == [(2, 1), (5, 0)]


def public_classes(sources):
    """Name of every public class to the files that define it."""
    places = {}
    for place, source in sources:
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(place)
    return places


def twice(places):
    return {name: found for name, found in places.items() if len(found) > 1}


def test_a_class_has_a_name_of_its_own():
    package = sorted((ROOT / "stdnet_arch").rglob("*.py"))
    sources = [(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")) for path in package]
    assert twice(public_classes(sources)).keys() == SHARED.keys()


def test_a_name_of_two_classes_is_found():
    sources = [
        ("a.py", "class Case: ..."),
        ("b.py", "class _Own: ..."),
        ("c.py", "class Case: ..."),
    ]
    assert twice(public_classes(sources)) == {"Case": ["a.py", "c.py"]}


PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "datasets/README.md")]
PAGES += [ROOT / "stdnet_arch/weights/README.md", *sorted((ROOT / "docs").rglob("*.md"))]
MOST_WORDS_OF_PAGES = 28
LONGER = {
    "docs/performance.md": "measurements, whose sentences name machine, versions and rounds",
    "docs/plane_blend.md": "measurements, as above",
    "docs/reliability.md": "one long list of what is tried",
    "docs/benchmark/DyDToF_sample_x4.md": "written by scripts/benchmark.py",
    "docs/benchmark/DyDToF_sample_x8.md": "written by scripts/benchmark.py",
    "docs/benchmark/Synthetic_x4.md": "written by scripts/benchmark.py",
    "docs/benchmark/fair_brief_x4.md": "written by scripts/benchmark.py",
}
"""Pages that may hold longer sentences, and why."""
NO_PROSE = re.compile(
    r"^<!-- cards:.*?^<!-- end of cards -->$"  # written by scripts/ship_weights.py
    r"|^ *```.*?^ *```$"
    r"|^<!--.*?-->$"
    r"|^ *[|#][^\n]*$",  # rows of tables, headings
    re.MULTILINE | re.DOTALL,
)
IMAGE = re.compile(r"!\[[^\]]*\]\([^)]*\)")
LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
ADDRESS = re.compile(r"https?://\S+")
END_ON_PAGE = re.compile(
    r"(?<=[.:!?])\s|(?<=[.:!?][*_)\"'])\s|(?<=[.:!?]\*\*)\s"
    r"|\n\s*\n"
    r"|\n(?=\s*(?:[-*+>]|\d+[.)])\s)"  # before an item of a list
)


def long_sentences_on(page):
    """Sentences of a page's prose with too many words; code, a link's text or an address is one."""
    plain = IMAGE.sub("", NO_PROSE.sub("\n\n", page))
    plain = ADDRESS.sub("address", LINK.sub(r"\1", NAME.sub("name", plain)))
    sentences = [" ".join(one.split()) for one in END_ON_PAGE.split(plain)]
    return [one for one in sentences if len(re.findall(r"\S*\w\S*", one)) > MOST_WORDS_OF_PAGES]


def test_sentences_of_pages_are_short():
    found = [
        (name, sentence)
        for name, page in ((str(page.relative_to(ROOT)), page) for page in PAGES)
        if name not in LONGER
        for sentence in long_sentences_on(page.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_pages_with_longer_sentences_exist():
    assert [name for name in LONGER if ROOT / name not in PAGES] == []


PAGE = "word " * (MOST_WORDS_OF_PAGES - 2)


@pytest.mark.parametrize("text", [
    f"One {PAGE}\ntwo three.",
    f"# Title\nShort. One {PAGE}two three.\n\n| a | b |\n|---|---|\n",
    f"- Short.\n- One {PAGE}\n  two three.",
    f"1. One {PAGE}`of three words` three",
    f"One {PAGE}[two three](a.md)",
    f"One {PAGE}two (https://a.b/c d.",
    f"**Short.** One {PAGE}two three.",
    f"```bash\nls\n```\nOne {PAGE}two three:\n```bash\nls\n```",
])  # fmt: skip
def test_a_long_sentence_on_a_page_is_found(text):
    assert len(long_sentences_on(text)) == 1


@pytest.mark.parametrize("text", [
    f"One {PAGE}two. Two {PAGE}three.",
    f"One {PAGE}two\n\ntwo {PAGE}three",
    f"# {PAGE}\nOne {PAGE}two.",
    f"| {PAGE} | {PAGE} |\n|---|---|",
    f"One {PAGE}two:\n| {PAGE}|\n|---|",
    f"```bash\n{PAGE}{PAGE}\n```",
    f"- {PAGE}\n- {PAGE}\n  * {PAGE}",
    f"**One {PAGE}two.** {PAGE}",
    f"(One {PAGE}two.) {PAGE}",
    f"<!-- {PAGE}{PAGE} -->",
    f"{PAGE}![two three four](a.png)",
    f"<!-- cards: made -->\n{PAGE}{PAGE}\n<!-- end of cards -->\n",
    f"One {PAGE}[two](https://a.b/c).",
])  # fmt: skip
def test_a_short_sentence_on_a_page_is_none(text):
    assert long_sentences_on(text) == []
