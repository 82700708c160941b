cimport cython

cdef object _dumps

cpdef dict merge_message(object message, str default_keyword, dict keywords)

cpdef bint holds_exception(dict message) except *

@cython.locals(text=str)
cpdef object format_value(object value)

cpdef bytes encode_json(object value)

cpdef bytes encode_exactly(object value)

cpdef bint survives_orjson(object value) except *

cpdef bytes encode_reply(
    object command_id,
    object commander_id,
    str message_code,
    bint internal,
    object sender,
    dict message,
)

cpdef bint would_log(object logger, long long level) except *
