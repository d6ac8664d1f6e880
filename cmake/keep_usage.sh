#!/bin/sh
# Starts nvcc and keeps what ptxas says of each kernel (registers, stack, spills, shared memory) beside the object, as
# OBJECT.usage for tools/kernel_report; everything else that nvcc says is passed on.
for word; do
  [ "${before:-}" = -o ] && object=$word
  before=$word
done
[ -n "${object:-}" ] || exec "$@"
"$@" -Xptxas=-v 2>"$object.messages"
code=$?
grep '^ptxas info\|bytes stack frame' "$object.messages" >"$object.usage"
grep -v '^ptxas info\|bytes stack frame' "$object.messages" >&2
rm -f "$object.messages"
exit $code
