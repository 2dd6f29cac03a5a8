//! Every command that a page shows is run by a test, or says why not: in an HTML comment on the line before its block.
//!
//! | comment | what it says |
//! |---|---|
//! | `not run: WHY` | no test runs it |
//! | `run by: TEST` | the test of that name runs it |
//! | `exit code: N` | the test that follows the page expects this exit code, and not 0 |
//! | none | the test that follows the page runs it: see [`followed::PAGES`] |

use crate::{
    document::{Block, Page},
    followed,
    named_tests::tests,
};

/// What commands are written in.
const SHELLS: [&str; 4] = ["console", "sh", "bash", "shell"];

/// What is said of a block of commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// No test runs it, and why.
    NotRun(String),
    /// This test runs it.
    RunBy(String),
    /// It is run where it stands, and ends with this code.
    Followed { exit_code: i32 },
}

impl Mark {
    /// Panics when a comment is none of those that there are.
    pub fn of(page: &Page, block: &Block) -> Self {
        let Some(comment) = &block.mark else {
            return Self::Followed { exit_code: 0 };
        };
        let (kind, rest) = comment.split_once(": ").unwrap_or((comment, ""));
        assert!(
            !rest.is_empty(),
            "{page:?}, line {}: {comment} says nothing",
            block.line
        );
        match kind {
            "not run" => Self::NotRun(rest.to_owned()),
            "run by" => Self::RunBy(rest.to_owned()),
            "exit code" => Self::Followed {
                exit_code: rest.parse().unwrap_or_else(|_| panic!("{page:?}: {comment}")),
            },
            _ => panic!("{page:?}, line {}: {comment} is no mark", block.line),
        }
    }
}

/// The blocks of commands of a page, in order.
pub fn commands(page: &Page) -> Vec<Block> {
    let is_shell = |block: &Block| SHELLS.contains(&block.language.as_str());
    page.fenced().into_iter().filter(is_shell).collect()
}

#[test]
fn every_command_is_run_by_a_test_or_says_why_not() {
    let (tests, mut run, mut not_run) = (tests(), 0, Vec::new());
    for page in Page::all() {
        for block in commands(&page) {
            let place = format!("{}:{}", page.path().display(), block.line);
            match Mark::of(&page, &block) {
                Mark::NotRun(why) => not_run.push(format!("{place}: {why}")),
                Mark::RunBy(test) => {
                    assert!(tests.contains(&test), "{place}: there is no test {test}");
                    run += 1;
                }
                Mark::Followed { .. } => {
                    let followed = followed::PAGES.map(Page::docs).contains(&page);
                    assert!(
                        followed,
                        "{place}: no test runs these commands, and no mark says why not"
                    );
                    run += 1;
                }
            }
        }
    }
    println!("not run by any test:\n{}", not_run.join("\n"));
    assert!(run > 20, "{run}");
}
