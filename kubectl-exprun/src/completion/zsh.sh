#compdef kubectl-exprun
# zsh completion of kubectl-exprun: source it, or put it into $fpath as _kubectl-exprun.
_kubectl_exprun() {
  local -a lines
  lines=("${(@f)$(kubectl-exprun __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  lines=("${(@)lines:#:*}")
  compadd -- "${(@)lines%%$'\t'*}" || _files
}
if [[ $funcstack[1] == _kubectl-exprun ]]; then _kubectl_exprun "$@"; else compdef _kubectl_exprun kubectl-exprun; fi
