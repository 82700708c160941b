cimport cython

cdef int MAX_DEPTH

cdef class Node:
    cdef bint check(self, object value, int depth) except -1

cdef class Wrapper(Node):
    cdef Node node

cdef class Group(Node):
    cdef list nodes

cdef class Foreign(Node):
    cdef object schema
    cdef object fast
    cdef bint is_new
    cdef object validator
    cdef bint check_slowly(self, object value) except -1

cdef class Reference(Node):
    cdef Node target

cdef class Type(Node):
    cdef object first
    cdef object second
    cdef frozenset exact
    cdef tuple names

cdef class Object(Node):
    cdef bint others
    cdef Py_ssize_t least
    cdef Py_ssize_t most
    cdef tuple required
    cdef dict properties
    cdef list patterns
    cdef object known
    cdef Node extra
    @cython.locals(node=Node)
    cdef bint check_patterns(self, object name, object item, int depth) except -1
    @cython.locals(properties=dict, node=Node)
    cdef bint check(self, object value, int depth) except -1

cdef class PropertyNames(Wrapper):
    pass

cdef class Dependency(Node):
    cdef object name
    cdef Node node

cdef class Array(Node):
    cdef bint others
    cdef Py_ssize_t least
    cdef Py_ssize_t most
    cdef Node item
    @cython.locals(node=Node)
    cdef bint check(self, object value, int depth) except -1

cdef class Positions(Node):
    cdef list nodes
    cdef Node rest
    @cython.locals(node=Node, index=Py_ssize_t)
    cdef bint check(self, object value, int depth) except -1

cdef class Contains(Wrapper):
    pass

cdef class Unique(Node):
    pass

cdef class String(Node):
    cdef bint others
    cdef Py_ssize_t least
    cdef Py_ssize_t most
    cdef object pattern

cdef class Number(Node):
    cdef bint others
    cdef bint whole
    cdef object minimum
    cdef object maximum
    cdef object above
    cdef object below

cdef class Multiple(Node):
    cdef object divisor

cdef class Choice(Node):
    cdef dict scalars
    cdef tuple options
    cdef bint others
    @cython.locals(values=frozenset)
    cdef bint check(self, object value, int depth) except -1

cdef class AllOf(Group):
    @cython.locals(node=Node)
    cdef bint check(self, object value, int depth) except -1

cdef class AnyOf(Group):
    @cython.locals(node=Node)
    cdef bint check(self, object value, int depth) except -1

cdef class OneOf(Group):
    @cython.locals(node=Node, found=bint)
    cdef bint check(self, object value, int depth) except -1

cdef class Not(Wrapper):
    pass

cdef class Conditional(Node):
    cdef Node condition
    cdef Node then
    cdef Node otherwise
    @cython.locals(node=Node)
    cdef bint check(self, object value, int depth) except -1

cdef class CompiledSchema:
    cdef object schema
    cdef Node root

cdef bint matches(object pattern, object name) except -1

cdef bint equal(object one, object two, int depth) except -1

cdef bint is_array(object value) except -1

cdef bint is_plain(object value, int depth) except -1

cdef bint is_number(object value) except -1

cdef bint has_type(object value, object name) except -1

cdef bint unique(object items, int depth) except -1
