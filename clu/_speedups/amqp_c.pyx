# cython: binding=False
"""The AMQP 0-9-1 codec: publishes are encoded, the frames of a byte stream are split and decoded.

It knows nothing of sockets. Every length is compared with the end of the frame that holds it
before a byte is read. Its interpreted twin, which says the same in Python, is ``amqp_py.py``.

Whatever a function is given, it reads no foreign memory. So arguments are objects until they were
looked at, classes take theirs in ``__cinit__``, which nobody can leave out, and nothing that calls
Python code keeps a pointer, or a buffer that another call could use, meanwhile. Methods are not
bound by Cython, which does not look what ``self`` is.
"""

import datetime
import decimal

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.long cimport PyLong_AsLongLongAndOverflow, PyLong_CheckExact
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcmp, memcpy

cdef extern from "Python.h":
    const char* PyUnicode_AsUTF8AndSize(object, Py_ssize_t*) except NULL
    object PyNumber_Index(object)
    unsigned long long PyLong_AsUnsignedLongLong(object) except? 0xFFFFFFFFFFFFFFFF

# What a peer may send before it has told how long its frames are, and if it sets no limit.
cdef uint64_t DEF_LIMIT = 1 << 20
cdef uint64_t NO_LIMIT = 1 << 30
cdef Py_ssize_t LONGEST = 0xFFFFFFFF
cdef enum:
    METHOD = 1
    HEADER = 2
    BODY = 3
    HEARTBEAT = 8
    END = 0xCE
    OVERHEAD = 8  # the header and the end of a frame
    DEEPEST = 32  # tables within tables
    RECENT = 128  # strings that are kept
    SHORT = 64  # bytes of such a string at most

cdef object _utc = datetime.timezone.utc
cdef object _datetime = datetime.datetime
cdef object _fromtimestamp = datetime.datetime.fromtimestamp
cdef object _Decimal = decimal.Decimal


class FrameError(ValueError):
    """The peer sent what is not AMQP: the connection cannot go on."""


class PropertiesError(ValueError):
    """The properties of one message cannot be decoded."""


cdef inline void put16(uint8_t* p, uint32_t v) noexcept nogil:
    p[0] = (v >> 8) & 255
    p[1] = v & 255


cdef inline void put32(uint8_t* p, uint32_t v) noexcept nogil:
    p[0] = v >> 24
    p[1] = (v >> 16) & 255
    p[2] = (v >> 8) & 255
    p[3] = v & 255


cdef inline void put64(uint8_t* p, uint64_t v) noexcept nogil:
    put32(p, <uint32_t>(v >> 32))
    put32(p + 4, <uint32_t>v)


cdef inline uint32_t get16(const uint8_t* p) noexcept nogil:
    return (<uint32_t>p[0] << 8) | p[1]


cdef inline uint32_t get32(const uint8_t* p) noexcept nogil:
    return (<uint32_t>p[0] << 24) | (<uint32_t>p[1] << 16) | (<uint32_t>p[2] << 8) | p[3]


cdef inline uint64_t get64(const uint8_t* p) noexcept nogil:
    return (<uint64_t>get32(p) << 32) | get32(p + 4)


# -- arguments ----------------------------------------------------------------------------


cdef inline str a_string(object value, str what):
    if type(value) is str:
        return <str>value
    if not isinstance(value, str):
        raise TypeError(f"{what} is not a string: {value!r}")
    return str.__str__(value)


cdef int channel_number(object value) except -1:
    cdef int overflow = 0
    if not PyLong_CheckExact(value):
        value = PyNumber_Index(value)
    cdef long long number = PyLong_AsLongLongAndOverflow(value, &overflow)
    if overflow or not 0 <= number <= 0xFFFF:
        raise ValueError(f"there is no channel {value}")
    return <int>number


cdef Py_ssize_t frame_limit(object value) except? -1:
    """Return the longest frame; a number that is too large for C is a limit for nothing."""
    cdef int overflow = 0
    if not PyLong_CheckExact(value):
        value = PyNumber_Index(value)
    cdef long long number = PyLong_AsLongLongAndOverflow(value, &overflow)
    if overflow:
        return 0
    return <Py_ssize_t>number


cdef uint64_t a_number(object value, str what) except? 0xFFFFFFFFFFFFFFFF:
    if not PyLong_CheckExact(value):
        value = PyNumber_Index(value)
    try:
        return PyLong_AsUnsignedLongLong(value)
    except OverflowError:
        raise ValueError(f"{what} is not a number of 64 bits: {value}") from None


# -- out ----------------------------------------------------------------------------------


