"""Line kernel: the bytes of a line, which grows piece by piece; the compiled build.

It is written by hand because it works on memory: ``line_py.py`` documents it.
"""

import orjson

cimport cython
from cpython.object cimport PyObject
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.math cimport fabs, signbit
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy

cdef extern from "Python.h":
    bint PyUnicode_IS_ASCII(object)
    void* PyUnicode_DATA(object)
    Py_ssize_t PyUnicode_GET_LENGTH(object)
    long long PyLong_AsLongLongAndOverflow(object, int*) except? -1
    ctypedef struct PyTypeObject:
        pass
    unsigned long Py_TPFLAGS_LIST_SUBCLASS
    unsigned long Py_TPFLAGS_TUPLE_SUBCLASS
    unsigned long Py_TPFLAGS_DICT_SUBCLASS
    PyTypeObject* Py_TYPE(PyObject*) noexcept
    bint PyType_HasFeature(PyTypeObject*, unsigned long) noexcept
    bint PyDict_Next(PyObject*, Py_ssize_t*, PyObject**, PyObject**) noexcept
    Py_ssize_t PyList_GET_SIZE(PyObject*) noexcept
    PyObject* PyList_GET_ITEM(PyObject*, Py_ssize_t) noexcept
    Py_ssize_t PyTuple_GET_SIZE(PyObject*) noexcept
    PyObject* PyTuple_GET_ITEM(PyObject*, Py_ssize_t) noexcept

cdef object _dumps = orjson.dumps

cdef enum:
    DECIMALS = 6
    SCALE = 1000000
    LARGEST_DEPTH = 1000

cdef unsigned long CONTAINER = (
    Py_TPFLAGS_LIST_SUBCLASS | Py_TPFLAGS_TUPLE_SUBCLASS | Py_TPFLAGS_DICT_SUBCLASS
)

# The letters that mean nothing to a reader of lines.
cdef bint[256] PLAIN
for _code in range(256):
    PLAIN[_code] = 33 <= _code < 127 and chr(_code) not in "\"',;="


