//! [`Format`]: in which of the two text formats metrics are written.

/// A text format of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::doc_markdown, reason = "OpenMetrics is a name")]
pub enum Format {
    /// [Prometheus' own](https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format).
    Prometheus,
    /// [OpenMetrics](https://prometheus.io/docs/specs/om/open_metrics_spec/).
    OpenMetrics,
}

impl Format {
    /// Its media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// The format to answer with, for the values of a request's `Accept`: the one that is preferred. Whoever doesn't name
    /// OpenMetrics can't read it.
    #[allow(clippy::doc_markdown, reason = "OpenMetrics is a name")]
    pub fn accepted<'a>(accept: impl IntoIterator<Item = &'a str>) -> Self {
        let (mut open_metrics, mut text) = (0.0, 0.0);
        for range in accept.into_iter().flat_map(|value| value.split(',')) {
            let mut parts = range.split(';').map(str::trim);
            let weight = match parts.next().unwrap_or_default().to_ascii_lowercase().as_str() {
                "application/openmetrics-text" => &mut open_metrics,
                "text/plain" | "text/*" | "*/*" => &mut text,
                _ => continue,
            };
            let quality = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
            *weight = f32::max(
                *weight,
                quality.map_or(1.0, |quality| quality.parse().unwrap_or_default()),
            );
        }
        if open_metrics > 0.0 && open_metrics >= text {
            Self::OpenMetrics
        } else {
            Self::Prometheus
        }
    }
}

/// OpenMetrics in Prometheus' text format: there a counter is named as its sample is, and there are neither units nor a
/// mark at the end.
#[allow(clippy::doc_markdown, reason = "OpenMetrics is a name")]
pub(super) fn in_prometheus_format(open_metrics: &str) -> String {
    let mut text = String::with_capacity(open_metrics.len());
    // What a family is stands in the line after its help.
    let mut help = None;
    let mut line = |words: &[&str]| {
        for (place, word) in words.iter().enumerate() {
            text.push_str(if place == 0 { "" } else { " " });
            text.push_str(word);
        }
        text.push('\n');
    };
    for read in open_metrics.lines() {
        if let Some(words) = read.strip_prefix("# HELP ") {
            help = words.split_once(' ');
        } else if let Some((family, kind)) = read.strip_prefix("# TYPE ").and_then(|words| words.split_once(' ')) {
            let (suffix, kind) = match kind {
                "counter" => ("_total", "counter"),
                "unknown" => ("", "untyped"),
                kind => ("", kind),
            };
            let name = format!("{family}{suffix}");
            if let Some((_, words)) = help.take().filter(|(of, _)| *of == family) {
                line(&["# HELP", &name, words]);
            }
            line(&["# TYPE", &name, kind]);
        } else if !read.starts_with("# ") {
            line(&[read]);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_preferred_is_answered_and_open_metrics_only_to_whom_names_it() {
        // What Prometheus 3 sends.
        let prometheus = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                          application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;q=0.4,\
                          text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        for (accept, expected) in [
            (&[][..], Format::Prometheus),
            (&["*/*"], Format::Prometheus),
            (&["text/html, application/xml;q=0.9, */*;q=0.8"], Format::Prometheus),
            (&["application/openmetrics-text"], Format::OpenMetrics),
            (
                &["application/openmetrics-text; version=1.0.0; charset=utf-8"],
                Format::OpenMetrics,
            ),
            (&["Application/OpenMetrics-Text", "text/plain"], Format::OpenMetrics),
            (&["text/plain, application/openmetrics-text;q=0.5"], Format::Prometheus),
            (&["application/openmetrics-text;q=0"], Format::Prometheus),
            (&["application/openmetrics-text;q=much"], Format::Prometheus),
            (&[prometheus], Format::OpenMetrics),
        ] {
            assert_eq!(Format::accepted(accept.iter().copied()), expected, "{accept:?}");
        }
    }

    #[test]
    fn a_counter_is_named_as_its_sample_is() {
        let open_metrics = "# HELP a_b Help of # it.\n# TYPE a_b counter\n# UNIT a_b b\na_b_total{c=\"# d\"} 1\n# HELP e F.\n\
                            # TYPE e histogram\ne_sum 0.5\ne_bucket{le=\"+Inf\"} 1\n# TYPE g unknown\ng 1\n# EOF\n";
        let prometheus = "# HELP a_b_total Help of # it.\n# TYPE a_b_total counter\na_b_total{c=\"# d\"} 1\n# HELP e F.\n\
                          # TYPE e histogram\ne_sum 0.5\ne_bucket{le=\"+Inf\"} 1\n# TYPE g untyped\ng 1\n";
        assert_eq!(in_prometheus_format(open_metrics), prometheus);
    }
}
