"""The legacy types: types, keys, messages, parsers, positions."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..registry import scenario, table

if TYPE_CHECKING:
    from ..transcript import Transcript

VALUES = (
    "1",
    "-1",
    "1.5",
    "abc",
    "",
    "nan",
    "0x1F",
    "1f",
    "T",
    "F",
    "Open",
    "open",
    "?",
    None,
    0,
    5,
    2.5,
    True,
    "1e3",
    " 1",
    "99999999999999999999",
    b"x",
)

TYPES: dict[str, tuple[str, tuple[Any, ...], dict[str, Any]]] = {
    "float": ("Float", (), {}),
    "float_units": ("Float", (), {"units": "deg", "help": "An angle."}),
    "float_format": ("Float", (), {"strFmt": "%.1f", "reprFmt": "%.2f"}),
    "float_invalid": ("Float", (), {"invalid": "?"}),
    "double": ("Double", (), {}),
    "int": ("Int", (), {}),
    "int_name": ("Int", (), {"name": "count"}),
    "int_invalid": ("Int", (), {"invalid": "?"}),
    "int_format": ("Int", (), {"strFmt": "%05d"}),
    "long": ("Long", (), {}),
    "string": ("String", (), {}),
    "string_invalid": ("String", (), {"invalid": "?"}),
    "uint": ("UInt", (), {}),
    "hex": ("Hex", (), {}),
    "enum": ("Enum", ("Open", "Closed"), {}),
    "enum_numbers": ("Enum", (1, 2, 5), {}),
    "enum_labels": ("Enum", ("a", "b"), {"labelHelp": ["the a", "the b"], "name": "which"}),
    "enum_empty": ("Enum", (), {}),
    "enum_twice": ("Enum", ("a", "a"), {}),
    "bool": ("Bool", ("F", "T"), {}),
    "bool_one": ("Bool", ("F",), {}),
    "bool_none": ("Bool", (), {}),
    "bool_invalid": ("Bool", ("0", "1"), {"invalid": "?"}),
    "bits": ("Bits", ("a", "b:3", ":2", "c"), {}),
    "bits_none": ("Bits", (), {}),
    "bits_wrong": ("Bits", ("1:x",), {}),
    "wrong_name": ("Int", (), {"name": "1x"}),
    "wrong_metadata": ("Int", (), {"nonsense": 1}),
    "wrong_position": ("Float", (1, 2), {}),
    "metadata_none": ("Float", (), {"units": None, "help": None, "invalid": None}),
    "metadata_empty": ("Float", (), {"units": "", "help": "", "name": ""}),
    "by_name": ("ByName", ("other",), {}),
    "pvt": ("PVT", (), {}),
    "pvt_help": ("PVT", (), {"help": "x"}),
}


def make(name: str) -> Any:
    from clu.legacy.types import types

    kind, args, keywords = TYPES[name]
    return getattr(types, kind)(*args, **keywords)


@table("types", {name: {"name": name} for name in TYPES})
async def value_types(t: Transcript, name: str) -> None:
    kind = t.quietly("type", make, name)
    if kind is None:
        return
    names = (
        "name",
        "units",
        "help",
        "invalid",
        "strFmt",
        "reprFmt",
        "baseType",
        "storage",
        "labelHelp",
        "enumLabels",
        "enumValues",
        "falseValue",
        "trueValue",
        "bitFields",
        "width",
        "vtypes",
    )
    t.attributes("type", kind, *names)
    if hasattr(kind, "describe"):
        t.call("describe", kind.describe)
        t.call("html", kind.describeAsHTML)
    for value in VALUES:
        made = t.quietly(f"of {value!r}", kind, value) if callable(kind) else None
        if made is not None:
            t.note(f"of {value!r}", [type(made).__name__.rsplit(".")[-1], str(made), repr(made)])
            t.attributes(f"{value!r}", made, "native", "units", "name", "label")
            t.call(f"{value!r} equal", lambda made=made: made == made)
            t.call(f"{value!r} true", bool, made)
    for factor in (0, 1, 3, (1, 2), (0,), (2,), (0, 0), (3, 1), -1, "x", None):
        many = t.quietly(f"* {factor!r}", lambda factor=factor: kind * factor)
        if many is not None:
            t.attributes(f"* {factor!r}", many, "minRepeat", "maxRepeat")
            t.call(f"* {factor!r} describe", lambda many=many: many.describe())


KEYS: dict[str, Any] = {
    "none": lambda k, y: k("none"),
    "one": lambda k, y: k("one", y.Float()),
    "three": lambda k, y: k("three", y.Float() * 3),
    "range": lambda k, y: k("range", y.Int() * (1, 3)),
    "any": lambda k, y: k("any", y.Int() * (0,)),
    "mixed": lambda k, y: k("mixed", y.String(), y.Int(), y.Enum("a", "b")),
    "metadata": lambda k, y: k("metadata", y.Int(), help="Help.", doCache=True, refreshCmd="x"),
    "wrong_metadata": lambda k, y: k("wrong", y.Int(), FITS="KEY", STS="x"),
    "pvt": lambda k, y: k("pvt", y.PVT()),
    "pvts": lambda k, y: k("pvts", y.PVT() * 2),
    "wrong_name": lambda k, y: k("1x", y.Int()),
    "empty_name": lambda k, y: k("", y.Int()),
    "no_type": lambda k, y: k("x", 5),
    "twice": lambda k, y: k("x", y.Int(name="a"), y.Int(name="a")),
    "bits": lambda k, y: k("bits", y.Bits("a", "b:3")),
    "bool": lambda k, y: k("flag", y.Bool("F", "T")),
}
GIVEN = (
    [],
    ["1"],
    ["1.5"],
    ["1", "2", "3"],
    ["a", "1", "a"],
    ["x"],
    ["T"],
    ["1", "2", "3", "4", "5", "6"],
)


@table("keys", {name: {"name": name} for name in KEYS})
async def keys(t: Transcript, name: str) -> None:
    from clu.legacy.types import types
    from clu.legacy.types.keys import Key
    from clu.legacy.types.messages import Keyword

    key = t.quietly("Key", KEYS[name], Key, types)
    if key is None:
        return
    t.attributes(
        "key", key, "name", "help", "typedValues", "doCache", "refreshCmd", "unique", "descriptor"
    )
    t.call("describe", key.describe)
    t.call("html", key.describeAsHTML)
    for values in GIVEN:
        keyword = Keyword(key.name, list(values))
        t.call(f"consume {values}", key.consume, keyword)
        t.note("values", [[type(v).__name__, str(v)] for v in keyword.values])
        made = t.quietly(f"create {values}", key.create, *values)
        if made is not None:
            t.note("created", [made.name, [str(v) for v in made.values]])
            t.call("canonical", made.canonical)
    t.call("consume other", key.consume, Keyword("zzz", ["1"]))
    t.quietly("consume none", key.consume, None)


@table(
    "keys_dictionary",
    {
        name: {"name": name}
        for name in (
            "make",
            "add",
            "extend",
            "get",
            "load",
            "load_missing",
            "load_wrong",
            "load_again",
            "version",
            "managers",
            "describe",
            "empty",
            "load_metadata",
        )
    },
)
async def dictionary(t: Transcript, name: str) -> None:
    from clu.legacy.types import types
    from clu.legacy.types.keys import Key, KeysDictionary, KeysManager

    made = t.quietly(
        "make", KeysDictionary, "cam", (2, 5), Key("Exp", types.Float()), Key("b", types.Int())
    )
    if name == "make":
        t.attributes("dictionary", made, "name", "version", "keys", "namedTypes")
        for args in (
            (),
            ("x",),
            ("x", None),
            ("x", 1),
            ("x", (1,)),
            ("x", (1, 2), 5),
            ("x", (1, "a")),
            ("", (1, 0)),
        ):
            t.quietly(f"make {args}", KeysDictionary, *args)
        t.quietly("twice", KeysDictionary, "x", (1, 0), Key("a"), Key("A"))
    elif name == "add":
        t.quietly("add", made.add, Key("c"))
        t.quietly("add again", made.add, Key("C"))
        t.quietly("add wrong", made.add, 5)
        t.note("keys", sorted(made.keys))
    elif name == "extend":
        t.quietly("extend", made.extend, [Key("c"), Key("d")])
        t.quietly("extend none", made.extend, None)
        t.quietly("extend empty", made.extend, [])
        t.note("keys", sorted(made.keys))
    elif name == "get":
        for key in ("exp", "EXP", "Exp", "zzz", "", None, 5):
            t.call(f"get {key!r}", lambda key=key: made[key].name)
            t.call(f"{key!r} in", lambda key=key: key in made)
    elif name == "describe":
        t.call("describe", made.describe)
        t.call("html", made.describeAsHTML)
    elif name == "empty":
        t.quietly("empty", KeysDictionary, "e", (1, 0))
    elif name == "managers":
        t.call("set", KeysManager.setKeys, made)
        t.call("get", lambda: KeysManager.getKey("Exp").name)
        t.call("get missing", lambda: KeysManager.getKey("zzz").name)
        t.call("add", KeysManager.addKeys, made)
    else:
        sys.modules.pop("actorkeys", None)
        with tempfile.TemporaryDirectory() as folder:
            package = Path(t.hide(folder, "<folder>")) / "actorkeys"
            package.mkdir()
            (package / "__init__.py").write_text("")
            text = 'KeysDictionary("cam", (2, 5), Key("Exp", Float(units="s")*3), Key("s", Int()))'
            (package / "cam.py").write_text(text)
            (package / "wrong.py").write_text("KeysDictionary('wrong', (1, 0), nonsense)")
            (package / "syntax.py").write_text("KeysDictionary(")
            (package / "none.py").write_text("x = 5")
            (package / "pfs.py").write_text(
                'KeysDictionary("pfs", (1, 0), Key("a", Float(FITS=("K", "c")), STS=1))'
            )
            sys.path.insert(0, folder)
            for which in {
                "load": ("cam",),
                "load_missing": ("nope", "", None),
                "load_again": ("cam", "cam"),
                "load_metadata": ("pfs",),
                "load_wrong": ("wrong", "syntax", "none"),
                "version": ("cam",),
            }[name]:
                one = t.quietly(f"load {which!r}", KeysDictionary.load, which)
                if one is not None:
                    t.note("loaded", [one.name, one.version, sorted(one.keys)])
            if name == "load_again":
                first = KeysDictionary.load("cam")
                t.note("the same", KeysDictionary.load("cam") is first)
                t.note("forced", KeysDictionary.load("cam", forceReload=True) is first)
                t.note("registry", sorted(KeysDictionary.registry))
            sys.path.remove(folder)


LINES = (
    "tcc.Me 5 tcc : a=1",
    '.user 0 cam i text="hello there"; b=1,2',
    "x.y 1 z > ",
    "x.y 1 z >",
    "x 1 z i",
    "a.b.c.d 12 z W a",
    "a.b 1 z ! a=;b",
    "a.b 1 z i a='it''s'",
    'a.b 1 z i a="q\\"x"',
    "",
    "nonsense",
    None,
    "a.b 1 z x a=1",
    "a.b 1 z i a=1 ; ; b=2",
    "a.b 1 z i RAW=any thing; else",
    "a.b -1 z i a",
    "a.b 1 z i =5",
    "a.b 1 z i a = 5",
    'a.b 1 z f e="unclosed',
    ".a 99999999999 z i é=1",
    "a.b 1 z i a=0x1f,-1.5e3,b_c",
)


@table(
    "reply_parser",
    {
        f"{name}.{n:02}": {"name": name, "line": line}
        for name in ("ReplyParser", "ActorReplyParser")
        for n, line in enumerate(LINES)
    },
)
async def reply_parser(t: Transcript, name: str, line: Any) -> None:
    from clu.legacy.types import parser

    reply = t.quietly("parse", getattr(parser, name)().parse, line)
    if reply is None:
        return
    names = (
        "program",
        "user",
        "actorStack",
        "commandId",
        "actor",
        "code",
        "commander",
        "userId",
        "cmdrName",
    )
    t.attributes("header", reply.header, *names)
    t.attributes("reply", reply, "string")
    for method in ("tokenized", "canonical", "clone"):
        t.call(f"header {method}", lambda method=method: str(getattr(reply.header, method)()))
        t.call(f"reply {method}", lambda method=method: str(getattr(reply, method)()))
    t.note(
        "keywords",
        [[k.name, [[type(v).__name__, str(v)] for v in k.values]] for k in reply.keywords],
    )
    t.call("in", lambda: "a" in reply.keywords)
    t.call("get", lambda: reply.keywords["a"].values)
    t.call("get default", lambda: str(reply.keywords.get("zzz", 5)))
    t.call("keywords canonical", lambda: reply.keywords.canonical("; "))
    t.call("repr", lambda: repr(reply.keywords))


COMMANDS = (
    "status",
    "goto 1 2",
    "set a=1 b=2,3",
    "x \"a b\" c='d'",
    "",
    " ",
    "1",
    None,
    "a;b",
    "do it=",
    "raw any thing",
)


@table("command_parser", {f"{n:02}": {"line": line} for n, line in enumerate(COMMANDS)})
async def command_parser(t: Transcript, line: Any) -> None:
    from clu.legacy.types.parser import CommandParser

    command = t.quietly("parse", CommandParser().parse, line)
    if command is not None:
        t.attributes("command", command, "name", "string")
        t.note("values", [str(v) for v in command.values])
        t.note("keywords", [[k.name, [str(v) for v in k.values]] for k in command.keywords])
        t.call("canonical", command.canonical)
        t.call("tokenized", command.tokenized)
        t.call("clone", lambda: command.clone() == command)


@table(
    "pvt",
    {
        f"{n}": {"args": args}
        for n, args in enumerate(
            (
                (),
                (1,),
                (1, 2),
                (1, 2, 3),
                (None,),
                (0, 0, 0),
                ("1", "2", "3"),
                ("NaN", 0, 0),
                (1, None, None),
            )
        )
    },
)
async def pvt(t: Transcript, args: Any) -> None:
    from clu.legacy.types.pvt import PVT

    one = t.quietly("PVT", PVT, *args)
    if one is None:
        return
    t.attributes("pvt", one, "pos", "vel", "t", "native")
    for name in ("hasVel", "isValid", "__repr__", "__str__"):
        t.call(name, getattr(one, name))
    for when in (0, 10, 5.5):
        t.call(f"getPos {when}", one.getPos, when)
    for keywords in ({"pos": 5}, {"vel": 1, "t": 2}, {}, {"pos": "x"}):
        t.call(f"set {keywords}", one.set, **keywords)
        t.attributes("set", one, "pos", "vel", "t")
    t.call("equal", lambda: one == PVT(*args))


@scenario("pvt.functions")
async def functions(t: Transcript) -> None:
    from clu.legacy.types import pvt

    for value in (None, 0, "1", "nan", "x", "", 1.5, []):
        t.call(f"float {value!r}", pvt.asFloatOrNone, value)
    for value in (0, 1e9, 4.5e9, None, "x"):
        for name in ("taiFromPySec", "taiFromUTC", "utcFromPySec"):
            if value is not None:
                t.call(f"{name} {value!r}", getattr(pvt, name), value)
    t.note("MJDJ2000", pvt.MJDJ2000)


@table(
    "messages",
    {
        name: {"name": name}
        for name in (
            "keyword",
            "keywords",
            "values",
            "reply_header",
            "actor_header",
            "command_header",
            "command",
            "raw",
            "reply",
        )
    },
)
async def messages(t: Transcript, name: str) -> None:
    from clu.legacy.types import messages as m

    def show(label: str, make_: Any) -> None:
        one = t.quietly(label, make_)
        if one is not None:
            for method in ("tokenized", "canonical", "clone"):
                if hasattr(one, method):
                    args = (";",) if isinstance(one, m.Keywords) else ()
                    bound = getattr(one, method)
                    t.call(f"{label} {method}", lambda bound=bound, args=args: str(bound(*args)))
            t.call(f"{label} str", str, one)
            t.call(f"{label} equal", lambda: one == make_())
            t.attributes(
                label, one, "name", "values", "program", "user", "code", "commandId", "actor", "mid"
            )

    rows: dict[str, list[Any]] = {
        "keyword": [
            lambda: m.Keyword("a", ["1", "x y"]),
            lambda: m.Keyword("a"),
            lambda: m.Keyword("", []),
            lambda: m.Keyword("a", None),
            lambda: m.Keyword("A b", [1]),
        ],
        "keywords": [
            lambda: m.Keywords([m.Keyword("a", ["1"]), m.Keyword("b")]),
            lambda: m.Keywords(),
            lambda: m.Keywords([5]),
        ],
        "values": [
            lambda: m.Values(["1", "x y", ""]),
            lambda: m.Values(),
            lambda: m.Values([1, None]),
        ],
        "reply_header": [
            lambda: m.ReplyHeader("p", "u", [], 5, "cam", "i"),
            lambda: m.ReplyHeader("p", "u", ["s"], 5, "cam", ":"),
            lambda: m.ReplyHeader("", "", [], 0, "", ">"),
            lambda: m.ReplyHeader("p", "u", [], "x", "c", "z"),
            lambda: m.ReplyHeader(None, None, None, None, None, None),
        ],
        "actor_header": [
            lambda: m.ActorReplyHeader(1, 2, "i"),
            lambda: m.ActorReplyHeader("1", "2", "I"),
            lambda: m.ActorReplyHeader(0, 0, "x"),
        ],
        "command_header": [
            lambda: m.CommandHeader("p.u", 5, "cam"),
            lambda: m.CommandHeader("", 0, ""),
            lambda: m.CommandHeader(None, None, None),
        ],
        "command": [
            lambda: m.Command("go"),
            lambda: m.Command("go", ["1"], [m.Keyword("a", ["2"])]),
            lambda: m.Command("", string="x"),
        ],
        "raw": [lambda: m.RawKeyword("any thing"), lambda: m.RawKeyword("")],
        "reply": [
            lambda: m.Reply(m.ReplyHeader("p", "u", [], 5, "cam", "i"), [m.Keyword("a", ["1"])]),
            lambda: m.Reply(m.ActorReplyHeader(1, 2, "i"), [], "s"),
        ],
    }
    for number, row in enumerate(rows[name]):
        show(str(number), row)