cdef class _Buffer:
    """Bytes that grow."""

    cdef uint8_t* data
    cdef Py_ssize_t size
    cdef Py_ssize_t capacity

    def __dealloc__(self):
        free(self.data)

    cdef uint8_t* room(self, Py_ssize_t extra) except NULL:
        """Return where to write some further bytes."""
        cdef Py_ssize_t capacity
        cdef uint8_t* data
        if self.size + extra > self.capacity:
            capacity = 2 * (self.size + extra) + 512
            data = <uint8_t*>realloc(self.data, capacity)
            if data == NULL:
                raise MemoryError()
            self.data = data
            self.capacity = capacity
        return self.data + self.size

    cdef int short_text(self, object text, str what) except -1:
        cdef Py_ssize_t length
        cdef const char* s = PyUnicode_AsUTF8AndSize(text, &length)
        cdef uint8_t* p
        if length > 255:
            raise ValueError(f"{what} is longer than 255 bytes: {text!r}")
        p = self.room(length + 1)
        p[0] = <uint8_t>length
        memcpy(p + 1, s, length)
        self.size += length + 1
        return 0

    cdef int long_bytes(self, uint8_t tag, const char* s, Py_ssize_t length) except -1:
        cdef uint8_t* p
        if length > LONGEST:
            raise ValueError("a value in the headers is too long")
        p = self.room(length + 5)
        p[0] = tag
        put32(p + 1, <uint32_t>length)
        memcpy(p + 5, s, length)
        self.size += length + 5
        return 0

    cdef int number(self, uint8_t tag, uint64_t bits, int width) except -1:
        cdef uint8_t* p = self.room(width + 1)
        cdef int i
        p[0] = tag
        for i in range(width):
            p[1 + i] = (bits >> (8 * (width - 1 - i))) & 255
        self.size += width + 1
        return 0

    cdef int end_of(self, Py_ssize_t start) except -1:
        """Write how long what has just ended is, in the four bytes at its start."""
        if self.size - start - 4 > LONGEST:
            raise ValueError("a value in the headers is too long")
        put32(self.data + start, <uint32_t>(self.size - start - 4))
        return 0

    cdef int table(self, object table, int depth) except -1:
        cdef Py_ssize_t start
        self.room(4)
        start = self.size
        self.size += 4
        for key, value in table.items():
            if not isinstance(key, str):
                raise TypeError(f"the key {key!r} in the headers is not a string")
            self.short_text(key, "a key in the headers")
            self.value(value, depth)
        return self.end_of(start)

    cdef int value(self, object value, int depth) except -1:
        cdef Py_ssize_t length, start
        cdef const char* s
        cdef uint8_t* p
        cdef int64_t number
        cdef double real
        cdef uint64_t bits
        if isinstance(value, str):
            s = PyUnicode_AsUTF8AndSize(value, &length)
            return self.long_bytes(c"S", s, length)
        if value is None:
            p = self.room(1)
            p[0] = c"V"
            self.size += 1
            return 0
        if isinstance(value, bool):
            return self.number(c"t", 1 if value else 0, 1)
        if isinstance(value, int):
            try:
                number = value
            except OverflowError:
                raise ValueError("a number in the headers is too large") from None
            if -128 <= number <= 127:
                return self.number(c"b", <uint64_t>number, 1)
            if -32768 <= number <= 32767:
                return self.number(c"s", <uint64_t>number, 2)
            if -2147483648 <= number <= 2147483647:
                return self.number(c"I", <uint64_t>number, 4)
            return self.number(c"l", <uint64_t>number, 8)
        if isinstance(value, float):
            real = value
            memcpy(&bits, &real, 8)
            return self.number(c"d", bits, 8)
        if isinstance(value, (bytes, bytearray)):
            encoded = bytes(value)
            return self.long_bytes(
                c"x" if isinstance(value, bytearray) else c"S",
                PyBytes_AS_STRING(encoded),
                PyBytes_GET_SIZE(encoded),
            )
        if isinstance(value, _datetime):
            if value.tzinfo is None:
                value = value.replace(tzinfo=_utc)
            seconds = int(value.timestamp())
            if seconds < 0:
                raise ValueError(f"the time {value} in the headers is before 1970")
            return self.number(c"T", <uint64_t>seconds, 8)
        if isinstance(value, _Decimal):
            return self.decimal(value)
        if depth >= DEEPEST:
            raise ValueError("the headers are nested too deeply")
        if isinstance(value, dict):
            p = self.room(1)
            p[0] = c"F"
            self.size += 1
            return self.table(value, depth + 1)
        if isinstance(value, (list, tuple)):
            p = self.room(5)
            p[0] = c"A"
            start = self.size + 1
            self.size += 5
            for item in value:
                self.value(item, depth + 1)
            return self.end_of(start)
        raise TypeError(f"a value of type {type(value).__name__} cannot be in the headers")

    cdef int decimal(self, object value) except -1:
        cdef uint8_t* p
        cdef bint fits = False
        sign, digits, exponent = _Decimal.as_tuple(value)
        mantissa = 0
        # Not a number of Python before it is known to be short.
        if isinstance(exponent, int) and (not value or _Decimal.adjusted(value) < 10):
            for digit in digits:
                mantissa = 10 * mantissa + digit
            if mantissa and exponent > 0:
                mantissa *= 10**exponent
            if sign:
                mantissa = -mantissa
            fits = -exponent < 256 and -(2**31) <= mantissa < 2**31
        if not fits:
            raise ValueError(f"the number {value} cannot be in the headers")
        scale = max(-exponent, 0)
        p = self.room(6)
        p[0] = c"D"
        p[1] = scale
        put32(p + 2, <uint32_t><int32_t>mantissa)
        self.size += 6
        return 0

    cdef Py_ssize_t open_frame(self, int kind, int channel) except -1:
        cdef uint8_t* p = self.room(7)
        p[0] = kind
        put16(p + 1, channel)
        self.size += 7
        return self.size

    cdef int close_frame(self, Py_ssize_t start) except -1:
        cdef uint8_t* p = self.room(1)
        if self.size - start > LONGEST:
            raise ValueError("the headers are too long")
        p[0] = END
        put32(self.data + start - 4, <uint32_t>(self.size - start))
        self.size += 1
        return 0


