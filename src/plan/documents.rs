//! The documents of files and folders, found and numbered as kubectl does.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::cli;

use super::{
    Problem,
    nodes::Syntax,
    unreadable::{Unreadable, Why},
};

/// What a folder's files end in that are read; a file that is named is read whatever it ends in.
const EXTENSIONS: [&str; 3] = ["json", "yaml", "yml"];
/// By which kustomize knows a folder as its own.
const KUSTOMIZE: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
/// The name for standard input.
const STANDARD_INPUT: &str = "-";

/// One document of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Document {
    pub(super) file: PathBuf,
    /// From 1. Empty ones don't count.
    pub(super) number: usize,
    /// How many lines of the file come before it.
    pub(super) lines_before: u64,
    pub(super) text: String,
    pub(super) syntax: Syntax,
}

impl Document {
    pub(super) fn problem(&self, field: Option<&str>, what: impl Into<String>) -> Problem {
        Problem {
            document: Some(self.number),
            field: field.map(str::to_owned),
            ..problem(&self.file, what)
        }
    }

    /// Why it can't be read.
    pub(super) fn unreadable(&self, unreadable: &Unreadable) -> Problem {
        let line = self.lines_before + unreadable.line;
        self.problem(None, format!("line {line}: {}", unreadable.why))
    }
}

fn problem(file: &Path, what: impl Into<String>) -> Problem {
    Problem {
        file: file.to_owned(),
        document: None,
        field: None,
        what: what.into(),
    }
}

/// Reads files, folders with all that is below them, and standard input.
pub(super) fn read(paths: &[PathBuf], input: &mut impl io::Read) -> (Vec<Document>, Vec<Problem>) {
    let (mut documents, mut problems) = (Vec::new(), Vec::new());
    let mut take = |file: &Path, bytes: io::Result<Vec<u8>>, problems: &mut Vec<Problem>| match bytes {
        Ok(bytes) => {
            let (found, broken) = split(file, &bytes);
            documents.extend(found);
            problems.extend(broken);
        }
        Err(error) => problems.push(unreadable(file, &error)),
    };
    for path in paths {
        if path == Path::new(STANDARD_INPUT) {
            let mut bytes = Vec::new();
            let read = input.read_to_end(&mut bytes).map(|_| bytes);
            take(Path::new("standard input"), read, &mut problems);
        } else if path.is_dir() {
            let mut files = Vec::new();
            let before = problems.len();
            match below(path, &mut files, &mut problems) {
                Ok(()) if files.is_empty() && problems.len() == before => {
                    problems.push(problem(path, "there is no .json, .yaml or .yml file in this folder"));
                }
                Ok(()) => {}
                Err(error) => problems.push(unreadable(path, &error)),
            }
            for file in files {
                take(&file, fs::read(&file), &mut problems);
            }
        } else {
            take(path, fs::read(path), &mut problems);
        }
    }
    (documents, problems)
}

fn unreadable(path: &Path, error: &io::Error) -> Problem {
    problem(path, format!("it can't be read: {error}"))
}

/// The files of a folder and of those in it, in the order of their names. As kubectl's -R, it follows no symbolic links to
/// folders, so that no circle of them is without end. What kustomize would put together is no manifest yet.
fn below(folder: &Path, files: &mut Vec<PathBuf>, problems: &mut Vec<Problem>) -> io::Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    if entries
        .iter()
        .any(|entry| KUSTOMIZE.iter().any(|name| entry.file_name() == *name))
    {
        let what = format!(
            "this folder is built with kustomize: plan its output with kubectl kustomize {} | {} plan -f -",
            folder.display(),
            cli::PROGRAM
        );
        problems.push(problem(folder, what));
        return Ok(());
    }
    for entry in entries {
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            below(&path, files, problems)?;
        } else if !path.is_dir()
            && path
                .extension()
                .is_some_and(|it| EXTENSIONS.iter().any(|known| it == *known))
        {
            files.push(path);
        }
    }
    Ok(())
}

/// The text of a file: UTF-8, or UTF-16 with a byte-order mark, as editors on Windows write it.
fn text(bytes: &[u8]) -> Result<String, Unreadable> {
    let wide = |bytes: &[u8], number: fn([u8; 2]) -> u16| {
        let (pairs, odd) = bytes.as_chunks::<2>();
        let text = char::decode_utf16(pairs.iter().copied().map(number)).collect::<Result<String, _>>();
        text.ok()
            .filter(|_| odd.is_empty())
            .ok_or(Unreadable::new(Why::Encoding, 1))
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] | rest => match str::from_utf8(rest) {
            Ok(text) => Ok(text.to_owned()),
            Err(error) => Err(Unreadable::new(
                Why::Encoding,
                lines(&String::from_utf8_lossy(&rest[..error.valid_up_to()])) + 1,
            )),
        },
    }
}

