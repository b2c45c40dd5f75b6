"""The processor's hint to load what will be wanted, for compiled loops; it changes no result."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

__all__ = ["prefetch"]

_FOR_READING, _TO_ALL_CACHES, _DATA = 0, 3, 1


@intrinsic
def prefetch(typing: Any, array: Any, place: Any) -> Any:
    """Ask for the line of the cache in which array[place] stands."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        held = make_array(signature.args[0])(context, builder, arguments[0])  # type: ignore[no-untyped-call]
        byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
        hint = builder.module.declare_intrinsic("llvm.prefetch", [byte], kind)
        address = builder.bitcast(builder.gep(held.data, [arguments[1]]), byte)
        builder.call(hint, [address, *map(word, (_FOR_READING, _TO_ALL_CACHES, _DATA))])
        return context.get_dummy_value()

    return types.void(array, place), code
