# scripts/assay.bash offers what the help says: commands, options, and for apply also names, choices and
# columns of the file.
. "$srcdir/tests/cli/tap.sh"

mkdir bin
printf '#!/bin/sh\nexec "%s" "$@"\n' "$assay" >bin/assay
chmod +x bin/assay
PATH="$work/bin:$PATH"
printf 'height,"weight",sex\n1,2,f\n' >in.csv

cat >complete.bash <<'END'
compopt() { :; }
. "$1/scripts/assay.bash"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_assay
printf '%s\n' "${COMPREPLY[@]}"
END
offers() { # offers WANTED WORD...: one line of what completes the last word is WANTED
  wanted=$1
  shift
  bash complete.bash "$srcdir" "$@" >out 2>err
  grep -qxF -- "$wanted" out
  report $? "'$*' offers $wanted"
}
lacks() { # lacks UNWANTED WORD...
  unwanted=$1
  shift
  bash complete.bash "$srcdir" "$@" >out 2>err
  ! grep -qxF -- "$unwanted" out
  report $? "'$*' does not offer $unwanted"
}

offers apply assay ap
offers --preset assay run --pre
offers svg assay plot --term s
offers smote assay apply smo
offers best-of-n assay apply b
lacks smote assay apply b
offers --label assay apply smote --la
offers --majority-share assay apply borderline-smote --
offers --output assay apply smote --
offers --threads assay apply smote --th
lacks --majority-share assay apply smote --
offers standard assay apply smote --scale ''
offers bradley-terry assay apply rank --method b
lacks elo assay apply rank --method b
offers weight assay apply smote in.csv --label we
offers sex assay apply smote in.csv --features = s
offers jsonl assay apply random --to j
offers in.csv assay apply smote --k 3 i
offers in.csv assay apply smote -o in
finish
