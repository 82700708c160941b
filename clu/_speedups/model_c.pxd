cimport cython

cdef class PropertyFields:
    cdef public object _value
    cdef public object last_seen
    cdef public object model
    cdef public object in_schema
    cdef public object name
    cdef public object _callbacks
    cdef public object _running

    @cython.locals(twin=PropertyFields)
    cpdef object _copied(self, object cls)

# Not dict: Cython takes that to exclude subclasses, which users may pass.
@cython.locals(known=dict, prop=PropertyFields)
cpdef object update_properties(object model, object message)

@cython.locals(values=dict, prop=PropertyFields)
cpdef object values_of(object model, object plain)

cdef class Caller:
    cdef object _capacity_of
    cdef object _report

    @cython.locals(capacity=int)
    cpdef object call(self, object callback, tuple args)
