cimport cython

cdef str _PLAIN

@cython.locals(character=Py_UCS4)
cpdef object quoted(str word)

cpdef int kind_of(object value)

cdef class UsualParameter:
    cdef public str name
    cdef public bint required
    cdef public str before
    cdef public int kinds
    cdef public dict texts
    cdef public object low
    cdef public object high
    cdef public object word
    cdef public bint multiple

    @cython.locals(longer=str)
    cpdef object added(self, str text, object value)

    @cython.locals(word=str)
    cpdef object added_one(self, str text, object value)

cdef class UsualCall:
    cdef public str path
    cdef public list options
    cdef public list arguments
    cdef public Py_ssize_t positional

    @cython.locals(
        text=str, longer=str, left=Py_ssize_t, given=Py_ssize_t, place=Py_ssize_t,
        is_named=bint, has_gap=bint, parameter=UsualParameter,
    )
    cpdef object command_string(self, tuple args, dict kwargs)
