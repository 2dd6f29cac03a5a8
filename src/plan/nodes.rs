//! What a document consists of: scalars, lists, maps and aliases, by the events of a parser for YAML 1.2, less what kubectl's
//! parser would refuse.

use std::{borrow::Cow, collections::HashMap, rc::Rc};

use granit_parser::{
    ErrorKind, Event, Options, Parser, ScalarStyle, ScanError, Span, StrInput, StructureStyle, Tag, options,
};

use super::{
    dialect,
    scalars::{self, Scalar},
    unreadable::{Unreadable, Why},
};

/// How deep maps and lists may stand within each other.
pub(super) const DEPTH: usize = 100;
/// How long the text of a key may be in YAML, and so in what server-side apply sends, quotes and escapes included.
pub(super) const LONGEST_KEY: usize = 1024;

/// How a document is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Syntax {
    Yaml,
    /// It is known to be JSON.
    Json,
}

/// The value of the only document, if there is one.
///
/// # Errors
/// When it isn't YAML to kubectl, or would only be read in part.
pub(super) fn compose(text: &str, syntax: Syntax) -> Result<Option<Rc<Node<'_>>>, Unreadable> {
    if syntax == Syntax::Yaml {
        let odd = (1..).zip(text.lines()).find(|(_, line)| line.contains(is_odd));
        if let Some((line, _)) = odd {
            return Err(Unreadable::new(Why::Character, line));
        }
        let blank = |line: &str| line.trim().is_empty() || line.trim().starts_with('#') || line.starts_with("---");
        let first = (1..).zip(text.lines()).find(|(_, line)| !blank(line));
        if let Some((line, _)) = first.filter(|(_, line)| line.starts_with("...")) {
            return Err(Unreadable::new(Why::AfterEnd, line));
        }
    }
    let mut composer = Composer {
        text,
        syntax,
        events: Parser::new_from_str_with_options(text, parser_options(syntax)),
        anchors: HashMap::new(),
        in_flow: 0,
    };
    composer.document()
}

/// The bounds of Go's parser, but for those on nesting.
fn parser_options(syntax: Syntax) -> Options {
    options! {
        emit_anchor_events: true,
        emit_comments: false,
        flow_nesting_limit: DEPTH,
        block_nesting_limit: DEPTH,
        simple_key_max_lookahead: if syntax == Syntax::Json { usize::MAX } else { LONGEST_KEY },
    }
}

/// Characters that Go's parser refuses; and those that end a line there, as in YAML 1.1, and not here.
const fn is_odd(character: char) -> bool {
    matches!(
        character,
        '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}'
            | '\u{fffe}' | '\u{ffff}'
    )
}

/// A value, and where it stands.
pub(super) struct Node<'a> {
    pub(super) line: u64,
    pub(super) content: Content<'a>,
}

/// What a value is made of.
pub(super) enum Content<'a> {
    Scalar {
        text: Cow<'a, str>,
        plain: bool,
        tag: Option<Cow<'a, Tag>>,
    },
    List(Vec<Rc<Node<'a>>>),
    Map(Vec<[Rc<Node<'a>>; 2]>),
    Alias(Rc<Node<'a>>),
}

/// Makes nodes of the parser's events.
struct Composer<'a> {
    text: &'a str,
    syntax: Syntax,
    events: Parser<'a, StrInput<'a>>,
    anchors: HashMap<usize, Rc<Node<'a>>>,
    /// Between how many braces and brackets.
    in_flow: u32,
}

impl<'a> Composer<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), Unreadable> {
        for event in self.events.by_ref() {
            let (event, span) = event.map_err(|error| unreadable(&error))?;
            if self.syntax == Syntax::Yaml
                && let Some(what) = dialect::refused(self.text, &event, &span, self.in_flow > 0)
            {
                return Err(Unreadable::new(Why::Syntax(what.to_owned()), line(&span)));
            }
            if !matches!(event, Event::Anchor(..)) {
                return Ok((event, span));
            }
        }
        Ok((Event::StreamEnd, Span::default()))
    }

    /// The only document, if there is one.
    fn document(&mut self) -> Result<Option<Rc<Node<'a>>>, Unreadable> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(root),
                Event::DocumentStart(..) if root.is_some() => {
                    return Err(Unreadable::new(Why::AfterEnd, line(&span)));
                }
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
                event => root = Some(self.node(event, &span)?),
            }
        }
    }

    fn node(&mut self, event: Event<'a>, span: &Span) -> Result<Rc<Node<'a>>, Unreadable> {
        let line = line(span);
        let (content, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                // JSON's numbers are YAML's too, but for those out of range.
                let plain = style == ScalarStyle::Plain;
                if plain && self.syntax == Syntax::Json && matches!(scalars::plain(&text), Scalar::Text(_)) {
                    return Err(Unreadable::new(Why::OutOfRange, line));
                }
                (Content::Scalar { text, plain, tag }, anchor)
            }
            Event::SequenceStart(style, anchor, _) => {
                let items = self.within(style, Self::items)?;
                (Content::List(items), anchor)
            }
            Event::MappingStart(style, anchor, _) => {
                let entries = self.within(style, Self::entries)?;
                (Content::Map(entries), anchor)
            }
            Event::Alias(anchor) => {
                // One that isn't there yet is the one that this stands in.
                let node = self.anchors.get(&anchor).cloned();
                (Content::Alias(node.ok_or(Unreadable::new(Why::Alias, line))?), 0)
            }
            _ => return Err(Unreadable::new(Why::Syntax("it ends too early".to_owned()), line)),
        };
        let node = Rc::new(Node { line, content });
        if anchor != 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        Ok(node)
    }

    fn within<T>(&mut self, style: StructureStyle, read: impl FnOnce(&mut Self) -> T) -> T {
        let flow = u32::from(style == StructureStyle::Flow);
        self.in_flow += flow;
        let read = read(self);
        self.in_flow -= flow;
        read
    }

    fn items(&mut self) -> Result<Vec<Rc<Node<'a>>>, Unreadable> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, span) => items.push(self.node(event, &span)?),
            }
        }
    }

    fn entries(&mut self) -> Result<Vec<[Rc<Node<'a>>; 2]>, Unreadable> {
        let mut entries = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                return Ok(entries);
            }
            let key = self.node(event, &span)?;
            let (event, span) = self.next()?;
            entries.push([key, self.node(event, &span)?]);
        }
    }
}

fn line(span: &Span) -> u64 {
    span.start.line() as u64
}

fn unreadable(error: &ScanError) -> Unreadable {
    let why = match error.kind() {
        ErrorKind::UnknownAnchor => Why::Alias,
        ErrorKind::RecursionLimitExceeded => Why::Depth,
        // It would be shown.
        ErrorKind::UnexpectedCharacter { .. } => Why::Syntax("there is a character that must be in quotes".to_owned()),
        kind => Why::Syntax(kind.to_string()),
    };
    Unreadable::new(why, error.marker().line() as u64)
}
