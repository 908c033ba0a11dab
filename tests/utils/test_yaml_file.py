"""YAML gives plain values: no code runs, numbers are numbers, nothing grows without bound."""

import pytest

from stdnet_arch.utils import yaml_file
from stdnet_arch.utils.input_errors import InputError
from stdnet_arch.utils.yaml_file import load_mapping, parse_yaml

CODE = [
    "!!python/object/apply:os.system ['touch {}']",
    "!!python/object/new:os.system ['touch {}']",
    "!!python/name:os.system",
    "!!python/module:os",
    "!!python/object/apply:subprocess.check_output [[touch, {}]]",
    "!!python/object/apply:eval [\"open('{}', 'w')\"]",
]


@pytest.mark.parametrize("tag", CODE)
def test_a_tag_that_would_run_code_is_refused(tag, tmp_path):
    with pytest.raises(InputError, match="could not determine a constructor"):
        parse_yaml(f"name: {tag.format(tmp_path / 'ran')}")
    assert not list(tmp_path.iterdir())


NUMBERS = {"1e-4": 1e-4, "-2.5E+3": -2500.0, ".5e1": 5.0, "0.25": 0.25, "12": 12, "08": "08"}


@pytest.mark.parametrize(("text", "value"), NUMBERS.items(), ids=str)
def test_numbers_are_numbers(text, value):
    read = parse_yaml(f"a: {text}")["a"]
    assert (read, type(read)) == (value, type(value))


def bomb(levels):
    """Ten references to the level below, on each level."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, levels)]
    return "\n".join(lines)


def test_aliases_that_unfold_to_too_much_are_refused():
    assert len(parse_yaml(bomb(3))) == 3
    with pytest.raises(InputError, match="aliases unfold to more"):
        parse_yaml(bomb(9))


@pytest.mark.parametrize("text", ['"\\ud800"', '{"a\\ud800": 1}', '[1, {b: ["x\\udfff"]}]'])
def test_half_a_character_is_no_text(text):
    with pytest.raises(InputError, match="x.yml: .*surrogates not allowed"):
        parse_yaml(text, "x.yml")
    assert parse_yaml('"\\u00fc"') == "\u00fc"


def test_merges_that_copy_too_much_are_refused(monkeypatch):
    text = "a: &a {i: 1, j: 2, k: 3}\nb: {<<: *a, l: 4}"
    assert parse_yaml(text)["b"] == {"i": 1, "j": 2, "k": 3, "l": 4}
    monkeypatch.setattr(yaml_file, "MAX_VALUES", 5)
    with pytest.raises(InputError, match="merged values"):
        parse_yaml(text)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 5000,
        "- " * 5000,
        "a: &a [*a]",
        "a: [",
        "a: 2020-13-45",
        "\x00",
        "a: *b",
        "- a\nb: c",
        "? [a]\n: 1",
    ],
)
def test_what_is_no_plain_yaml_is_an_error_of_one_line(text):
    with pytest.raises(InputError) as caught:
        parse_yaml(text, "x.yml")
    assert str(caught.value).startswith("x.yml: ")
    assert "\n" not in str(caught.value)


def test_options_must_be_names_and_values(tmp_path):
    (tmp_path / "x.yml").write_text("[1, 2]")
    with pytest.raises(InputError, match="expected a YAML file of options, name: value; got list"):
        load_mapping(tmp_path / "x.yml")
