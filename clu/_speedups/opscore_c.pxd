cimport cython

cdef Py_ssize_t MAX_DIGITS

cdef int MAX_DEPTH

cdef double INFINITY

cdef double NAN

cdef bint COMPILED

cdef object lookup

cdef class KeywordBase:
    cdef public object _raw
    cdef public object _values
    cdef public bint matched
    cdef public object name

cdef class KeywordsBase(list):
    pass

cdef class ReplyHeaderBase:
    cdef public object actor
    cdef public object actorStack
    cdef public object cmdrName
    cdef public object code
    cdef public object commandId
    cdef public object program
    cdef public object user

cdef class ActorReplyHeaderBase:
    cdef public object code
    cdef public object commandId
    cdef public object userId

cdef class ReplyBase:
    cdef public object header
    cdef public object keywords
    cdef public object string

@cython.locals(end=Py_ssize_t, text=str)
cdef str _exact(object string)

cpdef Py_ssize_t blanks_end(str text, Py_ssize_t pos, Py_ssize_t end) except -1

@cython.locals(start=Py_ssize_t)
cdef Py_ssize_t _digits_end(str text, Py_ssize_t pos, Py_ssize_t end) except -1

@cython.locals(number=cython.longlong, pos=Py_ssize_t)
cdef object _integer(str text, Py_ssize_t start, Py_ssize_t end)

cdef Py_ssize_t _plain_name_end(str text, Py_ssize_t pos, Py_ssize_t end) except -1

cpdef Py_ssize_t name_end(str text, Py_ssize_t pos, Py_ssize_t end) except -1

cpdef Py_ssize_t word_end(str text, Py_ssize_t pos, Py_ssize_t end) except -1

@cython.locals(quote=Py_UCS4, char=Py_UCS4)
cpdef Py_ssize_t quoted_end(str text, Py_ssize_t pos, Py_ssize_t end) except -2

cdef bint _is_raw(str text, Py_ssize_t start, Py_ssize_t end) except -1

cdef class Scanner:
    cdef object _failure
    cdef object _header
    cdef type _keyword
    cdef type _keywords
    cdef type _reply

    @cython.locals(
        end=Py_ssize_t,
        dot=Py_ssize_t,
        user=Py_ssize_t,
        stack=Py_ssize_t,
        number=Py_ssize_t,
        digits=Py_ssize_t,
        actor=Py_ssize_t,
        name=Py_ssize_t,
        code=Py_ssize_t,
        body=Py_ssize_t,
    )
    cpdef Py_ssize_t hub_header(self, str text, ReplyHeaderBase header, dict codes) except -1

    @cython.locals(
        end=Py_ssize_t,
        command=Py_ssize_t,
        number=Py_ssize_t,
        user=Py_ssize_t,
        code=Py_ssize_t,
        body=Py_ssize_t,
    )
    cpdef Py_ssize_t actor_header(
        self, str text, ActorReplyHeaderBase header, dict codes
    ) except -1

    @cython.locals(text=str, header=ReplyHeaderBase)
    cpdef object hub_reply(self, object string, type header_class, dict codes)

    @cython.locals(text=str, header=ActorReplyHeaderBase)
    cpdef object actor_reply(self, object string, type header_class, dict codes)

    @cython.locals(cls=type, reply=ReplyBase)
    cdef object _make_reply(self, str text, object header, Py_ssize_t pos)

    @cython.locals(cls=type, found=KeywordsBase, is_raw=bint, raw=list, start=Py_ssize_t, name=str)
    cdef object _reply_keywords(self, str text, Py_ssize_t pos, Py_ssize_t end)

    @cython.locals(start=Py_ssize_t)
    cdef Py_ssize_t _values(
        self, str text, Py_ssize_t pos, Py_ssize_t end, list found, bint reserved
    ) except -1

    @cython.locals(cls=type, keyword=KeywordBase)
    cdef object _make_keyword(self, str name, list raw)

    @cython.locals(
        text=str,
        verb=str,
        name=str,
        end=Py_ssize_t,
        start=Py_ssize_t,
        pos=Py_ssize_t,
        line=Py_ssize_t,
        values=list,
        keywords=list,
        raw=list,
    )
    cpdef tuple command(self, object string)

    @cython.locals(pos=Py_ssize_t)
    cdef bint _has_values(self, str text, Py_ssize_t start, Py_ssize_t end) except -1

    @cython.locals(pos=Py_ssize_t)
    cdef Py_ssize_t _command_name(self, str text, Py_ssize_t start, Py_ssize_t end) except -1

cdef class Converter:
    cdef object _invalid
    cdef object _marker
    cdef object _new
    cdef object _type
    cpdef object convert(self, object value)
    cpdef object make(self, object value)

cdef class CallConverter(Converter):
    cdef object _function
    cpdef object make(self, object value)

cdef class BareConverter(Converter):
    cpdef object make(self, object value)

@cython.locals(
    end=Py_ssize_t,
    pos=Py_ssize_t,
    number=double,
    power=double,
    digits=Py_ssize_t,
    has_point=bint,
    char=Py_UCS4,
)
cpdef double short_decimal(str text) except? -1

cdef class FloatConverter(Converter):
    cdef double _limit
    @cython.locals(number=double)
    cpdef object make(self, object value)

cdef class IntConverter(Converter):
    cdef object _limit
    cpdef object make(self, object value)

cdef class UIntConverter(Converter):
    cpdef object make(self, object value)

cdef class HexConverter(UIntConverter):
    cpdef object make(self, object value)

cdef class EnumConverter(Converter):
    cdef list _by_index
    cdef dict _by_label
    cpdef object make(self, object value)

cdef class BoolConverter(Converter):
    cdef dict _values
    cpdef object make(self, object value)

cdef class Plan:
    cdef list _groups
    cdef list _heads
    cdef Py_ssize_t _most
    cdef object _switch
    cdef Converter _tail

    @cython.locals(
        count=Py_ssize_t,
        least=Py_ssize_t,
        index=Py_ssize_t,
        start=Py_ssize_t,
        length=Py_ssize_t,
        typed=list,
        parts=tuple,
        tail=Converter,
        converter=Converter,
    )
    cpdef list convert(self, object values)

    @cython.locals(typed=list)
    cpdef bint consume(self, object keyword, object name) except -1

cpdef object native_value(object value)

cdef object _native(object value, int depth)

@cython.locals(natives=list)
cpdef list native_values(object keyword)

@cython.locals(found=dict, matches=bint)
cpdef dict update_keys(object model, object keywords, object now, list unknown, bint trace)
