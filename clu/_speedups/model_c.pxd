cimport cython

cdef class PropertyFields:
    cdef public object _value
    cdef public object last_seen
    cdef public object _callbacks

# Not dict: Cython takes that to exclude subclasses, which users may pass.
@cython.locals(known=dict, prop=PropertyFields)
cpdef object update_properties(object model, object message)

@cython.locals(values=dict, prop=PropertyFields)
cpdef object values_of(object model, object plain)
