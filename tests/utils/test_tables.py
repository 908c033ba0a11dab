"""Tables as text, markdown and CSV."""

import csv
import io

import pytest

from stdnet_arch.utils.tables import Table

TABLE = Table(["clip", "rmse_cm"], [["office, long", 12.3456], ["b", 4.0]])


def test_text_is_aligned():
    assert TABLE.text() == "clip          rmse_cm\noffice, long    12.35\nb                4.00"


def test_markdown_aligns_numbers_to_the_right():
    assert TABLE.markdown(digits=1) == (
        "| clip | rmse_cm |\n| --- | ---: |\n| office, long | 12.3 |\n| b | 4.0 |\n"
    )


def test_csv_keeps_full_precision_and_quotes_commas():
    read = list(csv.reader(io.StringIO(TABLE.csv())))
    assert read == [["clip", "rmse_cm"], ["office, long", "12.3456"], ["b", "4.0"]]


def test_a_row_of_another_length_is_refused():
    with pytest.raises(ValueError, match="a row needs 2 cells, got 3"):
        Table(["a", "b"], [[1, 2, 3]])
