"""Text, JSON and tables of users: every failure names the file."""

import os

import pytest

from stdnet_arch.utils.input_errors import InputError, is_regular, read_json, read_table, read_text


def test_whole_files_are_read(tmp_path):
    (tmp_path / "x.csv").write_text("a, b\n1, ü\n\n2, 3\n")
    (tmp_path / "x.json").write_text('{"a": [1]}')
    assert read_table(tmp_path / "x.csv") == [{"a": "1", "b": "ü"}, {"a": "2", "b": "3"}]
    assert read_json(tmp_path / "x.json") == {"a": [1]}
    assert read_text(tmp_path / "x.json") == '{"a": [1]}'


@pytest.mark.parametrize(
    ("read", "content"),
    [
        (read_text, b"\xff\xfe"),
        (read_json, b"{"),
        (read_json, b"[" * 200_000),
        (read_table, b'a\n"' + b"x" * 200_000 + b'"\n'),
    ],
)
def test_damage_names_the_file(tmp_path, read, content):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(InputError, match="x: expected"):
        read(tmp_path / "x")


@pytest.mark.parametrize("read", [read_text, read_json, read_table])
def test_a_pipe_is_not_read(tmp_path, read):
    os.mkfifo(tmp_path / "x")
    with pytest.raises(InputError, match="regular file"):
        read(tmp_path / "x")


def test_only_files_and_what_would_be_one_are_told_from_nothing(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "lost").symlink_to("nothing")
    os.mkfifo(tmp_path / "pipe")
    assert is_regular(tmp_path / "file")
    assert is_regular(tmp_path / "link")
    assert not is_regular(tmp_path)
    assert not is_regular(tmp_path / "nothing")
    assert not is_regular(tmp_path / "file/inside")
    for name in ("lost", "pipe"):
        with pytest.raises(InputError, match=name):
            is_regular(tmp_path / name)
