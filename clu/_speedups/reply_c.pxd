cimport cython

from clu._speedups.line_c cimport Depth as CompiledDepth, Line as CompiledLine
from clu._speedups.line_c cimport is_ascii, spaced, spaced_if_plain

cdef object _dumps
cdef object _quote
cdef object _not_ascii
cdef str _BREAKS
cdef bint COMPILED
cdef dict _names
cdef dict _address
cdef object _LEAST
cdef object _MOST
cdef int _MOST_NAMES
cdef str _SPECIAL
cdef object _OPTIONS
cdef dict _starts
cdef int _MOST_STARTS
cdef str _LATEST
cdef unsigned char N
cdef unsigned char U
cdef unsigned char L
cdef tuple _ID_TYPES
cdef int MAX_DEPTH
cdef CompiledDepth _depth
cdef list _reply_class

cdef class ReplyFields:
    cdef public double _created
    cdef public object message_code
    cdef public object message
    cdef public object command
    cdef public object broadcast
    cdef public object use_validation
    cdef public object validated
    cdef public object internal
    cdef public object keywords

# Not dict: Cython takes that to exclude subclasses, which users may pass.
@cython.locals(merged=dict)
cpdef dict merge_message(object message, object default_keyword, object keywords)

cpdef bint holds_exception(object message) except -1

cdef bint holds_nested(object message, int depth) except -1

cpdef object prepare_message(
    object message, dict keywords, object process, object report, object expand, object frame
)

@cython.locals(reply=ReplyFields, kind=type)
cpdef object prepare_reply(
    object cls,
    object message_code,
    object message,
    dict keywords,
    object process,
    object report,
    object expand,
    object frame,
    object command,
    object broadcast,
    object use_validation,
    object internal,
)

cpdef object format_value(object value)

cdef object format_nested(object value, int depth)

@cython.locals(starts=tuple, before=Py_ssize_t, line=CompiledLine, is_first=bint)
cpdef bytes format_line(object user_id, object command_id, str code, object message)

@cython.locals(user_id=object, command_id=object)
cpdef tuple format_reply(ReplyFields reply)

cdef bint has_error(dict message) except -1

@cython.locals(latest=tuple, address=str)
cdef str address_of(object user_id, object command_id, str code)

@cython.locals(char=Py_UCS4, text=str)
cdef tuple starts_of(object name)

@cython.locals(before=Py_ssize_t, at=Py_ssize_t, is_first=bint, encoded=bytes, text=str)
cdef void add_value(CompiledLine line, object value, int depth) except *

@cython.locals(char=Py_UCS4, is_special=bint, has_space=bint)
cdef void add_text(CompiledLine line, str text) except *

cdef bint are_common(object values) except -1

cdef str exact_text(object text)

cdef str guard(str text)

@cython.locals(char=Py_UCS4)
cdef bint has_break(str text) except -1

@cython.locals(char=Py_UCS4, is_json=bint, whole=str, end=Py_ssize_t)
cdef str enclose(str text)

@cython.locals(end=Py_ssize_t, pos=Py_ssize_t, start=Py_ssize_t)
cdef bint is_readable(str text, bint with_blanks) except -1

@cython.locals(end=Py_ssize_t, pos=Py_ssize_t, at_start=bint, char=Py_UCS4)
cdef bint is_closed(str text) except -1

@cython.locals(encoded=bytes)
cpdef bytes encode_json(object value)

@cython.locals(encoded=bytes)
cdef bytes encode_quickly(object value)

@cython.locals(encoded=bytes)
cdef bytes encode_unchecked(object value)

cpdef str json_text(object value)

@cython.locals(encoded=bytes, line=bytes)
cdef bytes encode_spaced(object value, bytes start, bytes end)

cdef bytes escape_letters(bytes encoded)

@cython.locals(pieces=tuple)
cdef bytes encode_start(
    object command_id,
    object commander_id,
    object message_code,
    object internal,
    object sender,
    object compact,
)

cdef bytes encode_field(object value, bint compact)

cpdef bytes encode_exactly(object value)

cpdef bint survives_orjson(object value) except -1

cdef bint survives_nested(object value, int depth) except -1

ctypedef const unsigned char* Letters

@cython.locals(letters=Letters, letter=cython.uchar, at=Py_ssize_t)
cdef bint has_null(bytes encoded) noexcept

@cython.locals(start=bytes)
cpdef bytes encode_reply(
    object command_id,
    object commander_id,
    object message_code,
    object internal,
    object sender,
    object message,
)

@cython.locals(start=bytes)
cpdef bytes encode_line(ReplyFields reply, object sender)

@cython.locals(start=bytes)
cpdef bytes encode_compact_line(ReplyFields reply, object sender)

@cython.locals(latest=tuple, key=tuple, start=bytes)
cdef bytes find_start(
    object command_id,
    object commander_id,
    object message_code,
    object internal,
    object sender,
    object compact,
)

@cython.locals(handlers=list)
cpdef bint would_log(object logger, long long level) except *
