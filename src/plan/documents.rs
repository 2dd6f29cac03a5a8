//! The documents of files and folders, found and numbered as kubectl does.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::Problem;

/// What a folder's files end in that are read; a file that is named is read whatever it ends in.
const EXTENSIONS: [&str; 3] = ["json", "yaml", "yml"];
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
}

impl Document {
    pub(super) fn problem(&self, field: Option<&str>, what: impl Into<String>) -> Problem {
        Problem {
            document: Some(self.number),
            field: field.map(str::to_owned),
            ..problem(&self.file, what)
        }
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
    for path in paths {
        if path == Path::new(STANDARD_INPUT) {
            match io::read_to_string(&mut *input) {
                Ok(text) => documents.extend(split(Path::new("standard input"), &text)),
                Err(error) => problems.push(unreadable(path, &error)),
            }
            continue;
        }
        let files = if path.is_dir() {
            below(path)
        } else {
            Ok(vec![path.clone()])
        };
        match files {
            Ok(files) if files.is_empty() => {
                problems.push(problem(path, "there is no .json, .yaml or .yml file in this folder"));
            }
            Ok(files) => {
                for file in files {
                    match fs::read_to_string(&file) {
                        Ok(text) => documents.extend(split(&file, &text)),
                        Err(error) => problems.push(unreadable(&file, &error)),
                    }
                }
            }
            Err(error) => problems.push(unreadable(path, &error)),
        }
    }
    (documents, problems)
}

fn unreadable(path: &Path, error: &io::Error) -> Problem {
    problem(path, format!("it can't be read: {error}"))
}

/// The files of a folder and of those in it, in the order of their names. As kubectl's -R, it follows no symbolic links to
/// folders, so that no circle of them is without end.
fn below(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            files.extend(below(&path)?);
        } else if !path.is_dir()
            && path
                .extension()
                .is_some_and(|it| EXTENSIONS.iter().any(|known| it == *known))
        {
            files.push(path);
        }
    }
    Ok(files)
}

/// Cuts a file where a line begins with `---`.
fn split(file: &Path, text: &str) -> Vec<Document> {
    let mut documents: Vec<Document> = Vec::new();
    let mut current = String::new();
    let mut began = 0;
    let mut end = |text: &mut String, lines_before: u64| {
        let text = std::mem::take(text);
        if !text.trim().is_empty() {
            documents.push(Document {
                file: file.to_owned(),
                number: documents.len() + 1,
                lines_before,
                text,
            });
        }
    };
    for (number, line) in (0_u64..).zip(text.split_inclusive('\n')) {
        if line.starts_with("---") && line.trim_end() == "---" {
            end(&mut current, began);
            began = number + 1;
        } else {
            current.push_str(line);
        }
    }
    end(&mut current, began);
    documents
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_numbered_and_empty_ones_do_not_count() {
        let documents = split(
            Path::new("a"),
            "---\na: 1\n---\n\n---\nb: 2\n  ---\n--- \nc: |\n  ----\n",
        );
        let told: Vec<_> = documents
            .iter()
            .map(|document| (document.number, document.lines_before, document.text.as_str()))
            .collect();
        assert_eq!(
            told,
            [(1, 1, "a: 1\n"), (2, 5, "b: 2\n  ---\n"), (3, 8, "c: |\n  ----\n")]
        );
    }
}
