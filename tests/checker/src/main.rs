//! `promise-checker FILE…`: judges histories that were written to files as JSON.
//!
//! It ends with 0 when no promise was broken, with 1 when one was, and with 2 when a file can't be read.

use std::{fs::File, io::BufReader, process::ExitCode};

use promise_checker::{History, check};

fn main() -> ExitCode {
    let files: Vec<String> = std::env::args().skip(1).collect();
    if files.is_empty() {
        eprintln!("usage: promise-checker FILE…");
        return ExitCode::from(2);
    }
    let mut broken = false;
    for file in &files {
        let history = match read(file) {
            Ok(history) => history,
            Err(error) => {
                eprintln!("{file}: {error}");
                return ExitCode::from(2);
            }
        };
        let violations = check(&history);
        let (requests, versions) = (history.requests.len(), history.versions.len());
        if violations.is_empty() {
            println!("{file}: {requests} requests, {versions} versions: no promise broken");
        } else {
            let count = violations.len();
            println!("{file}: {requests} requests, {versions} versions: {count} violations");
        }
        for violation in &violations {
            println!("{violation}");
        }
        broken |= !violations.is_empty();
    }
    ExitCode::from(u8::from(broken))
}

fn read(file: &str) -> Result<History, Box<dyn std::error::Error>> {
    Ok(serde_json::from_reader(BufReader::new(File::open(file)?))?)
}
