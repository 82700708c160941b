cimport cython

cdef object _dumps
cdef object _OPTIONS
cdef dict _starts
cdef int _MOST_STARTS
cdef tuple _ID_TYPES
cdef int MAX_DEPTH

# Not dict: Cython takes that to exclude subclasses, which users may pass.
@cython.locals(merged=dict)
cpdef dict merge_message(object message, object default_keyword, object keywords)

cpdef bint holds_exception(object message, int depth=*) except *

cpdef object prepare_message(
    object message, dict keywords, object process, object report, object expand, object frame
)

@cython.locals(known=dict)
cpdef object update_properties(object model, object message, object now)

cpdef object format_value(object value)

cdef object format_nested(object value, int depth)

@cython.locals(encoded=bytes)
cpdef bytes encode_json(object value)

cdef bytes encode_start(tuple key)

cpdef bytes encode_exactly(object value)

cpdef bint survives_orjson(object value) except *

@cython.locals(key=tuple, start=bytes)
cpdef bytes encode_reply(
    object command_id,
    object commander_id,
    object message_code,
    object internal,
    object sender,
    object message,
)

@cython.locals(handlers=list)
cpdef bint would_log(object logger, long long level) except *
