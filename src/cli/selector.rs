//! [`Selector`]: which resources are this operator's.

use std::{collections::BTreeSet, str::FromStr};

use kube::core::Expression;

use super::values::{InvalidValue, is_dns_label};

/// A [label selector](https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors), as
/// `kubectl get --selector` takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    text: String,
    parsed: kube::core::Selector,
}

impl Selector {
    /// The selector, as the API server reads it in `labelSelector`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The selector, as it is asked whether it matches labels.
    #[must_use]
    pub const fn parsed(&self) -> &kube::core::Selector {
        &self.parsed
    }
}

impl FromStr for Selector {
    type Err = InvalidValue;

    /// # Errors
    /// When the API server would refuse the selector; it would only be seen in the log of a watch that never starts.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rule = "a label selector looks like team=checkout, tier!=test, stage in (a, b), or a label's key";
        let requirements = requirements(text).and_then(|parts| parts.into_iter().map(requirement).collect());
        requirements.ok_or(InvalidValue(rule)).map(|parsed| Self {
            text: text.to_owned(),
            parsed,
        })
    }
}

/// The parts of a selector, which commas outside of parentheses separate; none when parentheses don't match.
fn requirements(text: &str) -> Option<Vec<&str>> {
    let (mut parts, mut start, mut inside) = (Vec::new(), 0, false);
    for (position, character) in text.char_indices() {
        match character {
            '(' if !inside => inside = true,
            ')' if inside => inside = false,
            '(' | ')' => return None,
            ',' if !inside => {
                parts.push(&text[start..position]);
                start = position + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    (!inside).then_some(parts)
}

/// One of `key`, `!key`, `key=value`, `key==value`, `key!=value`, `key in (a, b)`, `key notin (a, b)`.
fn requirement(text: &str) -> Option<Expression> {
    let text = text.trim();
    if let Some(key) = text.strip_prefix('!') {
        return label_key(key).map(Expression::DoesNotExist);
    }
    if let Some((head, values)) = text.strip_suffix(')').and_then(|rest| rest.split_once('(')) {
        let mut words = head.split_whitespace();
        let (key, operator) = (label_key(words.next()?)?, words.next()?);
        let values: Option<BTreeSet<String>> = values.split(',').map(label_value).collect();
        return match (operator, words.next()) {
            ("in", None) => Some(Expression::In(key, values?)),
            ("notin", None) => Some(Expression::NotIn(key, values?)),
            _ => None,
        };
    }
    for (operator, expression) in [
        ("!=", Expression::NotEqual as fn(String, String) -> Expression),
        ("==", Expression::Equal),
        ("=", Expression::Equal),
    ] {
        if let Some((key, value)) = text.split_once(operator) {
            return Some(expression(label_key(key)?, label_value(value)?));
        }
    }
    label_key(text).map(Expression::Exists)
}

/// A name, after an optional DNS subdomain and a slash.
fn label_key(text: &str) -> Option<String> {
    let text = text.trim();
    let (prefix, name) = text
        .split_once('/')
        .map_or((None, text), |(prefix, name)| (Some(prefix), name));
    let legal_prefix = prefix.is_none_or(|prefix| prefix.len() <= 253 && prefix.split('.').all(is_dns_label));
    (legal_prefix && !name.is_empty() && label_value(name)? == name).then(|| text.to_owned())
}

/// Up to 63 letters, digits, `-`, `_` and `.`, starting and ending with a letter or digit; or nothing.
fn label_value(text: &str) -> Option<String> {
    let text = text.trim();
    let legal = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
    let edge = |character: Option<char>| character.is_none_or(|character| character.is_ascii_alphanumeric());
    let fits = text.len() <= 63 && text.chars().all(legal) && edge(text.chars().next()) && edge(text.chars().last());
    fits.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::collections::BTreeMap;

    use kube::core::SelectorExt;

    use super::*;

    #[test]
    fn selectors_are_those_of_kubectl() {
        for good in [
            "team=checkout",
            "a==b",
            "a!=b,c",
            "!a",
            "example.com/team in (a, b),c notin (d)",
            "team=",
        ] {
            assert!(good.parse::<Selector>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "a,",
            "a=b=c",
            "a in b",
            "a in (b",
            "a in ((b))",
            "a within (b)",
            "a in (b) c",
            "-a=b",
            "a=b c",
            "/a=b",
            "a/ b=c",
        ] {
            assert!(bad.parse::<Selector>().is_err(), "{bad}");
        }
    }

    #[test]
    fn labels_are_matched_as_the_api_server_does() {
        let labels = BTreeMap::from([
            ("team".to_owned(), "checkout".to_owned()),
            ("bare".to_owned(), String::new()),
        ]);
        for (selector, matches) in [
            ("team=checkout", true),
            ("team == checkout,bare", true),
            ("team=search", false),
            ("team!=search,absent!=x", true),
            ("team!=checkout", false),
            ("team in (search, checkout)", true),
            ("team in (search)", false),
            ("absent in (x)", false),
            ("absent notin (x)", true),
            ("team notin (checkout)", false),
            ("bare=,bare in ()", true),
            ("absent=", false),
            ("!absent", true),
            ("!team", false),
            ("absent", false),
        ] {
            let parsed = selector.parse::<Selector>().unwrap();
            assert_eq!(parsed.parsed().matches(&labels), matches, "{selector}");
        }
    }
}
