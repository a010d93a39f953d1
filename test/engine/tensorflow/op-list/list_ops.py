"""Prints the names of the ops that a TensorFlow library registers, one a line.

By TF_GetAllOpList (tensorflow/c/c_api.h), which gives an OpList (tensorflow/core/framework/op_def.proto). The libraries
are loaded in the order given; the last one has the C interface. tensorflow-2.9.1.txt was made so from the wheel
tensorflow_cpu-2.9.1-cp310-cp310-manylinux_2_17_x86_64 (version 2.9.1, 1,798 ops):

    python3 list_ops.py tensorflow/libtensorflow_framework.so.2 tensorflow/python/_pywrap_tensorflow_internal.so
"""

import ctypes
import sys


class Buffer(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("length", ctypes.c_size_t), ("free", ctypes.c_void_p)]


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def text_of_first_field(data, at):
    """Both OpList.op and OpDef.name are field 1, with a length before the content: tag 10."""
    if data[at] != 10:
        raise SystemExit(f"no OpList: tag {data[at]} at byte {at}")
    length, start = varint(data, at + 1)
    return data[start : start + length], start + length


for path in sys.argv[1:-1]:
    ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)
library = ctypes.CDLL(sys.argv[-1], mode=ctypes.RTLD_GLOBAL)
library.TF_GetAllOpList.restype = ctypes.POINTER(Buffer)
buffer = library.TF_GetAllOpList().contents
op_list = ctypes.string_at(buffer.data, buffer.length)
at = 0
names = []
while at < len(op_list):
    op, at = text_of_first_field(op_list, at)
    names.append(text_of_first_field(op, 0)[0].decode())
print("\n".join(sorted(names)))
