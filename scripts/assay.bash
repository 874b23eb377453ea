# bash completion for assay(1)
_assay() {
  local word=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]} commands options
  if [ "$COMP_CWORD" -eq 1 ]; then
    commands=$(assay --help 2>/dev/null | sed -n 's/^  \([a-z]*\) .*/\1/p')
    COMPREPLY=($(compgen -W "$commands" -- "$word"))
    return
  fi
  case $word in
    -*)
      options=$(assay "$command" --help 2>/dev/null | grep -oE -- '--[a-z-]+')
      COMPREPLY=($(compgen -W "$options" -- "$word"))
      return ;;
  esac
  case $command in
    run)
      COMPREPLY=($(compgen -W "$(assay ls --names 2>/dev/null)" -- "$word") $(compgen -f -X '!*.lua' -- "$word")
        $(compgen -d -S / -- "$word")) ;;
    show | watch | cancel | resume | reproduce | plot | table | claims | rm)
      COMPREPLY=($(compgen -W "last $(assay ls 2>/dev/null | awk 'NR > 1 { print $1 }')" -- "$word")) ;;
    import) COMPREPLY=($(compgen -W samples -- "$word") $(compgen -f -- "$word")) ;;
    lua) COMPREPLY=($(compgen -f -- "$word")) ;;
  esac
}
complete -F _assay assay
