"""The parsers: recorded lines, errors, and what no line can do."""

from __future__ import annotations

import contextlib
import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clu.legacy.types.parser import ActorReplyParser, CommandParser, ParseError, ReplyParser

#: The length of a long line, in characters.
SIZE = 4 * 10**6

HEADERS = {
    ".john 12 tcc i ": ("", "john", "", ".john", 12, "tcc", "I"),
    "APO.john 0 tcc I ": ("APO", "john", "", "APO.john", 0, "tcc", "I"),
    "APO.john.sop.tcc_2 1 mcp\t:\t": (
        "APO",
        "john",
        ".sop.tcc_2",
        "APO.john.sop.tcc_2",
        1,
        "mcp",
        ":",
    ),
    "a_1.u1.hub. 5 keys_alerts f ": ("a_1", "u1", ".hub.", "a_1.u1.hub.", 5, "keys_alerts", "F"),
    ".hub 4294967296 tcc > ": ("", "hub", "", ".hub", 4294967296, "tcc", ">"),
}

BODIES = {
    "": [],
    " \t ": [],
    "alert": [("alert", [])],
    "a=1": [("a", ["1"])],
    "a=1,2": [("a", ["1", "2"])],
    " a = 1 , 2 ; b ": [("a", ["1", "2"]), ("b", [])],
    "a.b_1=x;c": [("a.b_1", ["x"]), ("c", [])],
    "a='it is';b=\"\"": [("a", ["it is"]), ("b", [""])],
    r'a="say \"hi\"",b\c': [("a", [r"say \"hi\"", r"b\c"])],
    r"a='it\'s'": [("a", [r"it\'s"])],
    "a=',;=\"'": [("a", [',;="'])],
    "a=é,@#!,[0.1],(x),00:12:33.2,-1e-3,0x1f,?": [
        ("a", ["é", "@#!", "[0.1]", "(x)", "00:12:33.2", "-1e-3", "0x1f", "?"])
    ],
    "a=raw;rawer": [("a", ["raw"]), ("rawer", [])],
    "a;a;A=1": [("a", []), ("a", []), ("A", ["1"])],
}

BAD_BODIES = {
    ";": "Unexpected SEMICOLON parse token (';') in:\n{line}",
    "a;": "Unexpected end of input",
    "a;;b": "Unexpected SEMICOLON parse token (';') in:\n{line}",
    "a=": "Unexpected end of input",
    "a=1,": "Unexpected end of input",
    "a=,1": "Unexpected COMMA parse token (',') in:\n{line}",
    "a==1": "Unexpected EQUALS parse token ('=') in:\n{line}",
    "a=1 2": "Unexpected VALUE parse token ('2') in:\n{line}",
    "a b": "Unexpected NAME_OR_VALUE parse token ('b') in:\n{line}",
    "1=a": "Unexpected VALUE parse token ('1') in:\n{line}",
    "a-b": "Unexpected VALUE parse token ('a-b') in:\n{line}",
    "é": "Unexpected VALUE parse token ('é') in:\n{line}",
    "a='x'y": "Unexpected NAME_OR_VALUE parse token ('y') in:\n{line}",
    "a=x'123456789_123456789_1'": (
        "Unexpected QUOTED parse token ('123456789_123456789_') in:\n{line}"
    ),
    'a="x': "Lexical analysis error at '\"x'",
    'a="x\\"': "Lexical analysis error at '\"x\\\\\"'",
    'a="x\ny"': "Lexical analysis error at '\"x\\ny\"'",
    'a="x\\\ny"': "Lexical analysis error at '\"x\\\\\\ny\"'",
    "a=1\r": "Lexical analysis error at '\\r'",
    "a=1\xa0": "Lexical analysis error at '\\xa0'",
    "a\n;b": "Lexical analysis error at '\\n;b'",
    "raw=1": 'keyword "raw" is reserved',
    "a;Raw": 'keyword "Raw" is reserved',
}

BAD_HEADERS = [
    "",
    "\n",
    "a.b 1 c i",
    "a.b 1 c ii x",
    "a.b 1 c \n x",
    " a.b 1 c i x",
    "ab 1 c i x",
    "a. 1 c i x",
    "a.1 1 c i x",
    "1.b 1 c i x",
    "a.b. 1 c i x",
    "a.b.1 1 c i x",
    "a.b x c i x",
    "a.b 01 c i x",
    "a.b -1 c i x",
    "a.b \u0661 c i x",
    "a.b 1 1 i x",
    "a.b 1 c.d i x",
    "a.b\xa01 c i x",
    "é.b 1 c i x",
    f"a.b {'9' * 4301} c i x",
]

