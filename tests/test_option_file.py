"""``base:`` starts an option file from another one."""

import copy
import sys

import pytest
import yaml
from basicsr.utils.options import copy_opt_file, ordered_yaml
from toolbox_parts import options

from stdnet_arch import option_file


def write(folder, **texts):
    for name, text in texts.items():
        (folder / f"{name}.yml").write_text(text)
    return folder / f"{next(iter(texts))}.yml"


def test_maps_are_merged_deeply_and_lists_replaced(tmp_path):
    path = write(
        tmp_path,
        top="base: low.yml\na: {b: {c: 1e-3}, d: [3]}\nf: ~\n",
        low="a: {b: {c: 2, e: 4}, d: [1, 2]}\nf: {g: 5}\nh: 1e-4\n",
    )
    expected = {"a": {"b": {"c": 1e-3, "e": 4}, "d": [3]}, "f": None, "h": 1e-4}
    read = option_file.read(path)
    assert read == expected
    assert type(read["a"]["b"]) is dict  # a key that is missing stays an error


def test_a_base_is_seen_from_the_file_that_names_it(tmp_path):
    (tmp_path / "far").mkdir()
    write(tmp_path / "far", middle="base: ../low.yml\nb: 2\nc: 2\n")
    path = write(tmp_path, top="base: far/middle.yml\nc: 3\n", low="a: 1\nb: 1\nc: 1\n")
    assert option_file.read(path) == {"a": 1, "b": 2, "c": 3}


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"a": "base: b.yml", "b": "base: a.yml"}, r"b\.yml: base: a\.yml leads back to .*a\.yml"),
        ({"a": "base: a.yml"}, r"a\.yml: base: a\.yml leads back to .*a\.yml"),
        (
            {"a": "base: gone.yml"},
            r"a\.yml: base: gone\.yml must be a file; there is no .*gone\.yml",
        ),
    ],
)
def test_a_cycle_or_a_missing_file_names_both(tmp_path, texts, message):
    with pytest.raises(ValueError, match=message):
        option_file.read(write(tmp_path, **texts))


def test_text_has_no_place_to_look_from():
    with pytest.raises(ValueError, match=r"base: a\.yml needs options from a file, got text"):
        yaml.load("base: a.yml", Loader=ordered_yaml()[0])


def test_the_trainer_s_copy_stands_alone(tmp_path, monkeypatch):
    whole = options()
    part = {"base": "whole.yml", "name": "other", "train": {"total_iter": 7}}
    path = write(tmp_path, part=yaml.safe_dump(part), whole=yaml.safe_dump(whole))
    (tmp_path / "experiment").mkdir()
    monkeypatch.setattr(sys, "argv", ["train", "-opt", str(path)])
    copy_opt_file(str(path), str(tmp_path / "experiment"))
    expected = copy.deepcopy(whole) | {"name": "other"}
    expected["train"]["total_iter"] = 7
    text = (tmp_path / "experiment/part.yml").read_text()
    assert yaml.safe_load(text) == expected
    assert f"# train -opt {path}" in text


def test_a_file_without_a_base_is_copied_as_it_stands(tmp_path):
    path = write(tmp_path, x="a: 1  # why\n")
    (tmp_path / "experiment").mkdir()
    copy_opt_file(str(path), str(tmp_path / "experiment"))
    assert (tmp_path / "experiment/x.yml").read_text().endswith("a: 1  # why\n")
