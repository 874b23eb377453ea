# bash completion for assay(1): what the help texts say is what is offered.

# The names in a section of what 'assay run EXPERIMENT --help' tells, e.g. its parameters.
_assay_declared() { # _assay_declared SECTION EXPERIMENT
  assay run "$2" --help 2>/dev/null | sed -n "/^$1/,/^\$/s/^  \([^ ]*\)  *.*/\1/p"
}

# What 'assay apply NAME --help' says that --OPTION takes: the choices a|b|c, or what it is called.
_assay_argument() { # _assay_argument NAME OPTION
  assay apply "$1" --help 2>/dev/null | sed -n "s/^ *\(-[a-z], \)\{0,1\}$2=\([^ ]*\).*/\2/p"
}

# The columns of the CSV file that stands on the command line.
_assay_columns() {
  local file
  for file in "${COMP_WORDS[@]:3}"; do
    [[ $file == *.csv && -f $file ]] && head -n 1 -- "$file" | tr -d '"\r' | tr ', ' '\n '
  done
}

_assay() {
  local word=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD - 1]}
  local command=${COMP_WORDS[1]} experiment=${COMP_WORDS[2]} words
  if [ "$COMP_CWORD" -eq 1 ]; then
    words=$(assay --help 2>/dev/null | sed -n 's/^  \([a-z]*\) .*/\1/p')
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
    return
  fi
  # bash splits --option=value at the "="
  [ "$word" = = ] && word= || { [ "$option" = = ] && option=${COMP_WORDS[COMP_CWORD - 2]}; }
  if [ "$command" = apply ] && [[ $option == --* ]] && [ "$COMP_CWORD" -gt 3 ]; then
    words=$(_assay_argument "$experiment" "$option")
    case $words in
      *"|"*) words=${words//|/ } ;;
      COLUMN | A,B) words=$(_assay_columns) ;;
      FORMAT) words="csv jsonl npy idx ply off obj xyz" ;;
      *) words= ;;
    esac
    if [ -n "$words" ]; then
      mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
      return
    fi
  fi
  case $command:$option in
    *:--db | *:-d | *:--output | *:-o)
      compopt -o filenames
      mapfile -t COMPREPLY < <(compgen -f -- "$word")
      return ;;
    plot:--term | plot:-t) words="png svg pdf tex tikz txt" ;;
    table:--format | table:-f) words="text latex csv markdown json" ;;
    sql:--format | sql:-f) words="table csv json" ;;
    run:--preset | run:-p) words=$(_assay_declared Presets "$experiment") ;;
    *) words= ;;
  esac
  if [ -n "$words" ]; then
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
    return
  fi
  case $word in
    -*)
      [ "$command" = apply ] && [ "$COMP_CWORD" -gt 2 ] && command="apply $experiment"
      # shellcheck disable=SC2086 # two words
      words=$(assay $command --help 2>/dev/null | grep -oE -- '^ +(-[a-z], )?--[a-z-]+' | grep -oE -- '--.*')
      mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
      return ;;
  esac
  case $command in
    run)
      if [ "$COMP_CWORD" -gt 2 ] && [[ $experiment != -* ]]; then
        compopt -o nospace
        words=$(_assay_declared Parameters "$experiment")
        mapfile -t COMPREPLY < <(compgen -S = -W "$words" -- "$word")
      else
        mapfile -t COMPREPLY < <(
          compgen -W "$(assay ls --names 2>/dev/null)" -- "$word"
          compgen -f -X '!*.lua' -- "$word"
          compgen -d -S / -- "$word")
      fi ;;
    show | watch | cancel | resume | reproduce | plot | table | claims | rm)
      words="last $(assay ls 2>/dev/null | awk 'NR > 1 { print $1 }')"
      mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word") ;;
    apply)
      if [ "$COMP_CWORD" -eq 2 ]; then
        words=$(assay apply 2>/dev/null | awk 'NR > 1 { print $1 }')
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
      else
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
      fi ;;
    import)
      mapfile -t COMPREPLY < <(compgen -W samples -- "$word"; compgen -f -- "$word") ;;
    export)
      mapfile -t COMPREPLY < <(compgen -W samples -- "$word") ;;
    data)
      mapfile -t COMPREPLY < <(compgen -W "$(assay data 2>/dev/null | awk 'NR > 1 { print $1 }')" -- "$word") ;;
    lua)
      mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
  esac
}
complete -F _assay assay
