"""Selects the build of the received kernel."""

from typing import TYPE_CHECKING

from clu._speedups import NO_EXTENSIONS

if TYPE_CHECKING or NO_EXTENSIONS:
    from clu._speedups import received_py as _kernel
else:
    try:
        from clu._speedups import received_c as _kernel
    except ImportError:
        from clu._speedups import received_py as _kernel

NOT_JSON = _kernel.NOT_JSON
NOT_OBJECT = _kernel.NOT_OBJECT
NO_CODE = _kernel.NO_CODE
OTHER_COMMAND = _kernel.OTHER_COMMAND
ReceivedReply = _kernel.ReceivedReply
ReplyReceiver = _kernel.ReplyReceiver
SeenMessages = _kernel.SeenMessages
decode_headers = _kernel.decode_headers
decode_json = _kernel.decode_json
