"""Keys: how they convert keywords, and how they describe themselves."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

MATCHES = [
    ("String()", ["a"], "[String('a')]"),
    ("Int() * (1, 3)", ["1", "2", "3"], "[Int(1), Int(2), Int(3)]"),
    ("Int() * (0, 3)", [], "[]"),
    ("Int() * (0,)", ["1"] * 2, "[Int(1), Int(1)]"),
    ("Int() * 2, String()", ["1", "2", "x"], "[Int(1), Int(2), String('x')]"),
    ("String(), Int() * (0,)", ["1"], "[String('1')]"),
    ("Int(invalid='?') * 2", ["1", "?"], "[Int(1), (invalid)]"),
    ("Enum('a', 'b')", ["B"], "[Enum('b')]"),
    ("Bits('a', 'b')", ["3"], "[(a=1,b=1)]"),
    ("Bool('F', 'T')", ["F"], "[Bool(0)]"),
    ("PVT()", ["1", "2", "3"], "[PVT(1.0, 2.0, 3.0)]"),
    (
        "Float() * 2, PVT(), Int()",
        list("123456"),
        "[Float(1.0), Float(2.0), PVT(3.0, 4.0, 5.0), Int(6)]",
    ),
    ("CompoundValueType(Float(), Int())", ["1", "2"], "[(Float(1.0), Int(2))]"),
    ("CompoundValueType(Float(), wrapper=str)", ["1"], "['Float(1.0)']"),
    ("", [], "[]"),
]

MISMATCHES = [
    ("", ["1"]),
    ("String()", []),
    ("String()", ["a", "b"]),
    ("Int()", ["a"]),
    ("Int()", ["99999999999"]),
    ("Int()", [None]),
    ("Int() * (1, 3)", ["1", "2", "3", "4"]),
    ("Int() * (1, 3)", ["1", "2", "x"]),
    ("Int() * (0,)", ["1", "x"]),
    ("PVT()", ["1", "2"]),
    ("PVT()", ["1", "x", "3"]),
    ("CompoundValueType(Float() * 2)", ["1"]),
    ("CompoundValueType(Float() * 2)", ["1", "2"]),
    ("CompoundValueType(PVT())", ["1", "2", "3"]),
]


def make(lib, text, name="x"):
    return eval(f"Key('{name}', {text})", {**vars(lib.types), "Key": lib.keys.Key})


@pytest.mark.parametrize(("text", "raw", "typed"), MATCHES)
def test_a_key_converts_the_values_that_match(lib, text, raw, typed):
    keyword = lib.messages.Keyword("X", raw)
    values = keyword.values
    assert make(lib, text).consume(keyword) is True
    assert (repr(keyword.values), keyword.matched) == (typed, True)
    assert keyword.values is values
    assert repr(keyword) == f"{{KEY(X)={typed}}}"


@pytest.mark.parametrize(("text", "raw", "typed"), MATCHES)
def test_a_key_converts_the_values_of_a_parsed_keyword(lib, text, raw, typed):
    line = f".a 1 b i x={','.join(raw)}" if raw else ".a 1 b i x"
    keyword = lib.parser.ReplyParser().parse(line).keywords[0]
    assert make(lib, text).consume(keyword)
    assert repr(keyword.values) == typed
    assert type(keyword.values) is lib.messages.Values


@pytest.mark.parametrize(("text", "raw"), MISMATCHES)
def test_a_keyword_that_does_not_match_stays_as_it_was(lib, text, raw):
    keyword = lib.messages.Keyword("x", raw)
    assert make(lib, text).consume(keyword) is False
    assert (keyword.values, keyword.matched) == (raw, False)


def test_names_match_in_any_case(lib):
    key = make(lib, "String()", "axePos")
    assert key.consume(lib.messages.Keyword("AXEPOS", ["1"]))
    assert not key.consume(lib.messages.Keyword("axePos2", ["1"]))


def test_a_keyword_can_be_consumed_again(lib):
    key, keyword = make(lib, "Float() * 2"), lib.messages.Keyword("x", ["1", "2"])
    assert key.consume(keyword)
    assert key.consume(keyword)
    assert repr(keyword.values) == "[Float(1.0), Float(2.0)]"


def test_anything_with_a_name_and_values_can_be_consumed(lib):
    keyword = SimpleNamespace(name="X", values=["1"], matched=False)
    assert make(lib, "Int()").consume(keyword)
    assert (keyword.values, keyword.matched) == ([1], True)


def test_compound_values_can_be_left_unwrapped(lib):
    lib.types.CompoundValueType.WrapEnable = False
    keyword = lib.messages.Keyword("x", ["1", "2", "3"])
    assert make(lib, "PVT()").consume(keyword)
    assert repr(keyword.values) == "[Float(1.0 deg), Float(2.0 deg/s), Double(3.0 MJD-secs(TAI))]"


def test_a_wrapper_that_fails_leaves_the_values_alone(lib):
    def refuse(value):
        raise RuntimeError(value)

    key = lib.keys.Key("x", lib.types.CompoundValueType(lib.types.Int(), wrapper=refuse))
    keyword = lib.messages.Keyword("x", ["1"])
    with pytest.raises(RuntimeError):
        key.consume(keyword)
    assert keyword.values == ["1"]


def test_keys_make_keywords(lib):
    key = make(lib, "Int() * (0,)")
    assert repr(key.create(1, "2")) == repr(key.create([1, 2])) == "{KEY(x)=[Int(1), Int(2)]}"
    assert key.create().values == []
    with pytest.raises(lib.keys.KeysError) as caught:
        key.create("a", 2)
    assert str(caught.value) == "value types do not match for keyword x: ('a', 2)"


@pytest.mark.parametrize(
    ("text", "least", "most", "descriptor"),
    [
        ("", 0, 0, "none"),
        ("Int()", 1, 1, 1),
        ("PVT(), Int() * (1, 4)", 4, 7, "4-7"),
        ("Int() * (1,)", 1, None, "1 or more"),
        ("Int() * (0, 0)", 0, 0, "none"),
    ],
)
def test_keys_know_how_many_values_there_are(lib, text, least, most, descriptor):
    values = make(lib, text).typedValues
    assert (values.minVals, values.maxVals, values.descriptor) == (least, most, descriptor)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("5", "Invalid value type: 5"),
        ("'y'", "Invalid value type: 'y'"),
        ("None", "Invalid value type: None"),
        ("Int() * (0,), Int()", "Repetition range only allowed for last value type"),
        ("Int() * (1, 2), Int()", "Repetition range only allowed for last value type"),
    ],
)
def test_bad_definitions_are_errors(lib, text, message):
    with pytest.raises(lib.keys.KeysError) as caught:
        make(lib, text)
    assert str(caught.value) == message


def test_a_type_by_name_outside_of_a_dictionary_is_an_error(lib):
    keyword = lib.messages.Keyword("x", ["1"])
    with pytest.raises(lib.keys.KeysError, match="Unexpected typeToConsume"):
        make(lib, "ByName('y')").consume(keyword)
    assert keyword.values == ["1"]


def test_what_a_key_says_for_other_programs_is_kept(lib):
    key = lib.keys.Key("a", lib.types.Float(FITS=("A", "comment")), STS=1, help="An a.")
    assert (key.help, key.metadata) == ("An a.", {"STS": 1})
    (kind,) = key.typedValues.vtypes
    assert kind.metadata == {"FITS": ("A", "comment")}
    assert lib.types.Int(help="x").metadata == {}


@pytest.mark.parametrize(
    ("arguments", "metadata", "cached"),
    [
        (["Int()"], {}, True),
        ([], {}, False),
        (["Int() * (0,)"], {}, True),
        (["Int()"], {"refreshCmd": "x"}, False),
        (["Int()"], {"refreshCmd": "x", "doCache": True}, True),
        (["Int()"], {"doCache": None}, False),
    ],
)
def test_whether_a_key_is_cached(lib, arguments, metadata, cached):
    kinds = [eval(text, vars(lib.types)) for text in arguments]
    assert lib.keys.Key("a", *kinds, **metadata).doCache is cached


def test_metadata_of_keys(lib):
    key = make(lib, "Int(), help='h', refreshCmd='status', doCache=False, other=1")
    assert (key.help, key.refreshCmd, key.doCache) == ("h", "status", False)
    assert make(lib, "Int()").doCache is True


def test_descriptions_of_keys_are_as_recorded(lib):
    key = make(lib, "Float(units='deg', name='n') * 3, Int(), help='hh'")
    assert key.describe() == (
        "     Keyword: x\n Description: hh\n      Values: 4\n\n        Repeated: 3 times\n"
        "            Name: n\n            Type: Float (float,flt4)\n           Units: deg\n\n"
        "            Type: Int (int,int4)\n"
    )
    assert make(lib, "").describe() == "     Keyword: x\n      Values: none\n"


def test_descriptions_in_html_tell_the_same(lib):
    html = make(lib, "Float(units='<deg>') * 2, help='a & b'").describeAsHTML()
    for part in ("<td>x</td>", "a &amp; b", "<td>2 times</td>", "&lt;deg&gt;"):
        assert part in html


def test_typed_values_convert_a_list_in_place(lib):
    types = lib.keys.TypedValues([lib.types.Int(), lib.types.String()])
    values = ["1", "a"]
    assert types.consume(values)
    assert repr(values) == "[Int(1), String('a')]"
    assert not types.consume(["a", "a"])
    assert repr(types) == "Types[Int, String]"


def test_typed_values_can_be_converted_one_type_at_a_time(lib):
    types, values = lib.keys.TypedValues([]), ["1", "2", "x", "y"]
    assert types.consumeNextValue(lib.types.Int() * (1, 3), values)
    assert (types.index, values) == (2, [1, 2, "x", "y"])
    assert not types.consumeNextValue(lib.types.Int(), values)
    assert types.consumeNextValue(lib.types.String(), values)
    assert types.index == 3


def test_consumers_print_what_they_do_while_debug_is_set(lib, capsys):
    lib.keys.Consumer.debug = True
    key = make(lib, "Float(), PVT(), Int() * (2, 5)")
    assert key.consume(lib.messages.Keyword("x", list("123456")))
    assert not key.consume(lib.messages.Keyword("x", ["1", "2"]))
    assert not key.consume(lib.messages.Keyword("x", [*"123456", "z"]))
    assert not key.consume(lib.messages.Keyword("x", [*"12345", "z"]))
    assert not key.consume(lib.messages.Keyword("x", ["z"]))
    assert not key.consume(lib.messages.Keyword("y", []))
    types = " Types[Float, PVT(Float, Float, Double), Int*(2,5)] << "
    typed = "[Float(1.0), PVT(2.0, 3.0, 4.0), Int(5), Int(6)]"
    no_match = "FAIL: no match for keyword values"
    assert capsys.readouterr().out.splitlines() == [
        "Key(x) << KEY(x)=['1', '2', '3', '4', '5', '6']",
        types + "['1', '2', '3', '4', '5', '6']",
        f" PASS >> {typed}",
        f"PASS >> {{KEY(x)={typed}}}",
        "Key(x) << KEY(x)=['1', '2']",
        types + "['1', '2']",
        " FAIL: expected compound value type PVT(Float, Float, Double)",
        no_match,
        "Key(x) << KEY(x)=['1', '2', '3', '4', '5', '6', 'z']",
        types + "['1', '2', '3', '4', '5', '6', 'z']",
        " FAIL: not all values consumed: ['z']",
        no_match,
        "Key(x) << KEY(x)=['1', '2', '3', '4', '5', 'z']",
        types + "['1', '2', '3', '4', '5', 'z']",
        " FAIL: expected repeated value type Int*(2,5)",
        no_match,
        "Key(x) << KEY(x)=['z']",
        types + "['z']",
        " FAIL: expected value type Float",
        no_match,
        "Key(x) << KEY(y)=[]",
        "FAIL: keyword has wrong name",
    ]


class Cursor:
    def __init__(self, keyword):
        self.current, self.advanced = keyword, 0

    def keyword(self):
        return self.current

    def advance(self):
        self.advanced += 1


def test_command_keys_match_the_keyword_at_a_cursor(lib):
    cursor = Cursor(lib.messages.Keyword("exptime", ["5"]))
    key = lib.keys.CmdKey(make(lib, "Float()", "exptime"))
    assert repr(key) == "CmdKey(exptime)"
    assert key.consume(cursor)
    assert cursor.advanced == 1
    for keyword in (None, lib.messages.Keyword("exptime", ["x"]), lib.messages.Keyword("y", ["5"])):
        assert not key.consume(Cursor(keyword))


def test_raw_keys_match_raw_keywords_only(lib):
    cursor = Cursor(lib.messages.RawKeyword("x"))
    assert lib.keys.RawKey().consume(cursor)
    assert cursor.advanced == 1
    for keyword in (None, lib.messages.Keyword("y", ["x"])):
        assert not lib.keys.RawKey().consume(Cursor(keyword))


def test_the_manager_finds_keys_of_commands(lib):
    manager, Key = lib.keys.KeysManager, lib.keys.Key
    manager.setKeys(lib.keys.KeysDictionary("one", (1, 0), Key("A", lib.types.Int()), Key("b")))
    manager.addKeys(lib.keys.KeysDictionary("two", (1, 0), Key("a"), Key("c")))
    assert repr(manager.getKey("a")) == "Key(A)"
    assert repr(lib.keys.CmdKey("C")) == "CmdKey(c)"
    with pytest.raises(lib.keys.KeysError, match="No such registered keyword <d>"):
        manager.getKey("d")
    manager.setKeys(lib.keys.KeysDictionary("three", (1, 0)))
    assert list(manager.keys) == ["three"]
    for wrong in (None, {}):
        with pytest.raises(lib.keys.KeysError, match="must be provided as a KeysDictionary"):
            manager.setKeys(wrong)


def test_the_base_consumer_consumes_nothing(lib):
    with pytest.raises(NotImplementedError):
        lib.keys.Consumer().consume("x")