fn lines(text: &str) -> u64 {
    text.matches('\n').count() as u64
}

/// Cuts a file into documents as kubectl does: JSON objects in a row, as long as there are some; YAML after that.
fn split(file: &Path, bytes: &[u8]) -> (Vec<Document>, Option<Problem>) {
    let mut cut = Cut {
        file,
        documents: Vec::new(),
    };
    let end = text(bytes).and_then(|text| {
        let begin = if text.trim_start().starts_with('{') {
            cut.json(&text)?
        } else {
            0
        };
        cut.yaml(&text, begin)
    });
    let broken = end.err().map(|end| {
        let what = format!("line {}: {}", end.line, end.why);
        Problem {
            document: (!cut.documents.is_empty()).then_some(cut.documents.len() + 1),
            ..problem(file, what)
        }
    });
    (cut.documents, broken)
}

struct Cut<'a> {
    file: &'a Path,
    documents: Vec<Document>,
}

impl Cut<'_> {
    fn push(&mut self, text: &str, lines_before: u64, syntax: Syntax) {
        if !text.trim().is_empty() {
            self.documents.push(Document {
                file: self.file.to_owned(),
                number: self.documents.len() + 1,
                lines_before,
                text: text.to_owned(),
                syntax,
            });
        }
    }

    /// Where YAML begins. After one object it still may; after two it is too late.
    fn json(&mut self, text: &str) -> Result<usize, Unreadable> {
        let mut stream = serde_json::Deserializer::from_str(text).into_iter::<serde::de::IgnoredAny>();
        let (mut begin, mut before) = (0, 0);
        while let Some(value) = stream.next() {
            if value.is_ok() {
                let end = stream.byte_offset();
                self.push(&text[begin..end], before, Syntax::Json);
                before += lines(&text[begin..end]);
                begin = end;
                continue;
            }
            let blank = text[begin..].len() - text[begin..].trim_start().len();
            // kubectl can't turn to YAML for less than four bytes on the same line.
            let short = text.len() - begin - blank < 4 && !text[begin..begin + blank].contains('\n');
            if self.documents.len() > 1 || short {
                return Err(Unreadable::new(Why::AfterJson, lines(&text[..begin + blank]) + 1));
            }
            // The rest of the object's own line, if nothing stands there.
            let line = text[begin..begin + blank].find('\n').map_or(blank, |end| end + 1);
            return Ok(begin + line);
        }
        Ok(text.len())
    }

    /// Cuts where a line begins with `---`.
    fn yaml(&mut self, text: &str, begin: usize) -> Result<(), Unreadable> {
        let mut document = String::new();
        let skipped = lines(&text[..begin]);
        let mut before = skipped;
        for (number, line) in (skipped..).zip(text[begin..].split_inclusive('\n')) {
            if let Some(rest) = line.strip_prefix("---") {
                let comment = rest.trim_start().starts_with('#');
                // At the beginning, kubectl leaves the line to YAML, where a comment needs a blank before it.
                let plain = document.is_empty() && rest.starts_with('#');
                if plain || !(comment || rest.trim().is_empty()) {
                    return Err(Unreadable::new(Why::Separator, number + 1));
                }
                self.push(&std::mem::take(&mut document), before, Syntax::Yaml);
                before = number + 1;
            } else {
                document.push_str(line);
            }
        }
        if !document.ends_with('\n') {
            document.push('\n');
        }
        self.push(&document, before, Syntax::Yaml);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_numbered_and_empty_ones_do_not_count() {
        let (documents, broken) = split(
            Path::new("a"),
            b"---\na: 1\n---\n\n--- # two\nb: 2\n  ---\n--- \nc: |\n  ----\n",
        );
        assert_eq!(broken, None);
        let found: Vec<_> = documents
            .iter()
            .map(|document| (document.number, document.lines_before, document.text.as_str()))
            .collect();
        assert_eq!(
            found,
            [(1, 1, "a: 1\n"), (2, 5, "b: 2\n  ---\n"), (3, 8, "c: |\n  ----\n")]
        );
    }
}
