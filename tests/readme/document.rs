//! The README, cut into what can be compared.

/// A row of a table, by its cells.
pub type Row = Vec<String>;

/// The README.
pub fn text() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap()
}

/// What stands between a heading and the next one.
pub fn section(heading: &str) -> String {
    let text = text();
    let mut fenced = false;
    let mut lines = text.lines().skip_while(|line| *line != heading);
    assert!(lines.next().is_some(), "there is no {heading}");
    let within = lines.take_while(|line| {
        fenced ^= line.starts_with("```");
        fenced || !line.starts_with('#')
    });
    within.flat_map(|line| [line, "\n"]).collect()
}

/// The rows of the only table below a heading whose head begins with this cell.
pub fn table(heading: &str, first: &str) -> Vec<Row> {
    let section = section(heading);
    let cells = |line: &str| -> Row {
        let inner = line.trim().trim_start_matches('|').trim_end_matches('|');
        inner.split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let mut lines = section
        .lines()
        .skip_while(|line| !line.starts_with(&format!("| {first} |")));
    assert!(lines.next().is_some(), "no table of {first} under {heading}");
    let rows = lines.skip(1).take_while(|line| line.starts_with('|'));
    rows.map(cells).collect()
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

/// The fenced blocks of a language, below a heading or anywhere.
pub fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    text.split(&fence)
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap_or_default().to_owned())
        .collect()
}
