cdef class Line:
    cdef char* data
    cdef Py_ssize_t size
    cdef Py_ssize_t capacity
    cdef char start[480]

    cdef int reserve(self, Py_ssize_t length) except -1
    cdef int add_digits(self, unsigned long long number) except -1

    cpdef int add(self, str text) except -1
    cpdef int add_whole(self, object number) except -1
    cpdef bint add_plain(self, str text) except -1
    cpdef bint add_short(self, double number) except -1
    cpdef int add_float(self, double number) except -1
    cpdef int cut(self, Py_ssize_t length) except -1
    cpdef int cut_last(self) except -1
    cpdef bytes to_bytes(self)

cdef class Depth:
    cdef int limit

    cpdef bint admits(self, object value) noexcept

cpdef bint is_common(double number) noexcept

cpdef bytes spaced(bytes encoded, bytes start, bytes end)

cpdef bytes spaced_if_plain(bytes encoded, bytes start, bytes end)

cpdef bint is_ascii(bytes encoded) except -1
