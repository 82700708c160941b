cpdef bint is_within(long long value, long long mask)

cpdef bint is_combination(long long value)

cpdef list active_bits(long long value, list members)
