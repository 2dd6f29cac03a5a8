//! Why a text is no document.

use std::fmt;

/// Why a text can't be read, and from which of its lines on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unreadable {
    pub(super) why: Why,
    /// From 1.
    pub(super) line: u64,
}

impl Unreadable {
    pub(super) const fn new(why: Why, line: u64) -> Self {
        Self { why, line }
    }
}

/// Why a text can't be read. None of these says what stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// It is neither UTF-8, nor UTF-16 with a byte-order mark.
    Encoding,
    /// A character that YAML doesn't have, or takes for the end of a line in one version and not in another.
    Character,
    /// A line begins with `---`, and goes on.
    Separator,
    /// JSON objects in a row are followed by something else.
    AfterJson,
    /// `...` is followed by something, which kubectl would pass over in silence.
    AfterEnd,
    /// It is a template that nobody has filled in.
    Template,
    /// A map has an entry twice.
    DoubledKey,
    /// The name of an entry is a list, a map, nothing, or a number that is too large.
    Key,
    /// A number that JSON doesn't have.
    OutOfRange,
    /// A value doesn't fit its tag.
    Tag,
    /// What is merged with `<<` is no map.
    Merge,
    /// An alias of an anchor that isn't there, or that it is a part of.
    Alias,
    /// Aliases of aliases.
    ManyAliases,
    /// Maps and lists within each other without end.
    Depth,
    /// It isn't YAML, in the parser's words, which show nothing of it.
    Syntax(String),
}

impl fmt::Display for Why {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Encoding => "it is neither UTF-8 nor UTF-16 with a byte-order mark",
            Self::Character => "a character that YAML does not allow: in double quotes, write it as an escape",
            Self::Separator => "a line that begins with --- may go on with a comment only",
            Self::AfterJson => "something other than a JSON object follows the JSON objects",
            Self::AfterEnd => "kubectl would skip what follows ...: begin a document with ---",
            Self::Template => "it is a template: render it first, as in helm template … | plan -f -",
            Self::DoubledKey => "a key that this map already has",
            Self::Key => "a key must be text: put it in quotes",
            Self::OutOfRange => "a number out of range",
            Self::Tag => "a value that does not fit its tag",
            Self::Merge => "<< must be followed by a map or a list of maps",
            Self::Alias => "an alias of an anchor that does not exist",
            Self::ManyAliases => "too many aliases of aliases",
            Self::Depth => "maps and lists are nested too deeply",
            Self::Syntax(what) => return write!(formatter, "it is not YAML or JSON: {what}"),
        })
    }
}
