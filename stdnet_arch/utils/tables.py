"""A table of numbers as aligned text, markdown or CSV."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

Cell = str | int | float


@dataclass(frozen=True)
class Table:
    """Column names and rows of the same length."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]

    def __post_init__(self) -> None:
        """Refuse rows that do not fit the columns."""
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"a row needs {len(self.columns)} cells, got {len(row)}: {row}")

    def text(self, digits: int = 2) -> str:
        """Aligned columns for a log or a terminal: names to the left, numbers to the right."""
        lines = self._cells(digits)
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.columns))]
        numeric = [self._is_numeric(i) for i in range(len(self.columns))]
        return "\n".join(
            "  ".join(
                cell.rjust(width) if right else cell.ljust(width)
                for cell, width, right in zip(line, widths, numeric, strict=True)
            ).rstrip()
            for line in lines
        )

    def markdown(self, digits: int = 2) -> str:
        """A markdown table; numbers to the right."""
        head, *body = self._cells(digits)
        rule = ["---:" if self._is_numeric(i) else "---" for i in range(len(self.columns))]
        return "".join(f"| {' | '.join(line)} |\n" for line in (head, rule, *body))

    def csv(self) -> str:
        """Comma-separated values, floats in full precision."""
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows(self.rows)
        return buffer.getvalue()

    def _cells(self, digits: int) -> list[list[str]]:
        body = [
            [f"{cell:.{digits}f}" if isinstance(cell, float) else str(cell) for cell in row]
            for row in self.rows
        ]
        return [list(self.columns), *body]

    def _is_numeric(self, column: int) -> bool:
        return all(not isinstance(row[column], str) for row in self.rows)
