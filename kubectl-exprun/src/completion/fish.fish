# fish completion of kubectl-exprun: source it.
function __kubectl_exprun
    set -l words (commandline -opc) (commandline -ct)
    kubectl-exprun __complete $words[2..-1] 2>/dev/null | string match -v ':*'
end
complete -c kubectl-exprun -a '(__kubectl_exprun)'
