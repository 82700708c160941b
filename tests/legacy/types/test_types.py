"""The types of values: conversions, strings, descriptions."""

from __future__ import annotations

import copy
import inspect
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clu.exceptions import CluWarning
from clu.legacy.types import types as public

# Recorded: what a type is made of, the raw value, and the value's repr, str and native value.
FACTS = [
    ("Float()", "12.5", "Float(12.5)", "Float(12.5)", 12.5),
    ("Float()", " 1_0 ", "Float(10.0)", "Float(10.0)", 10.0),
    ("Float()", True, "Float(1.0)", "Float(1.0)", 1.0),
    ("Float()", "-inf", "Float(-inf)", "Float(-inf)", -math.inf),
    ("Float(units='deg')", 2, "Float(2.0 deg)", "Float(2.0 deg)", 2.0),
    ("Float(strFmt='%.2f', units='m')", 1, "Float(1.0 m)", "1.00", 1.0),
    ("Float(reprFmt='<%.1f>', units='m')", 1.5, "Float(<1.5> m)", "<1.5>", 1.5),
    ("Double()", "1e300", "Double(1e+300)", "Double(1e+300)", 1e300),
    ("Int()", "0x1f", "Int(31)", "Int(31)", 31),
    ("Int()", " -5 ", "Int(-5)", "Int(-5)", -5),
    ("Int()", 2147483647, "Int(2147483647)", "Int(2147483647)", 2147483647),
    ("Int()", 1.9, "Int(1)", "Int(1)", 1),
    ("Int(reprFmt='%04d', units='u')", 5, "Int(0005 u)", "0005", 5),
    (
        "Long()",
        "18446744073709551616",
        "Long(18446744073709551616)",
        "Long(18446744073709551616)",
        2**64,
    ),
    ("UInt()", "4294967295", "UInt(4294967295)", "UInt(4294967295)", 4294967295),
    ("UInt()", "-1", "UInt(2147483649)", "UInt(2147483649)", 2147483649),
    ("Hex()", "1F", "Hex(0x1f)", "0x1f", 31),
    ("Hex()", "0x1f", "Hex(0x1f)", "0x1f", 31),
    ("Hex()", 31, "Hex(0x1f)", "0x1f", 31),
    ("Hex(units='u')", "a", "Hex(0xa u)", "0xa", 10),
    ("String()", "it's", 'String("it\'s")', "it's", "it's"),
    ("String()", 1.5, "String('1.5')", "1.5", "1.5"),
    ("String()", None, "String('None')", "None", "None"),
    ("String(strFmt='%5.5s')", "abc", "String('abc')", "  abc", "abc"),
    ("Enum('Open', 'Closed')", "OPEN", "Enum('Open')", "Open", "Open"),
    ("Enum('Open', 'Closed')", 1, "Enum('Closed')", "Closed", "Closed"),
    ("Enum('Open', 'Closed', units='u')", True, "Enum('Closed' u)", "Closed", "Closed"),
    ("Enum(1, 2, 3)", "2", "Enum('2')", "2", "2"),
    ("Enum('a', 'A')", "A", "Enum('a')", "a", "a"),
    ("Bool('F', 'T')", "T", "Bool(1)", "T", True),
    ("Bool('F', 'T')", False, "Bool(0)", "F", False),
    ("Bool(0, 1)", "1", "Bool(1)", "1", True),
    ("Bits('a', 'b:3', ':2', 'c')", "0x4b", "(a=1,b=101,c=1)", "(a=1,b=101,c=1)", 75),
    ("Bits(':3')", 5, "()", "()", 5),
]

