"""Selects the build of the opscore kernel."""

from typing import TYPE_CHECKING

from clu._speedups import NO_EXTENSIONS

if TYPE_CHECKING or NO_EXTENSIONS:
    from clu._speedups import opscore_py as _kernel
else:
    try:
        from clu._speedups import opscore_c as _kernel
    except ImportError:
        from clu._speedups import opscore_py as _kernel

ActorReplyHeaderBase = _kernel.ActorReplyHeaderBase
BareConverter = _kernel.BareConverter
BoolConverter = _kernel.BoolConverter
CallConverter = _kernel.CallConverter
Converter = _kernel.Converter
EnumConverter = _kernel.EnumConverter
FloatConverter = _kernel.FloatConverter
HexConverter = _kernel.HexConverter
IntConverter = _kernel.IntConverter
KeywordBase = _kernel.KeywordBase
KeywordsBase = _kernel.KeywordsBase
Plan = _kernel.Plan
ReplyBase = _kernel.ReplyBase
ReplyHeaderBase = _kernel.ReplyHeaderBase
Scanner = _kernel.Scanner
UIntConverter = _kernel.UIntConverter
blanks_end = _kernel.blanks_end
name_end = _kernel.name_end
native_values = _kernel.native_values
quoted_end = _kernel.quoted_end
update_keys = _kernel.update_keys
word_end = _kernel.word_end
