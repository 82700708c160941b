"""Selects the build of the schema kernel."""

from typing import TYPE_CHECKING

from clu._speedups import NO_EXTENSIONS

if TYPE_CHECKING or NO_EXTENSIONS:
    from clu._speedups.schema_py import CompiledSchema, compile_schema
else:
    try:
        from clu._speedups.schema_c import CompiledSchema, compile_schema
    except ImportError:
        from clu._speedups.schema_py import CompiledSchema, compile_schema

__all__ = ["CompiledSchema", "compile_schema"]
