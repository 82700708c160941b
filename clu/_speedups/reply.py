"""Selects the build of the reply kernel."""

from typing import TYPE_CHECKING

from clu._speedups import NO_EXTENSIONS

if TYPE_CHECKING or NO_EXTENSIONS:
    from clu._speedups import reply_py as _kernel
else:
    try:
        from clu._speedups import reply_c as _kernel
    except ImportError:
        from clu._speedups import reply_py as _kernel

ReplyFields = _kernel.ReplyFields
encode_compact_line = _kernel.encode_compact_line
encode_json = _kernel.encode_json
encode_line = _kernel.encode_line
format_line = _kernel.format_line
format_reply = _kernel.format_reply
format_value = _kernel.format_value
json_text = _kernel.json_text
prepare_reply = _kernel.prepare_reply
would_log = _kernel.would_log