cdef class Publisher:
    """Encodes messages for one exchange.

    Parameters
    ----------
    exchange
        The name of the exchange.
    content_type
        The content type of the messages.
    """

    # None while it is in use: what a header is encoded with may call `encode`.
    cdef _Buffer buffer
    cdef str exchange
    cdef str content_type

    def __cinit__(self, exchange, content_type):
        self.exchange = a_string(exchange, "the name of the exchange")
        self.content_type = a_string(content_type, "the content type")

    def encode(
        self,
        channel,
        frame_max,
        routing_key,
        body,
        headers,
        message_id,
        correlation_id,
        reply_to,
        timestamp,
        is_mandatory,
    ):
        """Return the frames that publish a message.

        Parameters
        ----------
        channel
            The number of the channel.
        frame_max
            The longest frame in bytes; 0 stands for no limit.
        routing_key
            Where the message goes.
        body, headers, message_id, correlation_id, reply_to
            What it consists of.
        timestamp
            The time in seconds, or None.
        is_mandatory
            Whether the message comes back if it reaches no queue.

        Returns
        -------
        frames
            The bytes to send.

        Raises
        ------
        ValueError, TypeError
            If a part is too long, or of a type that AMQP does not have.
        """
        cdef _Buffer buffer = self.buffer
        cdef int number = channel_number(channel)
        cdef Py_ssize_t limit = frame_limit(frame_max)
        cdef str key = a_string(routing_key, "the routing key")
        cdef bint mandatory = is_mandatory
        cdef Py_ssize_t start, flags_at, length, left, piece, most
        cdef uint32_t flags = (1 << 15) | (1 << 13) | (1 << 12)
        cdef uint64_t seconds
        cdef uint8_t* p
        cdef const char* source
        cdef bytes frames
        if buffer is None:
            buffer = _Buffer()
        self.buffer = None
        buffer.size = 0
        start = buffer.open_frame(METHOD, number)
        p = buffer.room(6)
        put16(p, 60)
        put16(p + 2, 40)
        put16(p + 4, 0)
        buffer.size += 6
        buffer.short_text(self.exchange, "the name of the exchange")
        buffer.short_text(key, "the routing key")
        p = buffer.room(1)
        p[0] = mandatory
        buffer.size += 1
        buffer.close_frame(start)
        if not isinstance(body, bytes):
            raise TypeError(f"the body is not bytes: {body!r}")
        source = PyBytes_AS_STRING(body)
        length = PyBytes_GET_SIZE(body)
        start = buffer.open_frame(HEADER, number)
        p = buffer.room(14)
        put16(p, 60)
        put16(p + 2, 0)
        put64(p + 4, length)
        buffer.size += 14
        flags_at = buffer.size - 2
        buffer.short_text(self.content_type, "the content type")
        if not isinstance(headers, dict):
            raise TypeError(f"the headers are not a dictionary: {headers!r}")
        buffer.table(headers, 0)
        p = buffer.room(1)
        p[0] = 1  # not persistent
        buffer.size += 1
        if correlation_id is not None:
            flags |= 1 << 10
            a_string(correlation_id, "the correlation id")
            buffer.short_text(correlation_id, "the correlation id")
        if reply_to is not None:
            flags |= 1 << 9
            a_string(reply_to, "the name of the queue for replies")
            buffer.short_text(reply_to, "the name of the queue for replies")
        if message_id is not None:
            flags |= 1 << 7
            a_string(message_id, "the message id")
            buffer.short_text(message_id, "the message id")
        if timestamp is not None:
            flags |= 1 << 6
            seconds = a_number(timestamp, "the time")
            p = buffer.room(8)
            put64(p, seconds)
            buffer.size += 8
        put16(buffer.data + flags_at, flags)
        if limit > 0 and buffer.size - start + OVERHEAD > limit:
            raise ValueError(f"the headers are longer than {limit} bytes")
        buffer.close_frame(start)
        most = limit - OVERHEAD if limit > OVERHEAD else LONGEST
        left = (length + most - 1) // most
        frames = PyBytes_FromStringAndSize(NULL, buffer.size + length + left * OVERHEAD)
        p = <uint8_t*>PyBytes_AS_STRING(frames)
        memcpy(p, buffer.data, buffer.size)
        p += buffer.size
        left = length
        while left > 0:
            piece = min(left, most)
            p[0] = BODY
            put16(p + 1, number)
            put32(p + 3, <uint32_t>piece)
            memcpy(p + 7, source, piece)
            p[7 + piece] = END
            p += piece + OVERHEAD
            source += piece
            left -= piece
        self.buffer = buffer
        return frames


