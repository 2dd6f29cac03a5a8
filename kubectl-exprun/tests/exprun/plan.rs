//! `plan`: as the operator's own, and as Markdown.

use crate::plugin::exprun;

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/samples/ramp-careful.yaml");

#[tokio::test(flavor = "multi_thread")]
async fn it_previews_a_manifest_as_the_operator_does() {
    let arguments = ["plan", "-f", SAMPLE, "--from", "0", "--at", "2026-11-23T08:00:00Z"];
    let text = exprun(&arguments).await;
    assert_eq!(text.code, 2, "something would be sent: {text:?}");
    assert!(text.out.contains("why then"), "{text:?}");
    let lines = exprun(&[&arguments[..], &["-o", "json"]].concat()).await.lines();
    let raises = lines[0]["timeline"].as_array().unwrap().len();
    assert!(raises > 3);

    let page = exprun(&[&arguments[..], &["-o", "markdown"]].concat()).await;
    assert_eq!(page.code, 2);
    let rows = page.out.lines().filter(|line| line.starts_with("| ")).count();
    assert_eq!(rows, raises + 1, "the heads and a row for each raise: {}", page.out);
    let (_, drawing) = page.out.split_once("```mermaid\ntimeline\n").unwrap();
    let (drawing, _) = drawing.split_once("```\n").unwrap();
    let events: Vec<&str> = drawing.lines().filter(|line| line.contains(" : ")).collect();
    assert_eq!(events.len(), raises + 1, "{drawing}");
    // A colon ends a word in Mermaid.
    assert!(
        events.iter().all(|event| event.matches(':').count() == 1),
        "{events:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn its_exit_codes_are_its_own() {
    let wrong = exprun(&["plan"]).await;
    assert_eq!(wrong.code, 1, "{wrong:?}");
    let missing = exprun(&["plan", "-f", "/nowhere.yaml", "--from", "0"]).await;
    assert_eq!(missing.code, 1);
    assert!(
        missing.error.starts_with("kubectl exprun: /nowhere.yaml"),
        "{missing:?}"
    );
}
