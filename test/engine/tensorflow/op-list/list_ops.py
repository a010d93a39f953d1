"""Prints what a TensorFlow library knows of the ops whose names stand in the standard input: a line of JSON for each.

By TF_GetAllOpList and TF_GetRegisteredKernelsForOp (tensorflow/c/c_api.h, tensorflow/c/kernels.h), which give an OpList
(tensorflow/core/framework/op_def.proto) and a KernelList (kernel_def.proto). Of element types only those are told that
our graphs have, and kernels only of the CPU. The libraries are loaded in the order given; the last one has the C interface.
tensorflow-2.9.1.jsonl was made so from the wheel tensorflow_cpu-2.9.1-cp310-cp310-manylinux_2_17_x86_64; names are added to
those that it has:

    cut -d'"' -f4 tensorflow-2.9.1.jsonl | python3 list_ops.py tensorflow/libtensorflow_framework.so.2 \\
        tensorflow/python/_pywrap_tensorflow_internal.so
"""

import ctypes
import json
import sys

# tensorflow/core/framework/types.proto
TYPES = {1: "float32", 2: "float64", 3: "int32", 10: "bool", 14: "bfloat16", 20: "resource"}


class Buffer(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("length", ctypes.c_size_t), ("free", ctypes.c_void_p)]


def content(buffer):
    return ctypes.string_at(buffer.contents.data, buffer.contents.length)


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def fields(data):
    """Number and value of each field of a message: bytes where it has a length, else an integer."""
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        if tag & 7 == 0:
            value, at = varint(data, at)
        elif tag & 7 == 2:
            length, at = varint(data, at)
            value, at = data[at : at + length], at + length
        else:  # fixed64 or fixed32
            length = 8 if tag & 7 == 1 else 4
            value, at = int.from_bytes(data[at : at + length], "little"), at + length
        yield tag >> 3, value


def all_of(data, number):
    return [value for each, value in fields(data) if each == number]


def one_of(data, number, default):
    return (all_of(data, number) or [default])[0]


def text(data, number):
    return one_of(data, number, b"").decode()


def types_of(value):
    """Of an AttrValue with a ListValue (field 1) of types (field 6), packed or not."""
    numbers = []
    for packed in all_of(one_of(value, 1, b""), 6):
        if isinstance(packed, int):
            numbers.append(packed)
            continue
        at = 0
        while at < len(packed):
            number, at = varint(packed, at)
            numbers.append(number)
    return [TYPES[number] for number in sorted(numbers) if number in TYPES]


def inputs_of(op):
    """Of each input the type or the attribute that says it, behind the attribute that says how many there are."""
    inputs = []
    for argument in all_of(op, 2):
        kind = TYPES.get(one_of(argument, 3, 0)) or text(argument, 4)
        count = text(argument, 5)
        inputs.append(f"{count} {kind}" if count else kind)
    return inputs


def attributes_of(op):
    attributes = {}
    for attribute in all_of(op, 4):
        described = {"kind": text(attribute, 2)}
        if all_of(attribute, 7):
            described["allowed"] = types_of(all_of(attribute, 7)[0])
        if not all_of(attribute, 3):
            described["required"] = True
        attributes[text(attribute, 1)] = described
    return attributes


def kernels_of(kernel_list):
    """The types that each kernel of the CPU asks for, by attribute; those that are the same to us once."""
    kernels = []
    for kernel in all_of(kernel_list, 1):
        if text(kernel, 2) not in ("CPU", "DEFAULT") or text(kernel, 5):
            continue
        asked = {text(each, 1): one_of(each, 2, b"") for each in all_of(kernel, 3)}
        # GatherNd of 2.21 has kernels for each value of a string too, whose default is among them.
        wanted = {name: types_of(value) for name, value in asked.items() if all_of(one_of(value, 1, b""), 6)}
        if all(wanted.values()) and wanted not in kernels:
            kernels.append(wanted)
    return sorted(kernels, key=json.dumps)


for path in sys.argv[1:-1]:
    ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)
library = ctypes.CDLL(sys.argv[-1], mode=ctypes.RTLD_GLOBAL)
library.TF_Version.restype = ctypes.c_char_p
library.TF_NewStatus.restype = ctypes.c_void_p
library.TF_GetAllOpList.restype = library.TF_GetRegisteredKernelsForOp.restype = ctypes.POINTER(Buffer)
library.TF_GetRegisteredKernelsForOp.argtypes = [ctypes.c_char_p, ctypes.c_void_p]

status = library.TF_NewStatus()
ops = {text(op, 1): op for op in all_of(content(library.TF_GetAllOpList()), 1)}
for name in sorted(set(sys.stdin.read().split())):
    if name in ops:
        kernels = kernels_of(content(library.TF_GetRegisteredKernelsForOp(name.encode(), status)))
        described = {"attributes": attributes_of(ops[name]), "kernels": kernels}
        print(json.dumps({"op": name, "inputs": inputs_of(ops[name]), **described}, separators=(",", ":")))