@cython.cdivision(True)
@cython.freelist(4)
@cython.no_gc
cdef class Line:
    def __cinit__(self):
        self.data = self.start
        self.size = 0
        self.capacity = sizeof(self.start)

    def __dealloc__(self):
        if self.data != self.start:
            free(self.data)

    def __len__(self):
        return self.size

    cdef int reserve(self, Py_ssize_t length) except -1:
        cdef Py_ssize_t capacity = self.capacity
        cdef char* data
        while capacity - self.size < length:
            capacity *= 2
        if self.data == self.start:
            data = <char*>malloc(capacity)
            if data != NULL:
                memcpy(data, self.data, self.size)
        else:
            data = <char*>realloc(self.data, capacity)
        if data == NULL:
            raise MemoryError
        self.data = data
        self.capacity = capacity
        return 0

    cdef int add_digits(self, unsigned long long number) except -1:
        cdef char digits[20]
        cdef int at = 20
        while True:
            at -= 1
            digits[at] = c"0" + <char>(number % 10)
            number //= 10
            if number == 0:
                break
        if self.capacity - self.size < 20:
            self.reserve(20)
        memcpy(self.data + self.size, digits + at, 20 - at)
        self.size += 20 - at
        return 0

    cpdef int add(self, str text) except -1:
        cdef Py_ssize_t length
        cdef bytes encoded
        if text is None:
            raise TypeError("the string is missing")
        if PyUnicode_IS_ASCII(text):
            length = PyUnicode_GET_LENGTH(text)
            if self.capacity - self.size < length:
                self.reserve(length)
            memcpy(self.data + self.size, PyUnicode_DATA(text), length)
        else:
            try:
                encoded = text.encode("utf-8")
            except UnicodeEncodeError:
                encoded = text.encode("utf-8", "backslashreplace")
            length = PyBytes_GET_SIZE(encoded)
            if self.capacity - self.size < length:
                self.reserve(length)
            memcpy(self.data + self.size, PyBytes_AS_STRING(encoded), length)
        self.size += length
        return 0

    cpdef int add_whole(self, object number) except -1:
        cdef int overflow = 0
        cdef long long whole = PyLong_AsLongLongAndOverflow(number, &overflow)
        if overflow:
            return self.add(str(number))
        if whole < 0:
            self.add("-")
            return self.add_digits(-<unsigned long long>whole)
        return self.add_digits(<unsigned long long>whole)

    cpdef bint add_plain(self, str text) except -1:
        cdef Py_ssize_t length, at
        cdef const unsigned char* letters
        if text is None or not PyUnicode_IS_ASCII(text):
            return False
        length = PyUnicode_GET_LENGTH(text)
        letters = <const unsigned char*>PyUnicode_DATA(text)
        for at in range(length):
            if not PLAIN[letters[at]]:
                return False
        if self.capacity - self.size < length:
            self.reserve(length)
        memcpy(self.data + self.size, letters, length)
        self.size += length
        return True

    cpdef bint add_short(self, double number) except -1:
        # The shortest string that makes a number is the only one of up to 15 digits that does.
        cdef double size = fabs(number)
        cdef long long scaled, fraction
        cdef int decimals = DECIMALS, at
        if number == 0:
            self.add("-0.0" if signbit(number) else "0.0")
            return True
        if not 1e-4 <= size < 1e9:
            return False
        scaled = <long long>(size * SCALE + 0.5)
        if <double>scaled / SCALE != size:
            return False
        if number < 0:
            self.add("-")
        self.add_digits(scaled // SCALE)
        fraction = scaled % SCALE
        if fraction % 1000 == 0:
            fraction //= 1000
            decimals -= 3
        while decimals > 1 and fraction % 10 == 0:
            fraction //= 10
            decimals -= 1
        if self.capacity - self.size < decimals + 1:
            self.reserve(decimals + 1)
        self.data[self.size] = c"."
        for at in range(decimals, 0, -1):
            self.data[self.size + at] = c"0" + <char>(fraction % 10)
            fraction //= 10
        self.size += decimals + 1
        return True

    cpdef int add_float(self, double number) except -1:
        if self.add_short(number):
            return 0
        return self.add((<bytes>_dumps(number)).decode("ascii") if is_common(number) else str(number))

    cpdef int cut(self, Py_ssize_t length) except -1:
        if not 0 <= length <= self.size:
            raise ValueError(f"the line has {self.size} bytes, not {length}")
        self.size = length
        return 0

    cpdef int cut_last(self) except -1:
        return self.cut(self.size - 1)

    cpdef bytes to_bytes(self):
        return PyBytes_FromStringAndSize(self.data, self.size)


cpdef bint is_common(double number) noexcept:
    return number == 0 or 1e-4 <= number < 1e16 or -1e16 < number <= -1e-4


cdef extern from *:
    """
    #ifdef __SSE2__
    #include <emmintrin.h>
    #endif

    /* Copy JSON, with a space after each comma and colon outside strings. It may write up to 16
       bytes more than it returns. `bits` are those of all bytes; `has_ul` says whether these two
       letters follow each other, as they do in null. */
    static unsigned char* clu_add_spaced(
        unsigned char* to,
        const unsigned char* from,
        Py_ssize_t size,
        unsigned char* bits,
        int* has_ul
    ) {
        Py_ssize_t at = 0, escaped = -1;
        int is_string = 0;
        *bits = 0;
        *has_ul = 0;
    #ifdef __SSE2__
        __m128i all = _mm_setzero_si128(), uls = _mm_setzero_si128();
        const __m128i us = _mm_set1_epi8('u'), ls = _mm_set1_epi8('l');
        const __m128i quotes = _mm_set1_epi8('"'), backslashes = _mm_set1_epi8(0x5C);
        const __m128i commas = _mm_set1_epi8(','), colons = _mm_set1_epi8(':');
        /* What is read begins in these 16 bytes, and may end in the next ones. */
        for (; at + 32 <= size; at += 16) {
            const __m128i block = _mm_loadu_si128((const __m128i*)(from + at));
            const __m128i found = _mm_or_si128(
                _mm_or_si128(_mm_cmpeq_epi8(block, quotes), _mm_cmpeq_epi8(block, backslashes)),
                _mm_or_si128(_mm_cmpeq_epi8(block, commas), _mm_cmpeq_epi8(block, colons))
            );
            unsigned int marks = (unsigned int)_mm_movemask_epi8(found);
            Py_ssize_t copied = at;
            const __m128i next = _mm_loadu_si128((const __m128i*)(from + at + 1));
            all = _mm_or_si128(all, block);
            uls = _mm_or_si128(
                uls, _mm_and_si128(_mm_cmpeq_epi8(block, us), _mm_cmpeq_epi8(next, ls))
            );
            while (marks) {
                const Py_ssize_t mark = at + __builtin_ctz(marks);
                const unsigned char letter = from[mark];
                marks &= marks - 1;
                if (letter == '"') {
                    is_string ^= mark != escaped;
                } else if (letter == 0x5C) {
                    if (mark != escaped) escaped = mark + 1;
                } else if (!is_string) {
                    _mm_storeu_si128(
                        (__m128i*)to, _mm_loadu_si128((const __m128i*)(from + copied))
                    );
                    to += mark + 1 - copied;
                    *to++ = ' ';
                    copied = mark + 1;
                }
            }
            _mm_storeu_si128((__m128i*)to, _mm_loadu_si128((const __m128i*)(from + copied)));
            to += at + 16 - copied;
        }
        if (_mm_movemask_epi8(all)) *bits = 0x80;
        *has_ul = _mm_movemask_epi8(uls) != 0;
    #endif
        for (; at < size; at++) {
            const unsigned char letter = from[at];
            *to++ = letter;
            *bits |= letter;
            if (letter == 'l' && at && from[at - 1] == 'u') *has_ul = 1;
            if (letter == '"') {
                is_string ^= at != escaped;
            } else if (letter == 0x5C) {
                if (at != escaped) escaped = at + 1;
            } else if (!is_string && (letter == ',' || letter == ':')) {
                *to++ = ' ';
            }
        }
        return to;
    }
    """
    unsigned char* clu_add_spaced(
        unsigned char*, const unsigned char*, Py_ssize_t, unsigned char*, bint*
    ) noexcept nogil


cdef bytes _put_between(bytes encoded, bytes start, bytes end, bint only_plain):
    cdef unsigned char bits
    cdef bint has_ul
    cdef Py_ssize_t size, before, after, most
    cdef unsigned char short_text[1024]
    cdef unsigned char* text = short_text
    cdef unsigned char* to
    if encoded is None or start is None or end is None:
        raise TypeError("the bytes are missing")
    size, before, after = PyBytes_GET_SIZE(encoded), PyBytes_GET_SIZE(start), PyBytes_GET_SIZE(end)
    most = before + 2 * size + after + 16
    if most > <Py_ssize_t>sizeof(short_text):
        text = <unsigned char*>malloc(most)
        if text == NULL:
            raise MemoryError
    memcpy(text, PyBytes_AS_STRING(start), before)
    to = clu_add_spaced(
        text + before, <const unsigned char*>PyBytes_AS_STRING(encoded), size, &bits, &has_ul
    )
    memcpy(to, PyBytes_AS_STRING(end), after)
    to += after
    try:
        if only_plain and (bits >= 128 or has_ul and b"null" in encoded):
            return None
        return PyBytes_FromStringAndSize(<char*>text, to - text)
    finally:
        if text != short_text:
            free(text)


cpdef bytes spaced(bytes encoded, bytes start, bytes end):
    return _put_between(encoded, start, end, False)


cpdef bytes spaced_if_plain(bytes encoded, bytes start, bytes end):
    return _put_between(encoded, start, end, True)


cpdef bint is_ascii(bytes encoded) except -1:
    cdef Py_ssize_t at
    cdef const unsigned char* letters
    cdef unsigned char bits = 0
    if encoded is None:
        raise TypeError("the bytes are missing")
    letters = <const unsigned char*>PyBytes_AS_STRING(encoded)
    for at in range(PyBytes_GET_SIZE(encoded)):
        bits |= letters[at]
    return bits < 128


# Nothing here runs Python code, so that borrowed references stay valid.
cdef bint _is_within(PyObject* value, int depth) noexcept:
    cdef Py_ssize_t at = 0
    cdef PyObject* item = NULL
    if depth < 0:
        return False
    if PyType_HasFeature(Py_TYPE(value), Py_TPFLAGS_DICT_SUBCLASS):
        while PyDict_Next(value, &at, NULL, &item):
            if PyType_HasFeature(Py_TYPE(item), CONTAINER) and not _is_within(item, depth - 1):
                return False
    elif PyType_HasFeature(Py_TYPE(value), Py_TPFLAGS_LIST_SUBCLASS):
        for at in range(PyList_GET_SIZE(value)):
            item = PyList_GET_ITEM(value, at)
            if PyType_HasFeature(Py_TYPE(item), CONTAINER) and not _is_within(item, depth - 1):
                return False
    else:
        for at in range(PyTuple_GET_SIZE(value)):
            item = PyTuple_GET_ITEM(value, at)
            if PyType_HasFeature(Py_TYPE(item), CONTAINER) and not _is_within(item, depth - 1):
                return False
    return True


cdef class Depth:
    def __init__(self, int limit):
        self.limit = min(limit, LARGEST_DEPTH)

    cpdef bint admits(self, object value) noexcept:
        cdef PyObject* item = <PyObject*>value
        return not PyType_HasFeature(Py_TYPE(item), CONTAINER) or _is_within(item, self.limit)
