//! What is written for people: on a terminal in colour, elsewhere not. A reader that has gone away stops nothing.

use std::{
    env,
    io::{self, IsTerminal as _, Write as _},
};

use crate::failure::Failure;

/// Colours, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Paint(bool);

impl Paint {
    /// Without colours.
    #[cfg(test)]
    pub(crate) const PLAIN: Self = Self(false);

    /// In colour on a terminal, unless a flag or the environment says otherwise (<https://no-color.org>).
    pub(crate) fn new(no_color: bool) -> Self {
        let set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
        Self(!no_color && !set("NO_COLOR") && !dumb && io::stdout().is_terminal())
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.0 {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    pub(crate) fn good(self, text: &str) -> String {
        self.with("32", text)
    }

    pub(crate) fn bad(self, text: &str) -> String {
        self.with("31", text)
    }

    pub(crate) fn careful(self, text: &str) -> String {
        self.with("33", text)
    }
}

/// Writes to standard output. Whether somebody still reads.
pub(crate) fn out(text: &str) -> bool {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_ok()
}

/// Writes a line to standard error.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Asks a question that yes or no answers. What is not a yes is a no.
///
/// # Errors
/// When there is no terminal to ask on.
pub(crate) fn confirm(question: &str) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::usage(format!(
            "{question} There is no terminal to ask on: give --yes to go on"
        )));
    }
    let mut prompt = io::stderr().lock();
    let _ = write!(prompt, "{question} [y/N] ").and_then(|()| prompt.flush());
    let mut answer = String::new();
    let read = io::stdin().read_line(&mut answer);
    Ok(read.is_ok() && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// What somebody else wrote, on one line and without what a terminal would take for an order.
pub(crate) fn harmless(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words
        .join(" ")
        .chars()
        .filter(|character| !character.is_control())
        .collect()
}