def encode_ack(channel, delivery_tag):
    """Return the frame that acknowledges one message."""
    cdef uint64_t tag = a_number(delivery_tag, "the delivery tag")
    cdef int number = channel_number(channel)
    cdef bytes frame = PyBytes_FromStringAndSize(NULL, 21)
    cdef uint8_t* p = <uint8_t*>PyBytes_AS_STRING(frame)
    p[0] = METHOD
    put16(p + 1, number)
    put32(p + 3, 13)
    put16(p + 7, 60)
    put16(p + 9, 80)
    put64(p + 11, tag)
    p[19] = 0
    p[20] = END
    return frame


def has_long_number(text):
    """Whether there are 19 digits in a row, which not every JSON parser reads exactly."""
    if not isinstance(text, bytes):
        raise TypeError(f"the text is not bytes: {text!r}")
    cdef const char* p = PyBytes_AS_STRING(text)
    cdef Py_ssize_t size = PyBytes_GET_SIZE(text), i = 18, back
    while i < size:
        # A run of 19 digits has one at every 19th place: look from there.
        if c"0" <= p[i] <= c"9":
            back = i
            while back > 0 and c"0" <= p[back - 1] <= c"9":
                back -= 1
            while i + 1 < size and c"0" <= p[i + 1] <= c"9":
                i += 1
            if i - back >= 18:
                return True
        i += 19
    return False


# -- in -----------------------------------------------------------------------------------


