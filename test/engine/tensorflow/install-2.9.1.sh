#!/bin/bash
# Builds the engine on TensorFlow 2.9.1, the version that the binding package's own installer brings, where that installer's
# host cannot be reached: out of the wheel for Python. It stands in a cache folder of its own; tests and the pipeline use it
# with
#
#     test/engine/tensorflow/install-2.9.1.sh /tmp/tensorflow-2.9.1
#     XDG_CACHE_HOME=/tmp/tensorflow-2.9.1 npx vitest run test/engine test/model test/train
#
# (`npx pipeline engine list` leads back to the usual one: remove node_modules/@tensorflow/tfjs-node-gpu/lib before.)
set -euo pipefail
cache=$(realpath -m "${1:?usage: install-2.9.1.sh CACHE_FOLDER}")
root=$(realpath "$(dirname "$0")/../../..")
package=$root/node_modules/@tensorflow/tfjs-node-gpu
binding_version=$(node -p "require('$package/package.json').version")
build=$cache/minilm-pipeline/engine/tfjs-$binding_version-package-installer-tensorflow-2.9.1-linux-x64
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python3 -m pip download --quiet --no-deps --only-binary=:all: --dest "$work" \
    --implementation cp --python-version 3.10 --abi cp310 --platform manylinux2014_x86_64 tensorflow-cpu==2.9.1
wheel=$(echo "$work"/*.whl)
echo "6666ddeae45e1f41da788cb4bdea3435aba16edb0bc17b7ac00631c7c9eb052e  $wheel" | sha256sum --check --quiet
python3 -m zipfile --extract "$wheel" "$work/wheel"
libraries=$build/deps/lib
mkdir -p "$libraries" "$(dirname "$build/lib/napi-v8/tfjs_binding.node")"
mv "$work/wheel/tensorflow/libtensorflow_framework.so.2" "$libraries"
# This wheel has the C interface in the module for Python only.
mv "$work/wheel/tensorflow/python/_pywrap_tensorflow_internal.so" "$libraries/libtensorflow.so.2.9.1"
cd "$libraries"
ln -sf libtensorflow.so.2.9.1 _pywrap_tensorflow_internal.so
ln -sf libtensorflow.so.2.9.1 libtensorflow.so
ln -sf libtensorflow_framework.so.2 libtensorflow_framework.so

# What that module wants of Python and no code of ours reaches: functions that abort, types without anything in them.
nm --dynamic --undefined-only libtensorflow.so.2.9.1 | awk '
    $2 !~ /^_?Py/ { next }
    $2 ~ /^PyExc_|_Type$|Struct$/ { print "char " $2 "[512];"; next }
    { print "void " $2 "(void) { __builtin_trap(); }" }' >"$work/python.c"
gcc -shared -fPIC -fno-builtin -o libpython-stubs.so "$work/python.c"

g++ -shared -fPIC -O2 -std=c++17 -DNAPI_VERSION=8 \
    "-I$package" "-I$root/node_modules/node-api-headers/include" "-I$work/wheel/tensorflow/include" \
    "$package"/binding/tfjs_{backend,binding}.cc -L. -ltensorflow -ltensorflow_framework \
    -Wl,--no-as-needed -lpython-stubs -Wl,--allow-shlib-undefined '-Wl,-rpath,$ORIGIN/../../deps/lib' \
    -o "$build/lib/napi-v8/tfjs_binding.node"

cd "$build"
python3 - "$binding_version" <<'PYTHON'
import hashlib, json, pathlib, sys

files = {
    str(path): {"bytes": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    for path in sorted(pathlib.Path(".").rglob("*"))
    if path.is_file() and not path.is_symlink() and path.name != "engine.json"
}
record = {"format": 1, "way": "package-installer", "tensorflow": "2.9.1", "binding": sys.argv[1]}
record |= {"platform": "linux-x64", "cuda": False, "files": files}
pathlib.Path("engine.json").write_text(json.dumps(record, indent=2) + "\n")
PYTHON
echo "$build"
