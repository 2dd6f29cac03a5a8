//! What is logged, where to and how.
//!
//! On the map this stands beside the pass: `main` sets it up once, and every room writes through `tracing`. The rooms
//! keep entity IDs and credentials out of what they write; this one keeps out what the crates beneath them would write.

mod lines;

use std::{io, str::FromStr};

use tracing::{Level, level_filters::LevelFilter};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::{FilterExt, Targets},
    fmt::format::JsonFields,
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

/// The target of this crate's own lines: the only ones that `--log-level` can bring down to `trace`.
const OWN_TARGET: &str = env!("CARGO_CRATE_NAME");

/// The most that other crates may say, whatever the user asks for. Where no line stands here it is `warn`: below that,
/// HTTP clients write headers and bodies, and resources carry entity IDs.
const CAPS: &[(&str, LevelFilter)] = &[
    (OWN_TARGET, LevelFilter::TRACE),
    // kube-client 5 writes a whole answer at WARN when it can't be parsed (`client/mod.rs`: `warn!("{}, {:?}", text, e)`),
    // and at DEBUG what the API server says of a refused object, which may quote it.
    ("kube_client", LevelFilter::ERROR),
    // The AWS crates write errors at WARN together with the raw answer (`SdkBody`'s `Debug` shows its bytes), and an
    // answer of STS that can't be parsed holds credentials.
    ("aws_config", LevelFilter::ERROR),
    ("aws_credential_types", LevelFilter::ERROR),
    ("aws_runtime", LevelFilter::ERROR),
    ("aws_sdk_sts", LevelFilter::ERROR),
    ("aws_sdk_sso", LevelFilter::ERROR),
    ("aws_sdk_ssooidc", LevelFilter::ERROR),
    ("aws_sigv4", LevelFilter::ERROR),
    ("aws_smithy_http_client", LevelFilter::ERROR),
    ("aws_smithy_runtime", LevelFilter::ERROR),
    ("aws_smithy_runtime_api", LevelFilter::ERROR),
];

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line, for machines.
    #[default]
    Json,
    /// One line of text, for people.
    Text,
}

/// Which lines are logged: levels and targets in the syntax of
/// [`EnvFilter`](https://docs.rs/tracing-subscriber/latest/tracing_subscriber/filter/struct.EnvFilter.html#directives),
/// such as `debug` or `info,appconfig_experiment_operator::leader=trace`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFilter(String);

/// The text selects no log lines.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("use a level (error, warn, info, debug, trace or off), or targets such as info,{OWN_TARGET}::leader=debug")]
pub struct InvalidLogFilter;

impl FromStr for LogFilter {
    type Err = InvalidLogFilter;

    /// # Errors
    /// When the text is no filter. A lone word must be a level: `EnvFilter` takes `inof` for the name of a target, and
    /// such a typing error would silence everything.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = !text.contains('[');
        let mistyped = |part: &str| !part.contains('=') && part.trim().parse::<LevelFilter>().is_err();
        if text.trim().is_empty() || (plain && text.split(',').any(mistyped)) {
            return Err(InvalidLogFilter);
        }
        EnvFilter::builder().parse(text).map_err(|_| InvalidLogFilter)?;
        Ok(Self(text.to_owned()))
    }
}

impl std::fmt::Display for LogFilter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Sends log lines to standard output from now on, for the whole process.
///
/// # Errors
/// When the process has a subscriber already.
pub fn install(format: LogFormat, filter: &LogFilter) -> Result<(), tracing_subscriber::util::TryInitError> {
    tracing_subscriber::registry()
        .with(layer(format, filter, io::stdout))
        .try_init()
}

/// The layer that writes to `writer` what `filter` asks for and the caps allow.
fn layer<W>(format: LogFormat, filter: &LogFilter, writer: W) -> Box<dyn Layer<Registry> + Send + Sync>
where
    W: for<'a> tracing_subscriber::fmt::MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    let wanted = EnvFilter::new(&filter.0).and(caps());
    match format {
        LogFormat::Json => lines
            .fmt_fields(JsonFields::new())
            .event_format(lines::FlatJson)
            .with_filter(wanted)
            .boxed(),
        LogFormat::Text => {
            let terminal = io::IsTerminal::is_terminal(&io::stdout());
            lines.with_ansi(terminal).with_filter(wanted).boxed()
        }
    }
}

/// [`CAPS`] as a filter.
fn caps() -> Targets {
    Targets::new()
        .with_targets(CAPS.iter().copied())
        .with_default(Level::WARN)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::sync::{Arc, Mutex};

    use super::*;

    /// What a log was given.
    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The log that `lines` leaves behind when `filter` is asked for.
    fn log(format: LogFormat, filter: &str, lines: impl FnOnce()) -> String {
        let written = Written::default();
        let target = written.clone();
        let layer = layer(format, &filter.parse().unwrap(), move || target.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), lines);
        let bytes = written.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn p11_bodies_and_headers_of_other_crates_are_never_logged() {
        let everything = "trace,kube_client=trace,kube_client::client=trace,hyper=trace,aws_config=trace,reqwest=trace";
        let log = log(LogFormat::Text, everything, || {
            tracing::warn!(target: "kube_client::client", "alice body");
            tracing::info!(target: "kube_runtime::watcher", "alice object");
            tracing::debug!(target: "hyper_util::client", "alice header");
            tracing::trace!(target: "hyper::proto", "alice bytes");
            tracing::trace!(target: "reqwest::connect", "alice bytes");
            tracing::warn!(target: "aws_config::web_identity_token", "alice token");
            tracing::error!(target: "kube_client::client::builder", "unreachable");
            tracing::trace!("own line");
        });
        assert!(!log.contains("alice"), "{log}");
        assert!(log.contains("unreachable") && log.contains("own line"), "{log}");
    }

    #[test]
    fn p11_the_fields_of_other_crates_spans_are_never_logged() {
        let log = log(LogFormat::Json, "trace", || {
            let span = tracing::info_span!(target: "kube_runtime::controller", "reconciling", object = "alice");
            span.in_scope(|| tracing::info!("own line"));
        });
        assert!(log.contains("own line") && !log.contains("alice"), "{log}");
    }

    #[test]
    fn json_lines_carry_their_fields_and_those_of_their_spans() {
        let log = log(LogFormat::Json, "info", || {
            let span = tracing::info_span!("pass", namespace = "checkout", name = "add-to-cart", generation = 4);
            span.in_scope(|| tracing::info!(requestId = "r-1", "sent"));
            tracing::debug!("too quiet");
        });
        let line: serde_json::Value = serde_json::from_str(log.trim()).unwrap();
        assert_eq!((&line["message"], &line["requestId"]), (&"sent".into(), &"r-1".into()));
        let of_span = (&line["namespace"], &line["name"], &line["generation"]);
        assert_eq!(of_span, (&"checkout".into(), &"add-to-cart".into(), &4.into()));
        assert_eq!((&line["level"], line["timestamp"].is_string()), (&"INFO".into(), true));
    }

    #[test]
    fn mistyped_levels_are_refused() {
        for text in ["", "inof", "info,kube", "info,kube=loud", "="] {
            assert!(text.parse::<LogFilter>().is_err(), "{text:?}");
        }
        for text in [
            "info",
            "TRACE",
            "off",
            "info,appconfig_experiment_operator::leader=debug",
            "warn,[pass]=trace",
        ] {
            assert!(text.parse::<LogFilter>().is_ok(), "{text:?}");
        }
    }
}
