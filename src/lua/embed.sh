#!/bin/sh
# Lua sources as C arrays: embed.sh FILE.lua... > prelude_source.c. Bytes, not string literals, whose
# length C limits.
set -e
echo '/* Made by embed.sh from src/lua/assay. */'
echo '#include "lua/module.h"'
names=
for file in "$@"; do
    name=$(basename "$file" .lua)
    names="$names $name"
    echo
    echo "static const unsigned char source_$name[] = {"
    od -An -v -tu1 "$file" | sed 's/  *\([0-9][0-9]*\)/\1,/g'
    echo '0};' # so that an empty file is an array too
done
echo
echo 'const assay_prelude_source assay_prelude[] = {'
for name in $names; do
    echo "    {\"$name\", source_$name, sizeof source_$name - 1},"
done
echo '    {NULL, NULL, 0},'
echo '};'
