//! `completion`: what a shell needs to complete the plugin's words, and what kubectl needs.

pub(crate) mod words;

use clap::{Args, ValueEnum};

use crate::{exit, terminal::out};

const AFTER_HELP: &str = "\
kubectl completes `kubectl exprun` itself, with the help of a program that it finds in PATH:
  kubectl exprun completion kubectl > /usr/local/bin/kubectl_complete-exprun
  chmod +x /usr/local/bin/kubectl_complete-exprun

The others complete `kubectl-exprun`, where that is called without kubectl:
  source <(kubectl-exprun completion bash)";

/// What completes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    /// bash.
    Bash,
    /// zsh.
    Zsh,
    /// fish.
    Fish,
    /// kubectl, in any shell that it completes in.
    Kubectl,
}

/// The flags of `completion`.
#[derive(Clone, Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Flags {
    /// The shell, or kubectl for the program that kubectl runs
    #[arg(value_name = "SHELL", value_enum)]
    shell: Shell,
}

/// Prints a script.
pub(crate) fn run(flags: &Flags) -> u8 {
    out(script(flags.shell));
    exit::OK
}

/// What `__complete` prints is one word a line, with what it means after a tab, and a number at the end.
const fn script(shell: Shell) -> &'static str {
    match shell {
        Shell::Bash => include_str!("bash.sh"),
        Shell::Zsh => include_str!("zsh.sh"),
        Shell::Fish => include_str!("fish.fish"),
        Shell::Kubectl => include_str!("../../kubectl_complete-exprun"),
    }
}
