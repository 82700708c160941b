"""Dictionaries of keys: their content, the registry, and files of the actorkeys package."""

from __future__ import annotations

import sys

import pytest

from ...calls import Calls


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Makes an ``actorkeys`` package of its own, to write files to."""
    package = tmp_path / "actorkeys"
    package.mkdir()
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    sys.modules.pop("actorkeys", None)
    yield lambda name, content: (package / f"{name}.py").write_bytes(content.encode("utf-8"))
    sys.modules.pop("actorkeys", None)


def test_keys_are_found_in_any_case(lib):
    Key = lib.keys.Key
    kdict = lib.keys.KeysDictionary("tcc", (1, 2), Key("axePos"), Key("Alt"))
    assert repr(kdict["AXEPOS"]) == "Key(axePos)"
    assert "alt" in kdict
    assert "az" not in kdict
    assert list(kdict.keys) == ["axepos", "alt"]
    assert (kdict.name, kdict.version) == ("tcc", (1, 2))
    with pytest.raises(KeyError):
        kdict["az"]


def test_keys_are_added(lib):
    Key, Error = lib.keys.Key, lib.keys.KeysDictionaryError
    kdict = lib.keys.KeysDictionary("tcc", (1, 2), Key("a"))
    kdict.add(Key("b"))
    kdict.extend([Key("c"), Key("d")])
    assert list(kdict.keys) == ["a", "b", "c", "d"]
    with pytest.raises(Error, match="KeysDictionary name is not unique: A"):
        kdict.add(Key("A"))
    with pytest.raises(Error, match="KeysDictionary can only contain Keys"):
        kdict.add("e")
    with pytest.raises(AssertionError, match="keyList must be a list or tuple"):
        kdict.extend(Key("e"))


@pytest.mark.parametrize(
    ("name", "version", "message"),
    [
        ("Tcc", (1, 0), "Invalid name: must be lower case: Tcc"),
        ("tcc", 1, "Invalid version: expected (major,minor) tuple of integers, got 1"),
        ("tcc", "1.0", "Invalid version: expected (major,minor) tuple of integers, got '1.0'"),
        ("tcc", (1,), "Invalid version: expected (major,minor) tuple of integers, got (1,)"),
        (
            "tcc",
            ("1", 0),
            "Invalid version: expected (major,minor) tuple of integers, got ('1', 0)",
        ),
    ],
)
def test_bad_names_and_versions_are_errors(lib, name, version, message):
    with pytest.raises(lib.keys.KeysDictionaryError) as caught:
        lib.keys.KeysDictionary(name, version)
    assert str(caught.value) == message
    assert lib.keys.KeysDictionary.registry == {}


def test_types_can_be_referred_to_by_name(lib):
    Key, types = lib.keys.Key, lib.types
    kdict = lib.keys.KeysDictionary(
        "tcc",
        (1, 0),
        Key("a", types.Float(name="x"), types.ByName("x")),
        Key("b", types.ByName("x"), types.Int() * (0,)),
        Key("c", types.PVT(name="p")),
        Key("d", types.ByName("p"), types.ByName("p")),
    )
    assert kdict["b"].create("1", "2").values == [1, 2]
    assert kdict["a"].typedValues.vtypes[0] is kdict["b"].typedValues.vtypes[0]
    assert kdict["d"].typedValues.descriptor == 6
    assert repr(kdict["d"].create(*"123456").values) == "[PVT(1.0, 2.0, 3.0), PVT(4.0, 5.0, 6.0)]"
    with pytest.raises(lib.keys.KeysDictionaryError, match=r'Unresolved type ByName\("y"\)'):
        kdict.add(Key("e", types.ByName("y")))


def test_a_dictionary_describes_its_keys_in_order(lib):
    Key = lib.keys.Key
    kdict = lib.keys.KeysDictionary("dd", (1, 2), Key("B", lib.types.Int(), help="hb"), Key("a"))
    assert kdict.describe() == (
        'Keys Dictionary for "dd" version (1, 2)\n\n     Keyword: a\n      Values: none\n\n'
        "     Keyword: B\n Description: hb\n      Values: 1\n\n            Type: Int (int,int4)\n"
    )
    html = kdict.describeAsHTML()
    assert html.index("<td>a</td>") < html.index("<td>B</td>")


def test_dictionaries_are_registered(lib):
    kdict = lib.keys.KeysDictionary("tcc", (1, 2))
    assert lib.keys.KeysDictionary.registry == {"tcc": kdict}
    assert lib.keys.KeysDictionary.load("tcc") is kdict


def test_files_are_loaded_once(lib, actorkeys):
    load = lib.keys.KeysDictionary.load
    kdict = load("tcc")
    assert (kdict.name, kdict.version) == ("tcc", (2, 5))
    assert len(kdict.checksum) == 32
    assert load("tcc") is kdict
    again = load("tcc", forceReload=True)
    assert again is not kdict
    assert load("tcc") is again
    assert "actorkeys.tcc" not in sys.modules


def test_a_loaded_dictionary_makes_typed_values_of_a_line(lib, actorkeys):
    kdict = lib.keys.KeysDictionary.load("tcc")
    line = (
        '.hub 17 tcc i axisCmdState=tracking,"Halted",halted; axePos=12.5,NaN,-0.5; slewing; names;'
        'objName="NGC 1234; f"; objNetPos=1,2,3,nan,5,6; tccStatus="TTT",0x1d,ff; enabled=T;'
        "exposures=-1,5; secFocus=?; unknown=1"
    )
    keywords = lib.parser.ReplyParser().parse(line).keywords
    matched = [k.name for k in keywords if k.name in kdict and kdict[k.name].consume(k)]
    assert [k.name for k in keywords if k.name not in matched] == ["secFocus", "unknown"]
    assert keywords["axePos"].values == [12.5, None, -0.5]
    assert keywords["axisCmdState"].values == ["Tracking", "Halted", "Halted"]
    assert [value.pos for value in keywords["objNetPos"].values[:1]] == [1]
    assert keywords["tccStatus"][1].alt == 2
    assert keywords["tccStatus"][2] == 255
    assert keywords["enabled"][0].native is True


def test_a_line_costs_no_more_with_more_keys(lib, actorkeys):
    many = lib.keys.KeysDictionary.load("many")
    few = lib.keys.KeysDictionary("few", (1, 0), *[many[f"key{i}"] for i in range(3)])
    parser = lib.parser.ReplyParser()

    def calls(kdict):
        with Calls() as calls:
            for keyword in parser.parse(".hub 1 many i key0=1,2,3,x; key2=1,2,3,y").keywords:
                assert kdict[keyword.name].consume(keyword)
        return calls.count

    calls(few)  # the first values of a key make its plan
    assert calls(many) == calls(few) > 0


def test_without_the_package_there_are_no_files(lib, monkeypatch):
    monkeypatch.setitem(sys.modules, "actorkeys", None)
    with pytest.raises(lib.keys.KeysDictionaryError) as caught:
        lib.keys.KeysDictionary.load("tcc")
    assert str(caught.value) == "no actorkeys package found"


@pytest.mark.parametrize("name", ["absent", "TCC", "", "../tcc", "tcc.x", None, 5])
def test_a_missing_file_is_an_error(lib, actorkeys, name):
    with pytest.raises(lib.keys.KeysDictionaryError) as caught:
        lib.keys.KeysDictionary.load(name)
    assert str(caught.value) == f"no keys dictionary found for {name}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('KeysDictionary("bad", (1, 0), Key("a", Int(', "'(' was never closed"),
        ('KeysDictionary("bad", (1, 0), Key("a", Foo()))', "name 'Foo' is not defined"),
        (
            'KeysDictionary("other", (1, 0))',
            "dictionary filename and name are different: actorkeys.bad, other",
        ),
        (
            'KeysDictionary("bad", (1, 0), Key("a"), Key("A"))',
            "KeysDictionary name is not unique: A",
        ),
        ('import os\nKeysDictionary("bad", (1, 0))', "invalid syntax"),
        ("", "invalid syntax"),
        ("5", "not a KeysDictionary: 5"),
        ("1 / 0", "division by zero"),
        ("__file__", "name '__file__' is not defined"),
    ],
)
def test_a_bad_file_is_an_error_and_registers_nothing(lib, write, content, message):
    write("bad", content)
    with pytest.raises(lib.keys.KeysDictionaryError) as caught:
        lib.keys.KeysDictionary.load("bad")
    assert str(caught.value).startswith(f"badly formatted keys dictionary in bad:\n >> {message}")
    assert lib.keys.KeysDictionary.registry == {}


def test_a_file_that_became_bad_leaves_the_dictionary_there(lib, write):
    write("tcc", 'KeysDictionary("tcc", (1, 0))')
    kdict = lib.keys.KeysDictionary.load("tcc")
    write("tcc", "KeysDictionary(")
    with pytest.raises(lib.keys.KeysDictionaryError):
        lib.keys.KeysDictionary.load("tcc", forceReload=True)
    assert lib.keys.KeysDictionary.load("tcc") is kdict


def test_files_have_types_keys_and_builtins_in_scope(lib, write):
    used = "Bits, Bool, ByName, CompoundValueType, Double, Enum, Float, Hex, Int, Long, PVT, String"
    write(
        "tcc", f'  KeysDictionary("tcc", (1, len([Key, KeysDictionary, {used}, UInt, ValueType])))'
    )
    assert lib.keys.KeysDictionary.load("tcc").version == (1, 16)


def test_files_may_declare_their_encoding(lib, write, tmp_path):
    text = '# coding: latin-1\nKeysDictionary("tcc", (1, 0), Key("a", help="\xe9"))'
    (tmp_path / "actorkeys" / "tcc.py").write_bytes(text.encode("latin-1"))
    assert lib.keys.KeysDictionary.load("tcc")["a"].help == "\xe9"