ERRORS = [
    ("Float()", "abc", ValueError, "could not convert string to float: 'abc'"),
    ("Float()", "", ValueError, "could not convert string to float: ''"),
    ("Float()", [], TypeError, None),
    ("Float()", "1e39", OverflowError, "Invalid literal for Float: '1e39'"),
    ("Float()", -3.4028235e38, OverflowError, "Invalid literal for Float: -3.4028235e+38"),
    ("Int()", "1.5", ValueError, "invalid literal for int() with base 0: '1.5'"),
    ("Int()", "010", ValueError, "invalid literal for int() with base 0: '010'"),
    ("Int()", 2147483648, OverflowError, "Invalid literal for Int: 2147483648"),
    ("Int()", "-2147483648", OverflowError, "Invalid literal for Int: '-2147483648'"),
    ("Int()", math.inf, OverflowError, None),
    ("Long()", "x", ValueError, "invalid literal for int() with base 0: 'x'"),
    ("UInt()", "4294967296", OverflowError, "Invalid literal for UInt: '4294967296'"),
    ("UInt()", -(2**31), OverflowError, "Invalid literal for UInt: -2147483648"),
    ("Hex()", "xyz", ValueError, "invalid literal for int() with base 16: 'xyz'"),
    ("Hex()", 2**32, OverflowError, "Invalid literal for UInt: 4294967296"),
    ("Enum('a', 'b')", "C", ValueError, 'Invalid label for Enum: "c"'),
    ("Enum('a', 'b')", 2, ValueError, "Invalid index for Enum: 2"),
    ("Enum('a', 'b')", -1, ValueError, "Invalid index for Enum: -1"),
    ("Enum('a', 'b')", None, ValueError, 'Invalid label for Enum: "none"'),
    ("Bool('F', 'T')", "t", ValueError, "Invalid Bool value: 't'"),
    ("Bool('F', 'T')", 2, ValueError, "Invalid Bool value: 2"),
    ("Bool('F', 'T')", [], ValueError, "Invalid Bool value: []"),
]

DEFINITIONS = [
    ("Float(foo=1)", 'invalid metadata key "foo" for Float'),
    ("Float(labelHelp=[])", 'invalid metadata key "labelHelp" for Float'),
    ("Float(name='a b')", "invalid type name: a b"),
    ("Float(name='_a')", "invalid type name: _a"),
    ("Float(name='')", "invalid type name: "),
    ("Float(reprFmt='%r')", "reprFmt cannot contain %r or %s"),
    ("String(strFmt='<%s>')", "strFmt cannot contain %r or %s"),
    ("Enum()", "missing enum labels in ctor"),
    ("Enum('a', 'b', labelHelp=['x'])", "wrong number of enum label help strings provided"),
    ("Bool('F')", "missing true/false labels in ctor"),
    ("Bits()", "missing bitfield specs in ctor"),
    ("Bits('a b')", "invalid bitfield spec: a b"),
    ("Bits('a:')", "invalid bitfield spec: a:"),
    ("Bits('a:16', 'b:17')", "total bitfield length > 32"),
    ("Bits('native')", "'native' is not an allowed bitfield name"),
    ("Float() * (1, 2, 3)", "Repetions should be specified as *(min,) or *(min,max)"),
    ("Float() * ()", "Repetions should be specified as *(min,) or *(min,max)"),
    ("Float() * -1", "Expected min <= max for RepeatedValueType"),
    ("Float() * (3, 1)", "Expected min <= max for RepeatedValueType"),
    ("Float() * (1.5,)", "Expected integer min/max repetitions for RepeatedValueType"),
    ("RepeatedValueType(PVT(), 1, 2)", "RepeatedValueType only works for a ValueType"),
]

DESCRIPTIONS = {
    "Float()": "        Type: Float (float,flt4)",
    "Float(units='deg', help='h', name='n', invalid='NaN')": (
        "        Name: n\n Description: h\n        Type: Float (float,flt4)\n"
        "       Units: deg\n     Invalid: nan"
    ),
    "Enum('a', 'b', labelHelp=['x', 'y'])": (
        "        Type: Enum (str,int2)\n     Value-0: a (x)\n     Value-1: b (y)"
    ),
    "Bool('F', 'T')": "        Type: Bool (int,int2)\n       False: F\n        True: T",
    "Bits('a', 'b:3', ':2', 'c')": (
        "        Type: Bits (int,int4)\n     Field-0: 0000001 a\n     Field-1: 0001110 b\n"
        "     Field-2: 1000000 c"
    ),
    "Float() * 2": "    Repeated: 2 times\n        Type: Float (float,flt4)",
    "Float() * (0,)": "    Repeated: at least 0 times\n        Type: Float (float,flt4)",
    "Float() * (1, 5)": "    Repeated: 1-5 times\n        Type: Float (float,flt4)",
    "CompoundValueType(Float(), name='c', help='h')": (
        "        Name: c\n Description: h\n   Subtype-0: ----------------------------------------\n"
        "        Type: Float (float,flt4)"
    ),
    "String(help='word ' * 20)": (
        " Description: word word word word word word word word word word word word word\n"
        "              word word word word word word word\n        Type: String (str,text)"
    ),
}


