"""The tables of the benchmark, as text for a terminal or as Markdown."""

import textwrap
from dataclasses import dataclass, field

NOTE_WIDTH = 120


@dataclass
class Table:
    """A table: a title, columns, rows of cells, and a note below."""

    title: str
    columns: list[str]
    rows: list[list[str]] = field(default_factory=list)
    note: str = ""

    def render(self, markdown: bool) -> str:
        """Returns the table as text."""
        return self._markdown() if markdown else self._plain()

    def _plain(self) -> str:
        # The width of a column is that of its longest cell, which may be the heading.
        widths = [max(len(cell) for cell in column) for column in zip(self.columns, *self.rows, strict=True)]
        lines = [self._line(cells, widths) for cells in [self.columns, *self.rows]]
        lines.insert(1, "-" * len(lines[0]))
        return "\n".join([self.title, "", *lines, *textwrap.wrap(self.note, NOTE_WIDTH), ""])

    def _line(self, cells: list[str], widths: list[int]) -> str:
        # The first column has names, which begin at the left. The other columns have numbers, which end at the right.
        (name, name_width), *others = zip(cells, widths, strict=True)
        return "  ".join([name.ljust(name_width), *(cell.rjust(width) for cell, width in others)])

    def _markdown(self) -> str:
        # The line below the heading. In Markdown, `---:` aligns a column to the right.
        rule = ["---", *(["---:"] * (len(self.columns) - 1))]
        lines = [f"| {' | '.join(cells)} |" for cells in [self.columns, rule, *self.rows]]
        return "\n".join([f"### {self.title}", "", *lines, "", *([self.note, ""] if self.note else [])])


def figures(value: float) -> str:
    """Writes a number with at most three significant figures and separated thousands, such as `0.0123`, `4.56` or `1,230`."""
    if value == 0:
        return "0"
    # From 99.95 on, three figures leave no decimals (99.95 becomes 100). Format `g` would write 1,234 as 1.23e+03, so `round` is used:
    # 1,234 has four digits, and `round(1234, 3 - 4)` is 1230.
    if abs(value) >= 99.95:
        digits = len(str(int(abs(value))))
        return f"{round(value, 3 - digits):,.0f}"
    return f"{value:.3g}"


def ratio(value: float) -> str:
    """Writes a ratio, such as `2.5 x`."""
    return f"{figures(value)} x"