COMMANDS = {
    "status": ("status", [], []),
    " \tstatus  \n": ("status", [], []),
    "goto 1": ("goto", ["1"], []),
    "goto 1, 2 ,3": ("goto", ["1", "2", "3"], []),
    "goto 'a','b' c=1": ("goto", ["a", "b"], [("c", ["1"])]),
    "goto alt": ("goto", [], [("alt", [])]),
    "goto alt,az": ("goto", ["alt", "az"], []),
    "goto alt,az,1": ("goto", ["alt", "az", "1"], []),
    "goto alt az=1,2 a.b": ("goto", [], [("alt", []), ("az", ["1", "2"]), ("a.b", [])]),
    "goto 1 alt": ("goto", ["1"], [("alt", [])]),
    "do raw=any; \"thing' = ": ("do", [], [("raw", ["any; \"thing' = "])]),
    "do a=1 RAW = x": ("do", [], [("a", ["1"]), ("raw", [" x"])]),
    "do 1 raw=": ("do", ["1"], [("raw", [""])]),
    "do raw=a\rb": ("do", [], [("raw", ["a\rb"])]),
}

BAD_COMMANDS = {
    "": "Unexpected end of input",
    "1": "Unexpected VALUE parse token ('1') in:\n1",
    "=": "Unexpected EQUALS parse token ('=') in:\n=",
    "raw": "Unexpected RAW parse token ('raw') in:\nraw",
    "raw=1": "Unexpected RAW parse token ('raw') in:\nraw=1",
    "a.b": "name 'a.b' contains an illegal dot (.) character.",
    "a.b c": "name 'a.b' contains an illegal dot (.) character.",
    "go ;": "Lexical analysis error at ';'",
    "go 1 2": "Unexpected VALUE parse token ('2') in:\ngo 1 2",
    "go a,1": "Unexpected VALUE parse token ('1') in:\ngo a,1",
    "go a b,c": "Unexpected COMMA parse token (',') in:\ngo a b,c",
    "go a=raw": "Unexpected RAW parse token ('raw') in:\ngo a=raw",
    "go raw": "Unexpected end of input",
    "go raw x": "Lexical analysis error at ' x'",
    "go raw=a\nb": "Lexical analysis error at '\\nb'",
}


def content(keywords):
    return [(keyword.name, list(keyword.values)) for keyword in keywords]


@pytest.mark.parametrize("line", HEADERS)
def test_a_header_from_the_hub_is_taken_apart(lib, line):
    header = lib.parser.ReplyParser().parse(f"{line}a=1").header
    names = ("program", "user", "actorStack", "cmdrName", "commandId", "actor", "code")
    assert tuple(getattr(header, name) for name in names) == HEADERS[line]


def test_a_header_from_an_actor_is_taken_apart(lib):
    header = lib.parser.ActorReplyParser().parse("12 \t0 w a=1").header
    assert (header.commandId, header.userId, header.code) == (12, 0, "W")


@pytest.mark.parametrize("letter", "><:dDiIwWeEfF!".replace("<", ""))
def test_message_codes_are_upper_case_values_of_an_enum(lib, letter):
    header = lib.parser.ReplyParser().parse(f".a 1 b {letter} ").header
    assert str(header.code) == letter.upper()
    assert isinstance(type(header.code), lib.types.Enum)


@pytest.mark.parametrize("line", BAD_HEADERS)
def test_a_bad_header_is_reported_with_the_line(lib, line):
    with pytest.raises(lib.parser.ParseError) as caught:
        lib.parser.ReplyParser().parse(line)
    assert str(caught.value) == "Badly formed reply header in: " + line.rstrip("\n")


@pytest.mark.parametrize(
    "line", ["", "1", "1 2", "1 2 i", "01 2 i x", "a 2 i x", "1 -2 i x", " 1 2 i x"]
)
def test_a_bad_header_of_an_actor_is_reported_with_the_line(lib, line):
    with pytest.raises(lib.parser.ParseError) as caught:
        lib.parser.ActorReplyParser().parse(line)
    assert str(caught.value) == f"Badly formed reply header in: {line}"


