"""The tables of `compare.py`: rows, goals and Markdown."""

from __future__ import annotations

from dataclasses import dataclass

RECORDED, COMPILED, PURE = BUILDS = ("sdss-clu", "compiled", "pure")

#: What a broker can do, to which bursts of replies and pings are compared.
LIMIT, PING_LIMIT = "amqp_limit", "amqp_ping_limit"
PING_LIMIT_PROCESSES = "amqp_ping_limit_processes"
PINGS_LIMIT_PROCESSES = "amqp_ping_1000_limit_processes"
BURSTS = {"amqp_burst": "", "amqp_burst_processes": " (two processes)"}
#: Pings, what they are compared to, and what they are.
PINGS = (
    ("amqp_ping_serial", PING_LIMIT, "one at a time"),
    ("amqp_ping_processes", PING_LIMIT_PROCESSES, "one at a time, in two processes"),
    ("amqp_ping_1000_processes", PINGS_LIMIT_PROCESSES, "1,000 at once, in two processes"),
)

# microseconds of each case, or the reason why there are none
Figures = dict[str, "float | str"]


@dataclass(frozen=True)
class Row:
    """One line: the case, the goal as a ratio, and the case of sdss-clu when it is another."""

    work: str
    case: str
    goal: float | None = None
    unit: str = "us"
    recorded_case: str = ""

    def figure(self, figures: dict[str, Figures], build: str) -> float | None:
        name = self.recorded_case if build == RECORDED and self.recorded_case else self.case
        value = figures.get(build, {}).get(name)
        return value if isinstance(value, float) else None

    def ratio(self, figures: dict[str, Figures], build: str) -> float | None:
        recorded, ours = self.figure(figures, RECORDED), self.figure(figures, build)
        return recorded / ours if recorded and ours else None


@dataclass(frozen=True)
class Growth:
    """A case beside the same work on something smaller: their quotient should stay near 1."""

    what: str
    small: str
    large: str


ROWS = [
    Row("JSONActor.write, validated, broadcast", "json_write", 40),
    Row("JSONActor.write, not validated, broadcast", "json_write_unvalidated", 10),
    Row("JSONActor.write, validated, to a command", "json_write_command", 40),
    Row("JSONActor.write, not validated, to a command", "json_write_command_unvalidated", 10),
    Row("LegacyActor.write, validated, broadcast", "legacy_write", 35),
    Row("LegacyActor.write, not validated, broadcast", "legacy_write_unvalidated", 7),
    Row("LegacyActor.write, validated, to a command", "legacy_write_command", 35),
    Row("LegacyActor.write, not validated, to a command", "legacy_write_command_unvalidated", 7),
    Row("Model.validate, 5 keys", "model_validate", 80),
    Row("Model.update_model, 5 keys", "model_update", 40),
    Row("Model.update_model, 5 keys, a callback of the model", "model_notify"),
    Row("Model.update_model, 5 keys, a callback of each of them", "property_notify"),
    Row("Model.update_model, 5 keys, one of them watched", "watch_update"),
    Row("ReplyParser.parse, 300 characters", "reply_parse_300", 40),
    Row("ReplyParser.parse, 45 characters", "reply_parse_45", 25),
    Row("ReplyParser.parse, 300 characters, every value read", "reply_read_300"),
    Row("ReplyParser.parse, 45 characters, every value read", "reply_read_45"),
    Row("hub line into a TronModel of 300 keys", "hub_line_300", 30),
    Row("hub line into a TronModel of 300 keys, its values read", "hub_line_300_read"),
    Row("CommandStatus, five tests", "status_tests", 4),
    Row("`ping` through JSONActor, one at a time", "json_ping_serial", 10),
    Row("`ping` through JSONActor, 100 at once", "json_ping_concurrent", 10),
    Row("`ping` through LegacyActor, one at a time", "legacy_ping_serial", 10),
    Row("`ping` through LegacyActor, 100 at once", "legacy_ping_concurrent", 10),
    Row("`move 5 --fast` through JSONActor", "json_move"),
    Row("`stage move 5 --fast` through JSONActor, a group", "json_move_in_group"),
    Row("TCP broadcast to a client, JSON", "json_broadcast", 15, "/s"),
    Row("TCP broadcast to a client, legacy", "legacy_broadcast", 15, "/s"),
    Row("the same on uvloop, JSON", "json_broadcast_uvloop", 15, "/s", "json_broadcast"),
    Row("the same on uvloop, legacy", "legacy_broadcast_uvloop", 15, "/s", "legacy_broadcast"),
    Row("import clu", "import_clu", 2, "ms"),
    Row("AMQP ping, one at a time", "amqp_ping_serial", 5),
    Row("AMQP ping, 1,000 at once", "amqp_ping_1000", 10),
    Row("AMQP burst of replies to a client", "amqp_burst", 15, "/s"),
    Row("CPU of actor and client for a delivered reply", "amqp_burst_cpu"),
    Row("the same to a page, through the websocket bridge", "amqp_burst_websocket", None, "/s"),
    Row("replies of 5 keywords, until `clu watch` has printed them", "amqp_watch", None, "/s"),
    Row("AMQP ping, one at a time, actor in another process", "amqp_ping_processes"),
    Row("AMQP ping, 1,000 at once, actor in another process", "amqp_ping_1000_processes"),
    Row("AMQP burst, actor in another process", "amqp_burst_processes", None, "/s"),
    Row("replies encoded once, discarded unread, in two processes", LIMIT, None, "/s"),
    Row("the messages of a ping, encoded once and not parsed", PING_LIMIT),
    Row("the same, in two processes", PING_LIMIT_PROCESSES),
    Row("the same, 1,000 at once, in two processes", PINGS_LIMIT_PROCESSES),
]