cdef class _Reader:
    """Reads values from a part of a frame, and never beyond it.

    The names and values in the headers, and the ids of commands, come again and again: a short
    string that has come before is mostly the same object.
    """

    cdef const uint8_t* p
    cdef const uint8_t* end
    cdef bint has_bytes
    # Some strings of those that were read, each at the place that its length and bytes choose.
    cdef list recent

    def __cinit__(self):
        self.recent = [None] * RECENT

    cdef const uint8_t* take(self, uint64_t length) except NULL:
        cdef const uint8_t* p = self.p
        if length > <uint64_t>(self.end - p):
            raise PropertiesError("a value ends after its frame")
        self.p = p + length
        return p

    cdef str short_text(self):
        cdef Py_ssize_t length = self.take(1)[0]
        cdef const uint8_t* p = self.take(length)
        return PyUnicode_DecodeUTF8(<const char*>p, length, "replace")

    cdef str usual_text(self):
        """Read a short string that may have come before."""
        cdef Py_ssize_t length = self.take(1)[0]
        cdef const uint8_t* p = self.take(length)
        return self.decoded(p, length, "replace")

    cdef str decoded(self, const uint8_t* p, Py_ssize_t length, const char* errors):
        cdef Py_ssize_t place, size
        cdef const char* s
        if not 0 < length <= SHORT:
            return PyUnicode_DecodeUTF8(<const char*>p, length, errors)
        place = (31 * length + 7 * p[0] + 13 * p[length >> 1] + p[length - 1]) % RECENT
        text = self.recent[place]
        if text is not None:
            s = PyUnicode_AsUTF8AndSize(text, &size)
            if size == length and memcmp(s, p, length) == 0:
                return text
        text = PyUnicode_DecodeUTF8(<const char*>p, length, errors)
        self.recent[place] = text
        return text

    cdef dict table(self, int depth):
        cdef uint32_t length = get32(self.take(4))
        cdef const uint8_t* p = self.take(length)
        cdef const uint8_t* end = self.end
        cdef dict table = {}
        self.p = p
        self.end = p + length
        while self.p < self.end:
            key = self.usual_text()
            table[key] = self.value(depth)
        self.end = end
        return table

    cdef list array(self, int depth):
        cdef uint32_t length = get32(self.take(4))
        cdef const uint8_t* p = self.take(length)
        cdef const uint8_t* end = self.end
        cdef list array = []
        self.p = p
        self.end = p + length
        while self.p < self.end:
            array.append(self.value(depth))
        self.end = end
        return array

    cdef object time(self):
        cdef uint64_t seconds = get64(self.take(8))
        try:
            # Some clients send milliseconds; so large a number of seconds is after 2106.
            return _fromtimestamp(seconds / 1000.0 if seconds > 0xFFFFFFFF else seconds, _utc)
        except (ValueError, OverflowError, OSError):
            raise PropertiesError(f"{seconds} is not a time") from None

    cdef object value(self, int depth):
        cdef uint8_t tag = self.take(1)[0]
        cdef uint32_t length
        cdef const uint8_t* p
        cdef uint32_t bits32
        cdef uint64_t bits64
        cdef float single
        cdef double real
        if tag == c"S":
            length = get32(self.take(4))
            p = self.take(length)
            try:
                return self.decoded(p, length, NULL)
            except UnicodeDecodeError:
                self.has_bytes = True
                return PyBytes_FromStringAndSize(<const char*>p, length)
        if tag == c"t":
            return self.take(1)[0] != 0
        if tag == c"V" or tag == 0:
            return None
        if tag == c"b":
            return <int8_t>self.take(1)[0]
        if tag == c"B":
            return self.take(1)[0]
        if tag == c"s" or tag == c"U":
            return <int16_t>get16(self.take(2))
        if tag == c"u":
            return <uint16_t>get16(self.take(2))
        if tag == c"I":
            return <int32_t>get32(self.take(4))
        if tag == c"i":
            return get32(self.take(4))
        if tag == c"l" or tag == c"L":
            return <int64_t>get64(self.take(8))
        if tag == c"f":
            bits32 = get32(self.take(4))
            memcpy(&single, &bits32, 4)
            return single
        if tag == c"d":
            bits64 = get64(self.take(8))
            memcpy(&real, &bits64, 8)
            return real
        if tag == c"T":
            return self.time()
        if tag == c"D":
            p = self.take(5)
            # From a string it is exact, whatever the context.
            return _Decimal(f"{<int32_t>get32(p + 1)}E-{<int>p[0]}")
        if tag == c"x":
            length = get32(self.take(4))
            p = self.take(length)
            self.has_bytes = True
            return bytearray((<const char*>p)[:length])
        if depth >= DEEPEST:
            raise PropertiesError("the headers are nested too deeply")
        if tag == c"F":
            return self.table(depth + 1)
        if tag == c"A":
            return self.array(depth + 1)
        raise PropertiesError(f"a value in the headers is of an unknown type {tag}")


cdef class Delivery:
    """A message as the broker delivers it, or returns it.

    Attributes
    ----------
    malformed
        Why the properties could not be decoded, or None.
    has_bytes
        Whether a value in the headers is bytes.
    closes
        How often the channel had been closed before the message came.
    reply_code, reply_text
        Why a message came back; 0 and None for others.
    origin, is_settled
        For whoever handles the message; None and False at first.
    """

    cdef public int channel_number
    cdef public uint64_t delivery_tag
    cdef public bint redelivered
    cdef public str consumer_tag
    cdef public str exchange
    cdef public str routing_key
    cdef public bytes body
    cdef public dict headers
    cdef public str content_type
    cdef public str content_encoding
    cdef public object raw_delivery_mode
    cdef public object raw_priority
    cdef public str correlation_id
    cdef public str reply_to
    cdef public str raw_expiration
    cdef public str message_id
    cdef public object timestamp_seconds
    cdef public str type
    cdef public str user_id
    cdef public str app_id
    cdef public str cluster_id
    cdef public str malformed
    cdef public object origin
    cdef public bint is_settled
    cdef public bint has_bytes
    cdef public int closes
    cdef public int reply_code
    cdef public str reply_text
    cdef object handler
    cdef bint has_header
    cdef uint64_t left
    cdef list pieces

    def __init__(self):
        """Take no arguments."""

    def _fill(
        self,
        int channel_number,
        str exchange,
        str routing_key,
        bytes body,
        dict headers,
        str content_type,
        object delivery_mode,
        str message_id,
        str correlation_id,
        str reply_to,
        object timestamp_seconds,
    ):
        """Set what a message consists of: at once, as it takes less time."""
        self.channel_number = channel_number
        self.exchange = exchange
        self.routing_key = routing_key
        self.body = body
        self.headers = headers
        self.content_type = content_type
        self.raw_delivery_mode = delivery_mode
        self.message_id = message_id
        self.correlation_id = correlation_id
        self.reply_to = reply_to
        self.timestamp_seconds = timestamp_seconds

    def _address(
        self, int channel_number, uint64_t delivery_tag, bint redelivered, str consumer_tag
    ):
        """Set to whom the message is delivered."""
        self.channel_number = channel_number
        self.delivery_tag = delivery_tag
        self.redelivered = redelivered
        self.consumer_tag = consumer_tag


