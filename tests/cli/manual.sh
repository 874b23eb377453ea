# The manual pages and the program say the same: commands and options of assay(1), what a cell has in
# assay-experiment(5), the example of assay-lua(3).
. "$srcdir/tests/cli/tap.sh"

# The page without font escapes and macros' quotes.
plain() { sed -e '/^\.\\"/d' -e 's/\\f[A-Z]//g' -e 's/\\-/-/g' -e 's/"//g' "$srcdir/man/$1"; }

# word TEXT FILE: TEXT stands there, not as a part of a longer option or name
word() { grep -Eq -- "(^|[^[:alnum:]-])$1([^[:alnum:]-]|\$)" "$2"; }

plain assay.1 >page
# What stands before the first command goes for all; then the part of each, ./of.COMMAND.
awk 'tag && /^\.B[A-Z]* assay / { command = $3 } /^\.S[HS] / { command = "" } { tag = /^\.TP/ }
     { print > ("of." (command == "" ? "all" : command)) }' page
cat of.reproduce >>of.resume # which says "Both take"

"$assay" --help >help
commands=$(sed -n 's/^  \([a-z]*\) .*/\1/p' help)
holds "there are commands" test "$(echo $commands | wc -w)" -ge 18
for command in $commands; do
  holds "assay(1) has the command $command" test -s "of.$command"
  touch "of.$command"
  "$assay" "$command" --help >help </dev/null
  sed -n 's/^  *\(-[a-z]\)\{0,1\},\{0,1\} *\(--[a-z-]*\).*/\2 \1/p; s/^  *\(-[a-z]\) .*/\1/p' help >options
  cat of.all "of.$command" >part
  while read -r option letter; do
    holds "assay(1), $command: $option $letter" word "$option" part
    [ -z "$letter" ] || word "$letter" part || holds "assay(1), $command: $letter for $option" false
  done <options
  cat options >>all
done
# What can be applied, and its options: the page names all of the former and some of the latter.
names=$("$assay" apply | awk 'NR > 1 { print $1 }')
holds "there are applications" test "$(echo $names | wc -w)" -ge 25
for application in $names; do
  holds "assay(1) has assay apply $application" word "$application" of.apply
  "$assay" apply "$application" --help | sed -n 's/^  *\(-[a-z]\)\{0,1\},\{0,1\} *\(--[a-z-]*\).*/\2 \1/p' >>all
done
holds "there are options" test "$(wc -l <all)" -gt 60
echo "--version" >>all
for option in $(grep -oE -- '(^|[^[:alnum:]-])--[a-z][a-z-]*' page | sed 's/^[^-]//' | sort -u); do
  holds "$option of assay(1) exists" word "$option" all
done
for variable in $(grep -oE '^\.B [A-Z_]+$' page | cut -d' ' -f2); do
  holds "$variable of assay(1) is used" grep -rqF "getenv(\"$variable\")" "$srcdir/src"
done

# A cell's fields and methods.
cat >cell.lua <<'END'
return require "assay".experiment { name = "cell", run = function(cell)
  local _, message = pcall(function() return cell.nothing end)
  cell:note(message)
  cell:log { done = true }
end }
END
gives "an experiment asks what a cell has" 0 "$assay" run -q cell.lua
gives "and notes it" 0 "$assay" show --notes
plain assay-experiment.5 >page
fields=$(sed -n 's/.*(there are: \([^)]*\)).*/\1/p' out | tr -d ,)
holds "a cell has fields" test "$(echo $fields | wc -w)" -ge 9
for field in $fields; do
  holds "assay-experiment(5) has cell's $field" grep -Eq "cell[.:]$field" page
done
for field in $(grep -oE 'cell[.:][a-z]+' page | cut -c6- | sort -u); do
  holds "cell's $field of assay-experiment(5) exists" \
    sh -c 'case " $1 " in *" $0 "*) ;; *) exit 1 ;; esac' "$field" "$fields"
done

# The examples: their files, then what their sessions print.
block() {
  sed -n "/^\.\\\\\" $1\$/,/^\.fi/p" "$srcdir/man/assay-lua.3" |
    sed -e '/^\./d' -e 's/\\&//g' -e 's/\\-/-/g'
}
block "file log.jsonl" >log.jsonl
block "file curves.lua" >curves.lua
block "file scores.csv" >scores.csv
block "file rank.lua" >rank.lua
block "session" >session
holds "the examples have a session" grep -q '^\$ ' session
mkdir bin
ln -s "$srcdir/experiments" experiments
printf '#!/bin/sh\nexec "%s" "$@"\n' "$assay" >bin/assay
chmod +x bin/assay
PATH="$work/bin:$PATH"
sed -n 's/^\$ //p' session | while read -r line; do
  echo "\$ $line"
  sh -c "$line" 2>&1
done >out
holds "the examples of assay-lua(3) print what the page says" sh -c 'diff session out >err'

finish
