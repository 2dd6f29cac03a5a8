//! The links of every page lead somewhere, and the files that a page names are there.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use crate::document::{Page, ROOT, code};

/// The folders whose files a page may name by their path from the root.
const FOLDERS: [&str; 7] = [".ci/", "crds/", "deploy/", "docs/", "kubectl-exprun/", "src/", "tests/"];

/// The targets of a page's links that lead to a place in the repository.
fn links(page: &Page) -> Vec<String> {
    let targets = page.prose().join("\n");
    let targets = targets.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets
        .filter(|target| !target.starts_with("https://"))
        .map(str::to_owned)
        .collect()
}

/// The anchors of a page's headings, as a code host makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut fenced = false;
    let headings = text.lines().filter(|line| {
        fenced ^= line.starts_with("```");
        !fenced && line.starts_with('#')
    });
    let kept = |character: &char| character.is_alphanumeric() || matches!(character, ' ' | '-' | '_');
    headings
        .map(|heading| heading.trim_start_matches('#').trim().to_lowercase())
        .map(|heading| heading.chars().filter(kept).collect::<String>().replace(' ', "-"))
        .collect()
}

fn is_there(page: &Page, link: &str) -> bool {
    let (path, anchor) = link
        .split_once('#')
        .map_or((link, None), |(path, anchor)| (path, Some(anchor)));
    let own = Path::new(ROOT).join(page.path());
    let target: PathBuf = match path {
        "" => own,
        path => own.parent().unwrap().join(path),
    };
    match anchor {
        None => target.exists(),
        Some(anchor) => fs::read_to_string(target).is_ok_and(|text| anchors(&text).contains(anchor)),
    }
}

#[test]
fn every_link_leads_to_a_file_and_a_heading_that_are_there() {
    let pages = Page::all();
    let links = pages
        .iter()
        .flat_map(|page| links(page).into_iter().map(move |link| (page, link)));
    let links: Vec<_> = links.collect();
    assert!(links.len() > 50, "{}", links.len());
    let broken: Vec<_> = links.iter().filter(|(page, link)| !is_there(page, link)).collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_page_can_be_reached_from_the_readme() {
    let mut reached: BTreeSet<_> = links(&Page::readme()).into_iter().collect();
    let runbooks = links(&Page::docs("monitoring")).into_iter();
    reached.extend(
        runbooks
            .map(|link| format!("docs/{link}"))
            .filter(|link| link.starts_with("docs/runbooks/")),
    );
    for page in Page::all().iter().filter(|page| page.path().starts_with("docs")) {
        assert!(reached.contains(page.path().to_str().unwrap()), "{page:?}");
    }
}

#[test]
fn every_file_that_a_page_names_is_there() {
    let mut named = 0;
    for page in Page::all() {
        let words = code(&page.prose().join("\n"));
        let paths = words
            .iter()
            .filter(|word| FOLDERS.iter().any(|folder| word.starts_with(folder)));
        for path in paths {
            named += 1;
            assert!(Path::new(ROOT).join(path).exists(), "{page:?} names {path}");
        }
    }
    assert!(named > 40, "{named}");
}