cdef class Splitter:
    """Splits a stream into frames, takes those that are ours and passes on the others.

    Parameters
    ----------
    forward
        A function that is called with the bytes of frames that are not ours.
    message_class
        What messages are made of: `Delivery` or a class derived from it.
    consumers
        What to call with a message, by the bytes of the tag of its consumer.
    on_confirm
        Called with a delivery tag, whether all up to it are meant, and whether the broker
        has accepted the messages.
    on_return
        Called with a message that reached no queue.
    on_control
        Called with the channel, class and method when a connection or channel is closed,
        and when a connection is blocked and unblocked.

    Attributes
    ----------
    channel
        The channel whose confirmations and returned messages are ours; -1 for none.
    frame_max
        The longest frame that the broker takes; 0 before it has told.
    is_at_end
        Whether nothing follows what a function is called with, as far as is known.
    closes
        How often each channel was closed. A message has the number of when it was delivered.
    """

    cdef object forward, message_class, on_confirm, on_return, on_control
    cdef dict consumers
    # What has come of a frame that is not all there, its size, and what it must be.
    cdef list chunks
    cdef Py_ssize_t size
    cdef Py_ssize_t needed
    cdef dict parked
    cdef readonly dict closes
    cdef Delivery current
    cdef str failure
    cdef bint is_busy
    cdef bint is_started
    cdef bint is_foreign
    cdef uint64_t limit
    cdef _Reader reader
    # What takes the message that begins.
    cdef object handler
    cdef str exchange, routing_key, content_type
    cdef public int channel
    cdef public Py_ssize_t frame_max
    cdef public bint is_at_end

    def __cinit__(self, forward, message_class, consumers, on_confirm, on_return, on_control):
        for function in (forward, on_confirm, on_return, on_control):
            if not callable(function):
                raise TypeError(f"{function!r} is not a function")
        if not isinstance(message_class, type) or not issubclass(message_class, Delivery):
            raise TypeError(f"{message_class!r} is not a class of messages")
        if type(consumers) is not dict:
            raise TypeError(f"the consumers are not a dictionary: {consumers!r}")
        self.forward = forward
        self.message_class = message_class
        self.consumers = <dict>consumers
        self.on_confirm = on_confirm
        self.on_return = on_return
        self.on_control = on_control
        self.chunks = []
        self.parked = {}
        self.closes = {}
        self.limit = DEF_LIMIT
        self.reader = _Reader()
        self.exchange = self.routing_key = self.content_type = ""
        self.channel = -1

    def feed(self, data):
        """Take further bytes of the stream.

        An error of a function that is called leaves the stream where it was: call `feed`
        again, with nothing, to go on. None of the functions may call `feed`.

        Raises
        ------
        FrameError
            If the bytes are not AMQP. Nothing can be read from the stream any more.
        """
        if not isinstance(data, bytes):
            raise TypeError(f"the stream is not bytes: {data!r}")
        if self.is_busy:
            raise RuntimeError("a function that the splitter has called feeds it")
        if self.failure is not None:
            raise FrameError(self.failure)
        if self.chunks:
            # To join each chunk with those before it would copy a long frame again and again.
            self.chunks.append(data)
            self.size += PyBytes_GET_SIZE(data)
            if self.size < self.needed:
                return
            data = b"".join(self.chunks)
            self.chunks.clear()
        if not self.is_started and PyBytes_GET_SIZE(data):
            # A broker of another version answers with a header of its own, which is no frame.
            self.is_started = True
            self.is_foreign = PyBytes_AS_STRING(data)[0] == c"A"
        self.is_busy = True
        try:
            if not self.is_foreign:
                self.split(data)
            elif PyBytes_GET_SIZE(data):
                self.forward(data)
        finally:
            self.is_busy = False

    cdef int split(self, bytes data) except -1:
        cdef const uint8_t* p = <const uint8_t*>PyBytes_AS_STRING(data)
        cdef Py_ssize_t size = PyBytes_GET_SIZE(data), i = 0, run = 0, before, after, needed = 0
        cdef uint64_t length
        cdef int kind, channel
        cdef uint32_t method
        cdef bint is_ours
        cdef Delivery content
        try:
            while True:
                if size - i < 7:
                    needed = 7
                    break
                kind = p[i]
                length = get32(p + i + 3)
                if kind != METHOD and kind != HEADER and kind != BODY and kind != HEARTBEAT:
                    raise self.fail(f"there is no type of frame {kind}")
                if length + OVERHEAD > self.limit:
                    raise self.fail(f"a frame of {length} bytes is too long")
                if <uint64_t>(size - i) < length + OVERHEAD:
                    needed = <Py_ssize_t>length + OVERHEAD
                    break
                after = i + <Py_ssize_t>length + OVERHEAD
                if p[after - 1] != END:
                    raise self.fail("a frame does not end where it should")
                channel = get16(p + i + 1)
                content = None
                method = 0
                if kind == METHOD:
                    if length < 4:
                        raise self.fail("a method has no name")
                    method = get32(p + i + 7)
                    is_ours = self.is_our_method(channel, method, p + i + 11, p + after - 1)
                elif kind == HEARTBEAT:
                    is_ours = False
                else:
                    content = self.content_of(channel)
                    is_ours = content is not None
                if not is_ours:
                    if method:
                        if method == 0x000A001E:
                            self.tune(p + i + 11, p + after - 1)
                        elif (
                            method == 0x000A0032
                            or method == 0x000A003C
                            or method == 0x000A003D
                            or method == 0x00140028
                            or method == 0x00140029
                        ):
                            # What came before must be known first.
                            before, run, i = run, after, after
                            try:
                                self.forward(data[before:after])
                            finally:
                                self.control(channel, method)
                        elif self.content_of(channel) is not None:
                            raise self.fail("a method comes within a message")
                    i = after
                    continue
                if run < i:
                    before, run = run, i
                    self.forward(data[before:i])
                run = i = after
                self.is_at_end = after == size
                if kind == METHOD:
                    self.take_method(
                        channel, method, p + after - length + 3, p + after - 1
                    )
                elif kind == HEADER:
                    self.take_header(content, p + after - 1 - length, p + after - 1)
                else:
                    self.take_body(content, p + after - 1 - length, <Py_ssize_t>length)
        finally:
            if i < size:
                self.chunks.append(data[i:])
                self.size = size - i
                self.needed = needed
            if run < i:
                self.forward(data[run:i])
        return 0

    cdef object fail(self, str reason):
        self.failure = reason
        return FrameError(reason)

    cdef int tune(self, const uint8_t* p, const uint8_t* end) except -1:
        if end - p < 6:
            raise self.fail("the broker does not tell its limits")
        self.frame_max = get32(p + 2)
        self.limit = self.frame_max if self.frame_max else NO_LIMIT
        if self.limit < 4096:
            self.limit = 4096
        return 0

    cdef int control(self, int channel, uint32_t method) except -1:
        if method >> 16 == 20:
            self.closes[channel] = self.closes.get(channel, 0) + 1
            self.parked.pop(channel, None)
            if self.current is not None and self.current.channel_number == channel:
                self.current = None
        self.on_control(channel, method >> 16, method & 0xFFFF)
        return 0

    cdef Delivery content_of(self, int channel):
        """Return the message of ours that has begun on a channel."""
        cdef Delivery content = self.current
        if content is not None and content.channel_number == channel:
            return content
        if self.parked:
            content = self.parked.pop(channel, None)
            if content is not None:
                self.begin(content)
            return content
        return None

    cdef int begin(self, Delivery content) except -1:
        if self.current is not None:
            self.parked[self.current.channel_number] = self.current
        self.current = content
        return 0

    cdef bint is_our_method(
        self, int channel, uint32_t method, const uint8_t* p, const uint8_t* end
    ) except -1:
        if method == 0x003C003C:  # Basic.Deliver
            if end - p < 1 or end - p < 1 + p[0]:
                raise self.fail("a delivery has no consumer")
            tag = PyBytes_FromStringAndSize(<const char*>p + 1, p[0])
            self.handler = self.consumers.get(tag)
            return self.handler is not None
        if channel != self.channel:
            return False
        # Basic.Ack, Basic.Nack, Basic.Return
        return method == 0x003C0050 or method == 0x003C0078 or method == 0x003C0032

    cdef int take_method(
        self, int channel, uint32_t method, const uint8_t* p, const uint8_t* end
    ) except -1:
        cdef Delivery content = None
        cdef _Reader reader = self.reader
        cdef uint64_t tag = 0
        cdef uint8_t flags = 0
        cdef Py_ssize_t length
        cdef const uint8_t* q
        if self.content_of(channel) is not None:
            raise self.fail("a method comes within a message")
        if method == 0x003C003C or method == 0x003C0032:
            # It may call Python code: before there is a pointer that it could make invalid.
            made = self.message_class.__new__(self.message_class)
            if not isinstance(made, Delivery):
                raise TypeError(f"{self.message_class!r} makes no messages")
            content = <Delivery>made
            content.channel_number = channel
        reader.p = p
        reader.end = end
        try:
            if content is None:
                tag = get64(reader.take(8))
                flags = reader.take(1)[0]
            else:
                if method == 0x003C003C:
                    length = reader.take(1)[0]
                    q = reader.take(length)
                    content.consumer_tag = PyUnicode_DecodeUTF8(<const char*>q, length, "replace")
                    content.handler, self.handler = self.handler, None
                    content.delivery_tag = get64(reader.take(8))
                    content.redelivered = reader.take(1)[0] & 1
                    if self.closes:
                        content.closes = self.closes.get(channel, 0)
                else:
                    content.reply_code = get16(reader.take(2))
                    content.reply_text = reader.short_text()
                    content.handler = self.on_return
                content.exchange = self.exchange = self.known(self.exchange)
                content.routing_key = self.routing_key = self.known(self.routing_key)
        except PropertiesError:
            raise self.fail("a method ends too early") from None
        if content is None:
            self.on_confirm(tag, (flags & 1) != 0, method == 0x003C0050)
        else:
            self.begin(content)
        return 0

    cdef str known(self, str last):
        """Read a short string, which is often the same as last time."""
        cdef _Reader reader = self.reader
        cdef Py_ssize_t length = reader.take(1)[0]
        cdef Py_ssize_t size
        cdef const uint8_t* p = reader.take(length)
        cdef const char* s = PyUnicode_AsUTF8AndSize(last, &size)
        if size == length and memcmp(s, p, length) == 0:
            return last
        return PyUnicode_DecodeUTF8(<const char*>p, length, "replace")

    cdef int take_header(self, Delivery content, const uint8_t* p, const uint8_t* end) except -1:
        if content.has_header:
            raise self.fail("a message has two headers")
        if end - p < 14 or get16(p) != 60:
            raise self.fail("the header of a message is broken")
        content.has_header = True
        content.left = get64(p + 4)
        content.headers = {}
        try:
            self.take_properties(content, p + 12, end)
        except PropertiesError as error:
            content.malformed = str(error)
        if content.left == 0:
            content.body = b""
            self.deliver(content)
        return 0

    cdef int take_properties(
        self, Delivery content, const uint8_t* p, const uint8_t* end
    ) except -1:
        cdef _Reader reader = self.reader
        cdef uint32_t flags = get16(p)
        reader.p = p + 2
        reader.end = end
        reader.has_bytes = False
        if flags & 1:
            raise PropertiesError("there are more flags than properties")
        if flags & (1 << 15):
            content.content_type = self.content_type = self.known(self.content_type)
        if flags & (1 << 14):
            content.content_encoding = reader.short_text()
        if flags & (1 << 13):
            content.headers = reader.table(0)
            content.has_bytes = reader.has_bytes
        if flags & (1 << 12):
            content.raw_delivery_mode = reader.take(1)[0]
        if flags & (1 << 11):
            content.raw_priority = reader.take(1)[0]
        if flags & (1 << 10):
            content.correlation_id = reader.usual_text()
        if flags & (1 << 9):
            content.reply_to = reader.usual_text()
        if flags & (1 << 8):
            content.raw_expiration = reader.short_text()
        if flags & (1 << 7):
            content.message_id = reader.short_text()
        if flags & (1 << 6):
            content.timestamp_seconds = get64(reader.take(8))
        if flags & (1 << 5):
            content.type = reader.short_text()
        if flags & (1 << 4):
            content.user_id = reader.short_text()
        if flags & (1 << 3):
            content.app_id = reader.short_text()
        if flags & (1 << 2):
            content.cluster_id = reader.short_text()
        return 0

    cdef int take_body(self, Delivery content, const uint8_t* p, Py_ssize_t length) except -1:
        cdef bytes piece
        if not content.has_header:
            raise self.fail("a message has no header")
        if <uint64_t>length > content.left:
            raise self.fail("a message is longer than its header says")
        piece = PyBytes_FromStringAndSize(<const char*>p, length)
        content.left -= length
        if content.left:
            if content.pieces is None:
                content.pieces = []
            content.pieces.append(piece)
            return 0
        if content.pieces is None:
            content.body = piece
        else:
            content.pieces.append(piece)
            content.body = b"".join(content.pieces)
            content.pieces = None
        return self.deliver(content)

    cdef int deliver(self, Delivery content) except -1:
        handler = content.handler
        content.handler = None
        self.current = None
        handler(content)
        return 0
