cimport cython

cdef object _has_long_number
cdef object _loads

cpdef object decode_json(object text)

cpdef object decode_headers(object message)

cdef class ReceivedReply:
    cdef public object _code
    cdef public object message
    cdef public object headers
    cdef public object message_code
    cdef public object sender
    cdef public object internal
    cdef public object command_id
    cdef public object body
    cdef public object is_valid
    cdef public object _flaw
    cdef public object _error

    @cython.locals(headers=dict, flaw=int)
    cpdef object _read(self, object message, dict codes, object log)

cdef bint _differs(object named, object command_id) except -1

cdef class SeenMessages:
    cdef public str prefix
    cdef public Py_ssize_t most
    cdef set _ids
    cdef set _older
    cdef set _before

    @cython.locals(ids=set)
    cpdef bint has(self, object message) except -1

cdef class ReplyReceiver:
    cdef object _client
    cdef object _handle_reply
    cdef object _reply_class
    cdef dict _codes
    cdef SeenMessages _seen
    cdef str _presence_key
    cdef str _announcement

    cpdef bint is_plain(self) except -1

    @cython.locals(is_plain=bint, is_duplicate=bint)
    cpdef object take(self, object message)

    @cython.locals(reply=ReceivedReply)
    cpdef object handle(self, object message)
