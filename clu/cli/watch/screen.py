"""The table of values on a terminal: it scrolls, filters as one types, and can be frozen."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any

from prompt_toolkit.application import Application
from prompt_toolkit.input import create_input
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.layout import HSplit, Layout, Window
from prompt_toolkit.layout.controls import FormattedTextControl
from prompt_toolkit.mouse_events import MouseEvent, MouseEventType
from prompt_toolkit.styles import Style
from prompt_toolkit.utils import get_cwidth

from clu.cli.common.rendering import printable
from clu.cli.demo.frame import age
from clu.cli.watch.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from prompt_toolkit.key_binding import KeyPressEvent

    from clu.cli.watch.follow import KeywordFollower

__all__ = ["watch_table"]

_REFRESH_PERIOD = 0.25
#: The least width for the column that says how old a value is, and its width.
_NARROW, _AGE = 60, 12
_WHEEL = 3
_HELP = "type to filter, Space freezes, Ctrl-C ends"
_STYLE = Style.from_dict(
    {
        "head": "fg:#808080",  # the colours of the palette, as prompt_toolkit takes them
        "actor": "fg:#ff00ff",
        "keyword": "fg:#0087af",
        "value": "bold",
        "age": "fg:#808080",
        "notice": "fg:#af8700",
        "status": "reverse",
    }
)

Fragments = list[tuple[str, str]]


async def watch_table(follower: KeywordFollower) -> None:
    """Show a table of the current values until the user ends it, or the task is cancelled."""
    table = _Table()

    async def follow() -> None:
        while True:
            change = await follower.changes.get()
            if change.notice:
                table.notice = printable(change.notice)
            else:
                seconds = max(time.time() - change.when, 0.0)
                table.rows.take(change, time.monotonic() - seconds)

    following = asyncio.ensure_future(follow())
    try:
        await table.application().run_async(handle_sigint=False)
    finally:
        following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await following


class _Table:
    def __init__(self) -> None:
        self.rows = Rows()
        self.notice = ""
        self.height = 1
        self.width = 80

    def application(self) -> Application[None]:
        """Return the program on the terminal."""
        notice = Window(_Scrolled(self._notice, self), height=self._notice_height)
        body = HSplit(
            [
                Window(_Scrolled(self._body, self)),
                notice,
                Window(_Scrolled(self._status, self), height=1, style="class:status"),
            ]
        )
        application: Application[None] = Application(
            Layout(body),
            key_bindings=self._keys(),
            style=_STYLE,
            full_screen=True,
            mouse_support=True,
            refresh_interval=_REFRESH_PERIOD,
            input=create_input(always_prefer_tty=True),
            before_render=self._measure,
        )
        application.ttimeoutlen = 0.05
        return application

    def scroll(self, lines: int) -> None:
        """Go down by a number of rows, or up."""
        self.rows.start = max(0, self.rows.start + lines)

    def _measure(self, application: Application[None]) -> None:
        size = application.output.get_size()
        self.width = size.columns
        self.height = max(size.rows - 2 - self._notice_height(), 1)

    def _notice_height(self) -> int:
        return 1 if self.notice else 0

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()

        def on(*names: str) -> Callable[[Callable[[KeyPressEvent], Any]], Any]:
            def add(function: Callable[[KeyPressEvent], Any]) -> Any:
                for name in names:
                    keys.add(name)(function)
                return function

            return add

        on("c-c", "c-d", "c-q")(lambda event: event.app.exit())
        on("up")(lambda _: self.scroll(-1))
        on("down")(lambda _: self.scroll(1))
        on("pageup")(lambda _: self.scroll(-self.height))
        on("pagedown")(lambda _: self.scroll(self.height))
        on("home")(lambda _: self.scroll(-len(self.rows)))
        on("end")(lambda _: self.scroll(len(self.rows)))
        on("space")(lambda _: self.rows.freeze(None if self.rows.is_frozen else time.monotonic()))
        on("escape")(lambda _: self._filter(""))
        on("backspace")(lambda _: self._filter(self.rows.filter[:-1]))
        on("<any>")(lambda event: self._type(event.data))
        return keys

    def _type(self, text: str) -> None:
        if text.isprintable():
            self._filter(self.rows.filter + text)

    def _filter(self, text: str) -> None:
        self.rows.filter, self.rows.start = text, 0

    def _body(self) -> Fragments:
        shown, _ = self.rows.page(self.height)
        widths = self._widths()
        names = ["actor", "keyword", "value", "changed"]
        if not self.rows.has_several_actors:
            names.remove("actor")
        if self.width < _NARROW:
            names.remove("changed")
        head = [(f"class:head {name}", name) for name in names]
        parts: Fragments = [("class:head", _line([text for _, text in head], names, widths))]
        if not len(self.rows):
            parts.append(("class:head", "\nno values yet: they appear when the actors send them"))
        now = self.rows.frozen_at or time.monotonic()
        for row in shown:
            cells = {
                "actor": row.actor,
                "keyword": row.keyword,
                "value": row.value,
                "changed": f"{age(max(now - row.changed, 0))} ago",
            }
            parts.append(("", "\n"))
            for name in names:
                style = "age" if name == "changed" else name
                parts.append((f"class:{style}", _line([cells[name]], [name], widths)))
        return parts

    def _widths(self) -> dict[str, int]:
        rest = self.width - (_AGE if self.width >= _NARROW else 0)
        actor = 16 if self.rows.has_several_actors else 0
        longest = max([get_cwidth(row.keyword) for row in self.rows.matching()], default=0)
        keyword = min(max(longest + 2, 9), max(self.width // 3, 9))
        return {
            "actor": actor,
            "keyword": keyword,
            "value": max(rest - actor - keyword, 8),
            "changed": _AGE,
        }

    def _notice(self) -> Fragments:
        return [("class:notice", _cut(self.notice, self.width))]

    def _status(self) -> Fragments:
        shown, count = self.rows.page(self.height)
        first = self.rows.start + 1 if shown else 0
        parts = [f"{first}-{self.rows.start + len(shown)} of {count}"]
        if self.rows.filter:
            parts.append(f"filter: {self.rows.filter}")
        if self.rows.is_frozen:
            parts.append("FROZEN")
        parts.append(_HELP)
        return [("", _cut("  ".join(parts), self.width))]


class _Scrolled(FormattedTextControl):
    """Text that scrolls with the wheel of the mouse."""

    def __init__(self, text: Callable[[], Any], table: _Table) -> None:
        super().__init__(text, focusable=False, show_cursor=False)
        self._table = table

    def mouse_handler(self, mouse_event: MouseEvent) -> Any:
        """Scroll."""
        if mouse_event.event_type is MouseEventType.SCROLL_DOWN:
            self._table.scroll(_WHEEL)
        elif mouse_event.event_type is MouseEventType.SCROLL_UP:
            self._table.scroll(-_WHEEL)
        else:
            return NotImplemented
        return None


def _line(cells: list[str], names: list[str], widths: dict[str, int]) -> str:
    text = ""
    for cell, name in zip(cells, names, strict=True):
        width = widths[name]
        shown = _cut(cell, width - 1)
        space = " " * (width - get_cwidth(shown))
        text += f"{space}{shown}" if name == "changed" else f"{shown}{space}"
    return text


def _cut(text: str, width: int) -> str:
    """Return the beginning of a string that fits."""
    if get_cwidth(text) <= width:
        return text
    shown = ""
    for char in text[:width]:
        if get_cwidth(shown) + get_cwidth(char) > width - 1:
            break
        shown += char
    return f"{shown}…"