def make(lib, text):
    return eval(text, vars(lib.types))


@pytest.mark.parametrize(("text", "raw", "as_repr", "as_str", "native"), FACTS)
def test_values_are_as_recorded(lib, text, raw, as_repr, as_str, native):
    value = make(lib, text)(raw)
    assert (repr(value), str(value)) == (as_repr, as_str)
    assert (value.native, type(value.native)) == (native, type(native))


@pytest.mark.parametrize(("text", "raw", "error", "message"), ERRORS)
def test_values_of_another_type_are_errors(lib, text, raw, error, message):
    with pytest.raises(error) as caught:
        make(lib, text)(raw)
    assert message is None or str(caught.value) == message


@pytest.mark.parametrize(("text", "message"), DEFINITIONS)
def test_bad_definitions_are_errors(lib, text, message):
    with pytest.raises(lib.types.ValueTypeError) as caught:
        make(lib, text)
    assert str(caught.value) == message


@pytest.mark.parametrize("text", DESCRIPTIONS)
def test_descriptions_are_as_recorded(lib, text):
    assert make(lib, text).describe() == DESCRIPTIONS[text]


def test_descriptions_in_html_are_escaped_tables(lib):
    html = lib.types.Float(units="<deg>", help="a & b").describeAsHTML()
    assert html == (
        '<table class="descriptors"><tr><th>Description</th><td>a &amp; b</td></tr>'
        "<tr><th>Type</th><td>Float (float,flt4)</td></tr>"
        "<tr><th>Units</th><td>&lt;deg&gt;</td></tr></table>"
    )


@pytest.mark.parametrize(
    "text", ["Float()", "Int()", "Hex()", "String()", "Enum('a', 'x')", "Bool('F', 'x')"]
)
def test_the_invalid_value_is_recognised_in_any_case(lib, text):
    value_type = make(lib, text.replace(")", ", invalid='NoVal')").replace("(, ", "("))
    for raw in ("noval", "NOVAL"):
        with pytest.raises(lib.types.InvalidValueError):
            value_type(raw)
        with pytest.raises(lib.types.InvalidValueError):
            value_type.validate(raw)
    assert value_type.validate("x") == "x"


def test_numbers_can_be_invalid_values(lib):
    value_type = lib.types.Int(invalid=-1)
    for raw in (-1, "-1"):
        with pytest.raises(lib.types.InvalidValueError):
            value_type(raw)
    assert value_type(1) == 1


def test_there_is_one_invalid_value_that_equals_none(lib):
    invalid = lib.types.InvalidValue
    assert (repr(invalid), invalid.native, invalid.units) == ("(invalid)", None, "")
    assert invalid == lib.types.Invalid()
    assert None in {invalid}
    assert invalid != 0


def test_types_are_classes_of_values(lib):
    types = lib.types
    value_type = types.Float(units="deg", help="h")
    assert isinstance(value_type, types.Float)
    assert isinstance(value_type, type)
    assert issubclass(value_type, float)
    assert (repr(value_type), value_type.units, value_type.storage) == ("Float", "deg", "flt4")
    assert list(inspect.signature(value_type).parameters) == ["value"]
    with pytest.raises(TypeError):
        value_type()
    with pytest.raises(TypeError):
        value_type(1, 2)
    assert value_type(value="1") == value_type.new("1") == 1.0


def test_values_behave_as_their_bases(lib):
    types = lib.types
    assert types.Float()(1.5) + 1 == 2.5
    assert {types.Int()(5): 1}[5] == 1
    assert f"{types.Float()(1.5):.2f}" == "1.50"
    assert (
        json.dumps([types.Float()(1), types.Enum("a")("a"), types.Bool("F", "T")("T")])
        == '[1.0, "a", 1]'
    )
    with pytest.raises(AttributeError):
        types.Float()(1).storage


@pytest.mark.parametrize(
    "text", ["Float()", "Hex()", "String()", "Enum('1')", "Bool('0', '1')", "Bits('a')"]
)
def test_values_can_be_copied(lib, text):
    value = make(lib, text)("1")
    for twin in (copy.copy(value), copy.deepcopy(value)):
        assert (twin, type(twin)) == (value, type(value))


def test_an_enum_value_equals_its_label_in_any_case(lib):
    value = lib.types.Enum("Open", "Closed")("closed")
    assert value == "Closed" == value
    assert value == "CLOSED"
    assert value != "Open"
    assert value == lib.types.Enum("x", "CLOSED")(1)
    assert value not in (1, None)


