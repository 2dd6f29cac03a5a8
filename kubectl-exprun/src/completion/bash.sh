# bash completion of kubectl-exprun: source it.
_kubectl_exprun() {
  local words line
  words=("${COMP_WORDS[@]:1:COMP_CWORD}")
  COMPREPLY=()
  while IFS= read -r line; do
    line=${line%%$'\t'*}
    [[ $line == :* || $line != "${COMP_WORDS[COMP_CWORD]}"* ]] || COMPREPLY+=("$line")
  done < <(kubectl-exprun __complete "${words[@]}" 2>/dev/null)
}
complete -o default -F _kubectl_exprun kubectl-exprun
