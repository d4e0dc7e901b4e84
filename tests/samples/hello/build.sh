#!/bin/sh
# Compiles hello.c where there is a compiler, else makes a script of the same name; then runs what it made.
set -eu
made=""
for compiler in cc gcc clang; do
  if command -v "$compiler" >/dev/null 2>&1; then
    "$compiler" -O2 -o hello hello.c
    made="compiled with $compiler"
    break
  fi
done
if [ -z "$made" ]; then
  printf '#!/bin/sh\necho "hello from $(pwd)"\n' > hello
  chmod +x hello
  made="no compiler here: made a script instead"
fi
echo "$made"
./hello