def test_an_enum_value_has_the_hash_of_its_label(lib):
    value = lib.types.Enum("Open", "Closed")("closed")
    assert {"Closed": 5}[value] == 5
    assert value in {"Closed"}


def test_an_enum_value_knows_its_position(lib):
    value_type = lib.types.Enum("Open", 2, labelHelp=("x", "y"))
    assert value_type.enumLabels == ["Open", "2"]
    assert value_type.enumValues == {"Open": 0, 2: 1}
    assert value_type("2").storageValue() == 1


def test_a_label_given_twice_means_the_first(lib):
    value_type = lib.types.Enum("a", "b", "A")
    assert [str(value_type(i)) for i in range(3)] == ["a", "b", "a"]


def test_bits_have_their_fields_as_attributes(lib):
    value = lib.types.Bits("a", "b:3", ":2", "c")(0x4B)
    assert (value.a, value.b, value.c, value.width) == (1, 5, 1, 7)
    assert value.bitsString() == "1001011"
    with pytest.raises(AttributeError, match='no such bitfield "d"'):
        value.d
    with pytest.raises(AttributeError, match='no such bitfield "d"'):
        value.set("d", 1)


def test_bits_are_changed_in_a_copy(lib):
    value = lib.types.Bits("a", "b:3")(0b1011)
    changed = value.set("b", 0b1010)
    assert (changed.a, changed.b, value.b) == (1, 0b010, 0b101)


def test_true_wins_over_false_with_the_same_label(lib):
    assert lib.types.Bool("x", "x")("x").native is True


def test_a_format_of_bool_is_ignored_with_a_warning(lib):
    with pytest.warns(CluWarning, match="Bool: ignoring strFmt metadata") as caught:
        value_type = lib.types.Bool("F", "T", strFmt="%d")
    assert caught[0].filename == __file__
    assert str(value_type(1)) == "T"


def test_types_are_repeated_by_multiplication(lib):
    types = lib.types
    assert [repr(types.Int() * n) for n in (2, (2,), (1, 2), (0, 0))] == [
        "Int*2",
        "Int*(2,)",
        "Int*(1,2)",
        "Int*0",
    ]
    with pytest.raises(TypeError, match="Cannot multiply ValueType by type <class 'str'>"):
        types.Int() * "2"


def test_own_types_are_made_by_subclassing(lib):
    class Percent(lib.types.Float):
        def new(cls, value):
            number = float(cls.validate(value))
            if not 0 <= number <= 100:
                raise ValueError("no percentage")
            return super().new(value)

        def addDescriptors(cls):
            super().addDescriptors()
            cls.descriptors.append(("Range", "0-100"))

    value_type = Percent(units="%", invalid="?")
    assert repr(value_type("50")) == "Percent(50.0 %)"
    assert value_type.describe().endswith("Units: %\n       Range: 0-100\n     Invalid: ?")
    with pytest.raises(ValueError, match="no percentage"):
        value_type(101)
    key = lib.keys.Key("x", value_type * (0,))
    assert key.create("5", "?").values == [5, None]
    with pytest.raises(lib.keys.KeysError):
        key.create("101")


def test_own_types_can_add_to_the_class_of_values(lib):
    class Complex(lib.types.ValueType):
        baseType = complex
        storage = "flt16"

        @classmethod
        def init(mcs, dct, *args, **kwargs):
            dct["extra"] = args

    value_type = Complex(1, 2, units="V")
    assert (value_type.extra, repr(value_type("1+2j"))) == ((1, 2), "Complex((1+2j) V)")


RAW = st.one_of(st.text(), st.text("0123456789.-+eExX_abTF"), st.floats(), st.integers(), st.none())
TYPES = [
    public.Float(invalid="nan"),
    public.Double(),
    public.Int(),
    public.Long(),
    public.UInt(),
    public.Hex(),
    public.String(),
    public.Enum("a", "b"),
    public.Bool("F", "T"),
    public.Bits("a", "b:3"),
]


@given(RAW)
def test_conversions_raise_the_documented_errors_only(raw):
    for value_type in TYPES:
        try:
            value = value_type(raw)
        except (ValueError, TypeError, OverflowError, public.InvalidValueError):
            continue
        assert type(value) is value_type
        assert isinstance(repr(value), str)
        assert isinstance(str(value), str)
