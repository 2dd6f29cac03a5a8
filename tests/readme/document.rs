//! The pages that people read, cut into what can be compared.

use std::path::{Path, PathBuf};

/// A row of a table, by its cells.
pub type Row = Vec<String>;

/// The root of the repository.
pub const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A fenced block of a page.
#[derive(Clone, Debug)]
pub struct Block {
    /// The number of its first line, from 1 on.
    pub line: usize,
    /// The text of the HTML comment on the line before it. `None` when there is none.
    pub mark: Option<String>,
    /// What it is written in, such as `console`.
    pub language: String,
    /// What is in it.
    pub text: String,
}

/// A page, by its path from the root of the repository.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Page(PathBuf);

impl Page {
    /// The page that people see first.
    pub fn readme() -> Self {
        Self("README.md".into())
    }

    /// A page of the folder `docs`, by its name.
    pub fn docs(name: &str) -> Self {
        Self(Path::new("docs").join(name).with_extension("md"))
    }

    /// Every page: the README, all of `docs`, and those that stand beside what they speak of.
    pub fn all() -> Vec<Self> {
        let of_folder = |folder: &'static str| {
            let entries = std::fs::read_dir(Path::new(ROOT).join(folder)).unwrap();
            let names = entries.map(|entry| entry.unwrap().file_name());
            names.map(move |name| Self(Path::new(folder).join(name)))
        };
        let pages = of_folder("docs").chain(of_folder("docs/runbooks"));
        let mut pages: Vec<_> = pages.filter(|page| page.0.extension().is_some()).collect();
        pages.sort();
        assert!(pages.len() > 5, "{pages:?}");
        pages.push(Self::readme());
        pages.extend(["deploy/aws/README.md", "tests/README.md"].map(|path| Self(path.into())));
        pages
    }

    /// Its path from the root of the repository.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// All of it.
    pub fn text(&self) -> String {
        let path = Path::new(ROOT).join(&self.0);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Its lines that are no code.
    pub fn prose(&self) -> Vec<String> {
        let mut fenced = false;
        let text = self.text();
        let lines = text.lines().filter(|line| {
            let marks = line.starts_with("```");
            fenced ^= marks;
            !fenced && !marks
        });
        lines.map(str::to_owned).collect()
    }

    /// What stands between a heading and the next one.
    pub fn section(&self, heading: &str) -> String {
        let text = self.text();
        let mut fenced = false;
        let mut lines = text.lines().skip_while(|line| *line != heading);
        assert!(lines.next().is_some(), "there is no {heading} in {self:?}");
        let within = lines.take_while(|line| {
            fenced ^= line.starts_with("```");
            fenced || !line.starts_with('#')
        });
        within.flat_map(|line| [line, "\n"]).collect()
    }

    /// The rows of the only table below a heading whose head begins with this cell.
    pub fn table(&self, heading: &str, first: &str) -> Vec<Row> {
        let section = self.section(heading);
        let cells = |line: &str| -> Row {
            let inner = line.trim().trim_start_matches('|').trim_end_matches('|');
            inner.split('|').map(|cell| cell.trim().to_owned()).collect()
        };
        let mut lines = section
            .lines()
            .skip_while(|line| !line.starts_with(&format!("| {first} |")));
        assert!(
            lines.next().is_some(),
            "no table of {first} under {heading} in {self:?}"
        );
        let rows = lines.skip(1).take_while(|line| line.starts_with('|'));
        rows.map(cells).collect()
    }

    /// Its fenced blocks, in order.
    pub fn fenced(&self) -> Vec<Block> {
        let text = self.text();
        let mut blocks: Vec<Block> = Vec::new();
        let (mut before, mut within) = ("", false);
        for (index, line) in text.lines().enumerate() {
            match (line.trim_start().strip_prefix("```"), within) {
                (Some(language), false) => blocks.push(Block {
                    line: index + 1,
                    mark: comment(before),
                    language: language.trim().to_owned(),
                    text: String::new(),
                }),
                (None, true) => blocks.last_mut().unwrap().text.extend([line, "\n"]),
                _ => {}
            }
            within ^= line.trim_start().starts_with("```");
            before = line;
        }
        assert!(!within, "{self:?} has a block without an end");
        blocks
    }

    /// The fenced blocks of a language, below a heading.
    pub fn blocks(&self, heading: &str, language: &str) -> Vec<String> {
        blocks(&self.section(heading), language)
    }
}

fn comment(line: &str) -> Option<String> {
    let text = line.trim().strip_prefix("<!--")?.strip_suffix("-->")?;
    Some(text.trim().to_owned())
}

/// The words of a text that are marked as code.
pub fn code(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The one word of a cell, which is marked as code.
pub fn name(cell: &str) -> String {
    let words = code(cell);
    assert_eq!(words.len(), 1, "{cell:?}");
    words[0].clone()
}

/// The fenced blocks of a language.
pub fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    text.split(&fence)
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap_or_default().to_owned())
        .collect()
}
