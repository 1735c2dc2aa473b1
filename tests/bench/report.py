"""report.py -- what was measured: a table of medians and ratios, the same as CSV, and a chart."""
import csv
import html
import statistics

COLUMNS = ("redis a", "redis b", "other", "quorum")
HEADS = ("redis (a)", "redis (b)", "other", "quorum")
NOTE = """\
(a) redis-server without persistence; (b) appendonly yes, appendfsync always. Quorum: three nodes,
two disks have every write when it is answered, every read is confirmed by ReadIndex unless local.
Values are medians over the rounds. A ratio is the median of the rounds' ratios, each of two runs
that followed each other, so that a machine that is busier in one round than in the next does not
count; "low" and "high" are the least and the greatest. For bytes and seconds less is better.
"""


class Row:
    """One line of the main table: values of each column, one a round, and the issue's bars."""

    def __init__(self, name, unit, against, at_least=None, aim=None, is_cost=False):
        self.name, self.unit, self.against = name, unit, against
        self.at_least, self.aim, self.is_cost = at_least, aim, is_cost
        self.values = {column: [] for column in COLUMNS}

    def add(self, column, value):
        self.values[column].append(value)

    def median(self, column):
        values = self.values[column]
        return statistics.median(values) if values else None

    def ratios(self):
        pairs = zip(self.values["quorum"], self.values[self.against])
        return [ours / theirs for ours, theirs in pairs]

    def ratio(self):
        ratios = self.ratios()
        return statistics.median(ratios) if ratios else None

    def verdict(self):
        ratio = self.ratio()
        if ratio is None or self.at_least is None:
            return ""

        def holds(bar):
            return ratio <= bar if self.is_cost else ratio >= bar
        return "aim" if holds(self.aim) else "yes" if holds(self.at_least) else "NO"


def number(value, unit):
    if value is None:
        return "-"
    return f"{value:,.0f}" if unit == "/s" or value >= 1000 else f"{value:,.2f}"


def factor(value):
    return "-" if value is None else f"{value:.2f} x"


# ---- Text ----


def layout(cells):
    """Aligns rows of texts: the first column to the left, all others to the right."""
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    return ["  ".join(text.ljust(width) if i == 0 else text.rjust(width)
                      for i, (text, width) in enumerate(zip(row, widths))).rstrip()
            for row in cells]


def table(rows):
    cells = [("work", "unit", *HEADS, "ratio", "low", "high", "at least", "aim", "met")]
    for row in rows:
        ratios = row.ratios()
        if ratios:
            cells.append((row.name, row.unit, *(number(row.median(c), row.unit) for c in COLUMNS),
                          factor(row.ratio()), factor(min(ratios)), factor(max(ratios)),
                          factor(row.at_least), factor(row.aim), row.verdict()))
    return layout(cells)


def write_text(path, facts, rows, figures, texts):
    with open(path, "w") as out:
        lines = [*facts, "", *table(rows), "", NOTE]
        if figures:
            lines += layout([(name, number(value, unit), unit) for name, value, unit in figures])
        for text in texts:
            lines += ["", text]
        out.write("\n".join(lines) + "\n")


def write_csv(path, rows, figures):
    with open(path, "w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["work", "unit", *COLUMNS, "against", "ratio", "ratio_low", "ratio_high",
                         "at_least", "aim", "met", "rounds"])
        for row in rows:
            ratios = row.ratios()
            if ratios:
                writer.writerow([row.name, row.unit, *(row.median(c) for c in COLUMNS), row.against,
                                 row.ratio(), min(ratios), max(ratios), row.at_least, row.aim,
                                 row.verdict(), len(ratios)])
        for name, value, unit in figures:
            writer.writerow([name, unit, "", "", "", value])


# ---- Chart ----

LABEL_WIDTH, CHART_WIDTH, LINE_HEIGHT, TOP = 330, 560, 26, 60
COLOURS = {"aim": "#2a7f3f", "yes": "#7fb77e", "NO": "#c8553d", "": "#7a8ca5"}


def chart_line(row, y):
    """A bar as long as the ratio in parts of the aim; a thin mark at the least that is asked."""
    scale = row.aim or 1
    length = min(row.ratio() / scale, 2) * CHART_WIDTH / 2
    parts = [f'<text x="{LABEL_WIDTH - 8}" y="{y + 16}" text-anchor="end">'
             f'{html.escape(row.name)}</text>',
             f'<rect x="{LABEL_WIDTH}" y="{y + 4}" width="{length:.1f}" height="16" '
             f'fill="{COLOURS[row.verdict()]}"/>',
             f'<text x="{LABEL_WIDTH + length + 6:.1f}" y="{y + 16}">{row.ratio():.2f}</text>']
    if row.at_least:
        x = LABEL_WIDTH + min(row.at_least / scale, 2) * CHART_WIDTH / 2
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y + 1}" y2="{y + 23}" '
                     'stroke="#333" stroke-width="2"/>')
    return "".join(parts)


def write_svg(path, rows):
    shown = [row for row in rows if row.ratios()]
    width, height = LABEL_WIDTH + CHART_WIDTH + 70, TOP + LINE_HEIGHT * len(shown) + 20
    aim_x = LABEL_WIDTH + CHART_WIDTH / 2
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
             'font-family="sans-serif" font-size="13">',
             f'<rect width="{width}" height="{height}" fill="white"/>',
             f'<text x="{LABEL_WIDTH}" y="22" font-size="16">Quorum, as a ratio; dotted line: the aim,'
             ' mark: the least asked</text>',
             f'<text x="{LABEL_WIDTH}" y="42" fill="#555">for bytes and seconds shorter is better'
             '</text>',
             f'<line x1="{aim_x}" x2="{aim_x}" y1="{TOP - 8}" y2="{height - 12}" stroke="#333" '
             'stroke-dasharray="3 3"/>']
    lines += [chart_line(row, TOP + LINE_HEIGHT * i) for i, row in enumerate(shown)]
    with open(path, "w") as out:
        out.write("\n".join([*lines, "</svg>"]) + "\n")