@pytest.mark.parametrize(("blanks", "code"), [(" q ", "q"), (" é ", "é"), ("   ", " ")])
def test_an_unknown_code_is_reported(lib, blanks, code):
    for parser, header in (("ReplyParser", ".a 1 b"), ("ActorReplyParser", "1 2")):
        with pytest.raises(lib.parser.ParseError) as caught:
            getattr(lib.parser, parser)().parse(f"{header}{blanks}x")
        assert str(caught.value) == f"Invalid reply header code: {code}"


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("end", ["", "\n", "\n\n", " \n"])
def test_keywords_and_values_are_found(lib, body, end):
    for parser, header in (("ReplyParser", ".a 1 b i "), ("ActorReplyParser", "1 2 i ")):
        reply = getattr(lib.parser, parser)().parse(f"{header}{body}{end}")
        assert content(reply.keywords) == BODIES[body]
        assert reply.string == f"{header}{body}{end}".rstrip("\n")


@pytest.mark.parametrize("body", BAD_BODIES)
def test_where_a_body_is_wrong_is_reported(lib, body):
    line = f".a 1 b i {body}"
    with pytest.raises(lib.parser.ParseError) as caught:
        lib.parser.ReplyParser().parse(line)
    assert str(caught.value) == BAD_BODIES[body].replace("{line}", line)


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_is_taken_apart(lib, line):
    command = lib.parser.CommandParser().parse(line)
    assert (command.name, command.values, content(command.keywords)) == COMMANDS[line]
    assert command.string == line.rstrip("\n")


@pytest.mark.parametrize("line", BAD_COMMANDS)
def test_where_a_command_is_wrong_is_reported(lib, line):
    with pytest.raises(lib.parser.ParseError) as caught:
        lib.parser.CommandParser().parse(line)
    assert str(caught.value) == BAD_COMMANDS[line]


def test_a_raw_keyword_is_of_its_own_class(lib):
    command = lib.parser.CommandParser().parse("do a raw=x")
    assert [type(k).__name__ for k in command.keywords] == ["Keyword", "RawKeyword"]


def test_an_error_leaves_no_trace_in_the_parser(lib):
    parser = lib.parser.CommandParser()
    with pytest.raises(lib.parser.ParseError):
        parser.parse("go raw 5")
    assert parser.parse("go a=1").name == "go"


@pytest.mark.parametrize("line", [None, 5, b".a 1 b i x", ["x"]])
def test_only_texts_are_lines(lib, line):
    for parser in (
        lib.parser.ReplyParser(),
        lib.parser.ActorReplyParser(),
        lib.parser.CommandParser(),
    ):
        with pytest.raises(TypeError, match="must be a str"):
            parser.parse(line)


def test_subclasses_of_str_are_lines(lib):
    class Line(str):
        __slots__ = ()

    reply = lib.parser.ReplyParser().parse(Line(".a 1 b i x=1\n"))
    assert content(reply.keywords) == [("x", ["1"])]
    assert type(reply.string) is str
    assert type(reply.keywords[0].name) is str
    assert lib.parser.CommandParser().parse(Line("go x")).name == "go"
    assert [t.value for t in lib.parser.ReplyParser().tokenize(Line("a='b'"))] == ["a", "=", "b"]


def test_messages_are_of_the_documented_classes(lib):
    reply = lib.parser.ReplyParser().parse(".a 1 b i x=1")
    messages = lib.messages
    assert type(reply) is messages.Reply
    assert type(reply.header) is messages.ReplyHeader
    assert type(reply.keywords) is messages.Keywords
    assert type(reply.keywords[0]) is messages.Keyword
    assert type(reply.keywords[0].values) is messages.Values
    assert type(lib.parser.ActorReplyParser().parse("1 2 : ").header) is messages.ActorReplyHeader


def test_the_base_parser_parses_nothing(lib):
    with pytest.raises(NotImplementedError):
        lib.parser.ParserBase(debug=1).parse("go")


def test_unwrap_splits_the_header_from_the_line(lib):
    for name, line in (("ReplyParser", ".a 1 b i  x=1"), ("ActorReplyParser", "1 2 i  x=1")):
        parser = getattr(lib.parser, name)()
        parser.string = line
        assert parser.unwrap() == "x=1"
        assert parser.header == parser.parse(line).header
    command = lib.parser.CommandParser()
    command.string = "go x"
    assert command.unwrap() == "go x"


def test_tokens_are_those_of_the_grammar(lib):
    tokens = lib.parser.ReplyParser().tokenize("a=1, 'b c';d")
    assert [(t.type, t.value, t.lexpos) for t in tokens] == [
        ("NAME_OR_VALUE", "a", 0),
        ("EQUALS", "=", 1),
        ("VALUE", "1", 2),
        ("COMMA", ",", 3),
        ("QUOTED", "b c", 5),
        ("SEMICOLON", ";", 10),
        ("NAME_OR_VALUE", "d", 11),
    ]
    assert str(list(lib.parser.CommandParser().tokenize("go raw=1 2"))) == (
        "[LexToken(NAME_OR_VALUE,'go',1,0), LexToken(RAW,'raw',1,3), LexToken(LINE,'1 2',1,6)]"
    )
    with pytest.raises(lib.parser.ParseError, match="Lexical analysis error at ';'"):
        list(lib.parser.CommandParser().tokenize("go ;"))