GROWTHS = [
    Growth("JSONActor.write, 300 keywords / 30", "json_write_command", "json_write_300"),
    Growth("Model.validate, 300 keywords / 30", "model_validate", "model_validate_300"),
    Growth("Model.update_model, 300 keywords / 30", "model_update", "model_update_300"),
    Growth("hub line, 300 keys / 5", "hub_line_5", "hub_line_300"),
    Growth("`ping` after 5,000 others / after none", "json_ping_serial", "json_ping_after_5000"),
]


def case_names() -> list[str]:
    names = [row.case for row in ROWS] + [growth.large for growth in GROWTHS]
    return list(dict.fromkeys([*names, *(growth.small for growth in GROWTHS)]))


def digits(value: float) -> str:
    """Three significant digits, without an exponent."""
    places = next((places for limit, places in ((1, 3), (10, 2), (100, 1)) if value < limit), 0)
    return f"{value:,.{places}f}"


def figure_text(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    if unit == "/s":
        return f"{1e6 / value:,.0f}/s"
    return f"{digits(value / 1e3)} ms" if unit == "ms" else digits(value)


def ratio_text(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.1f}x"


def table_line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def table(header: list[str], lines: list[list[str]]) -> str:
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join(table_line(cells) for cells in (header, rule, *lines))


def row_cells(row: Row, figures: dict[str, Figures]) -> list[str]:
    values = [figure_text(row.figure(figures, build), row.unit) for build in BUILDS]
    ratios = [ratio_text(row.ratio(figures, build)) for build in (COMPILED, PURE)]
    return [row.work, *values, *ratios, f"{row.goal:g}x" if row.goal else ""]


def growth_cells(growth: Growth, figures: dict[str, Figures]) -> list[str]:
    cells = []
    for build in BUILDS:
        small, large = (figures.get(build, {}).get(case) for case in (growth.small, growth.large))
        both = isinstance(small, float) and isinstance(large, float)
        cells.append(f"{large / small:.2f}" if both else "-")
    return [growth.what, *cells]


def summary(rows: list[Row], figures: dict[str, Figures]) -> list[str]:
    """The goals that are missed, and how the interpreted build does."""
    compiled = {row: ratio for row in rows if (ratio := row.ratio(figures, COMPILED))}
    pure = [ratio for row in rows if (ratio := row.ratio(figures, PURE))]
    missed = [row.work for row, ratio in compiled.items() if row.goal and ratio < row.goal]
    lines = []
    if compiled:
        goals, named = sum(row.goal is not None for row in compiled), "; ".join(missed) or "none"
        lines.append(f"Compiled: {goals} goals, {goals - len(missed)} reached; missed: {named}.")
    if pure:
        faster, slower = sum(ratio >= 3 for ratio in pure), sum(ratio < 1 for ratio in pure)
        lines.append(
            f"Interpreted: {faster} of {len(pure)} at least 3x faster than sdss-clu, "
            f"{slower} slower, lowest ratio {min(pure):.2f}."
        )
    return lines


def distances_to_limits(figures: dict[str, Figures]) -> list[str]:
    """Bursts and pings compared with the limits of the broker."""
    limits, lines = figures.get(COMPILED, {}), []
    if isinstance(limit := limits.get(LIMIT), float):
        shares = [
            f"{build}{where} {limit / figure:.0%}"
            for name, where in BURSTS.items()
            for build, figure in figures_of(figures, name)
        ]
        lines.append(
            f"AMQP burst, as a share of the {1e6 / limit:,.0f}/s of a publisher of encoded frames "
            f"and a consumer that parses none, in two processes (goal: compiled over 60%): "
            f"{', '.join(shares)}."
        )
    for name, limit_name, what in PINGS:
        if isinstance(limit := limits.get(limit_name), float):
            times = [
                f"{build} {figure / limit:.2f}x" for build, figure in figures_of(figures, name)
            ]
            lines.append(
                f"AMQP ping, {what}, as a multiple of the {limit:,.0f} us that its messages "
                f"take when they are encoded once and not parsed: {', '.join(times)}."
            )
    return lines


def figures_of(figures: dict[str, Figures], case: str) -> list[tuple[str, float]]:
    """The figures of all builds for a case."""
    return [
        (build, figure)
        for build in BUILDS
        if isinstance(figure := figures.get(build, {}).get(case), float)
    ]


def failures(figures: dict[str, Figures]) -> list[str]:
    cases: dict[str, list[str]] = {}
    for build, values in figures.items():
        for case, reason in values.items():
            if isinstance(reason, str):
                cases.setdefault(f"{build}: {reason}", []).append(f"`{case}`")
    return [f"- {reason}: {', '.join(names)}" for reason, names in cases.items()]


def tables(figures: dict[str, Figures]) -> str:
    """The Markdown for these figures; rows that nobody ran are left out."""
    seen = set().union(*figures.values())
    rows = [row for row in ROWS if row.case in seen]
    growths = [growth for growth in GROWTHS if {growth.small, growth.large} <= seen]
    header = ["work (us unless marked)", *BUILDS, "ratio compiled", "ratio pure", "goal"]
    notes = (summary(rows, figures), distances_to_limits(figures), failures(figures))
    parts = [table(header, [row_cells(row, figures) for row in rows])]
    parts += ["\n".join(lines) for lines in notes if lines]
    if growths:
        lines = [growth_cells(growth, figures) for growth in growths]
        parts.append(table(["cost that should not grow (quotient, goal 1)", *BUILDS], lines))
    return "\n\n".join(parts)