@pytest.mark.parametrize(
    ("word", "kind"), [("ab", "NAME_OR_VALUE"), ("1", "VALUE"), ("", "VALUE"), ("Raw", "RAW")]
)
def test_words_are_names_or_values(lib, word, kind):
    token = next(lib.parser.CommandParser().tokenize("x"))
    token.value = word
    assert lib.parser.CommandParser().word_token(token).type == kind


def test_the_header_patterns_describe_what_the_scanner_reads(lib):
    for line, fields in HEADERS.items():
        found = lib.parser.ReplyParser.hdr_pattern.fullmatch(line)
        assert found.groups()[:2] == fields[:2]
    for line in BAD_HEADERS[:-1]:
        assert not lib.parser.ReplyParser.hdr_pattern.match(line)


@pytest.mark.parametrize(
    "line",
    [
        '.a 1 b i k="{}"'.format("x" * SIZE),
        '.a 1 b i k="{}'.format('\\"' * (SIZE // 2)),
        ".a 1 b i k=" + "1," * (SIZE // 2) + "1",
        ".a 1 b i k" + " " * SIZE + "=",
        ".a 1 b" + " " * SIZE + "i k",
        ".a" + " " * SIZE + "1 b i k",
        "." + "a." * (SIZE // 2),
        ".a " + "9" * SIZE + " b i k",
        ".a 1 b i " + '"' * SIZE,
        "\n" * SIZE,
    ],
    ids=lambda line: f"{line[:15]!r}",
)
def test_a_line_of_megabytes_is_parsed_or_refused_in_time(lib, line):
    # What takes more than linear time takes minutes here, and runs into the limit of the test.
    with contextlib.suppress(lib.parser.ParseError):
        lib.parser.ReplyParser().parse(line)


def test_twenty_thousand_mutated_lines_are_parsed_or_refused_in_time(lib):
    numbers = random.Random(1)
    lines = [header + body for header in HEADERS for body in [*BODIES, *BAD_BODIES]]
    pieces = [*"\"'\\=,; \t\n\r0aZ_.-é\u3000", "raw", "k=1", "'x y'"]
    parsers = (lib.parser.ReplyParser(), lib.parser.ActorReplyParser(), lib.parser.CommandParser())
    parsed = 0
    for _ in range(20_000):
        line = numbers.choice(lines)
        for _ in range(numbers.randrange(1, 4)):
            place = numbers.randrange(len(line) + 1)
            line = line[:place] + numbers.choice(pieces) + line[place + numbers.randrange(3) :]
        for parser in parsers:
            with contextlib.suppress(lib.parser.ParseError):
                parser.parse(line)
                parsed += 1
    assert 1000 < parsed < 20_000


WORDS = st.text("aZ_.09-é?", min_size=1, max_size=8)
QUOTED = st.text(st.characters(exclude_characters="\"'\\\n"), max_size=10).map('"{}"'.format)
NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_.]{0,8}", fullmatch=True).filter(
    lambda name: name.lower() != "raw"
)
LINES = st.lists(
    st.tuples(NAMES, st.lists(WORDS | QUOTED, max_size=3)).map(
        lambda pair: f"{pair[0]}={','.join(pair[1])}" if pair[1] else pair[0]
    ),
    max_size=4,
).map(lambda keywords: ".hub.sop 17 tcc i " + ";".join(keywords))


@st.composite
def mutated_lines(draw):
    line = draw(LINES)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(line)))
        stop = min(len(line), start + draw(st.integers(0, 3)))
        piece = draw(
            st.sampled_from(['"', "'", "\\", "=", ",", ";", " ", "\n", "raw", "é", "", "1"])
        )
        line = line[:start] + piece + line[stop:]
    return line


@given(LINES)
def test_well_formed_lines_are_parsed(line):
    reply = ReplyParser().parse(line)
    again = ReplyParser().parse(reply.canonical())
    assert again == reply


@given(st.one_of(st.text(), mutated_lines()))
def test_no_text_raises_anything_but_a_parse_error(text):
    for parser in (ReplyParser(), ActorReplyParser(), CommandParser()):
        for line in (text, f"1 2 i {text}", f"go {text}"):
            try:
                parser.parse(line)
            except ParseError as error:
                json.dumps(str(error))
