//! Pages whose commands are run one after the other, as somebody who reads the page would, with an operator at work.

use appconfig_emulator::{Emulator, Options, Seed};
use harness::{Flags, Operator, Processes};

use crate::{
    commands::{Mark, commands},
    document::Page,
    recipes::Shell,
};

/// The pages, by name. All but the first one find a resource whose ramp waits for its window.
pub const PAGES: [&str; 5] = [
    "first-ramp",
    "how-to",
    "losing-resources",
    "production",
    "troubleshooting",
];

/// An emulated `AppConfig` with the samples' run at 0 %, and an operator that looks after the samples' namespace.
async fn at_work(shell: &Shell) -> (Emulator, Operator) {
    let emulator = Emulator::start(Options::default()).await.unwrap();
    let experiment = emulator.seed(&Seed::default()).unwrap();
    emulator.start_run(&experiment, 0.0).unwrap();
    let operator = Operator::start(&Flags {
        namespace: "checkout".to_owned(),
        endpoint: emulator.endpoint(),
        kubeconfig: shell.operator_kubeconfig(),
        arguments: vec!["--leader-elect=false".to_owned()],
        environment: vec![],
        processes: Processes::default(),
    });
    (emulator, operator)
}

/// Runs a page's commands, and gives how many blocks there were.
fn follow(shell: &Shell, page: &Page) -> usize {
    let mut followed = 0;
    for block in commands(page) {
        let Mark::Followed { exit_code } = Mark::of(page, &block) else {
            continue;
        };
        let output = shell.attempt(&block.text);
        let said = String::from_utf8_lossy(&output.stderr);
        let place = format!("{}:{}", page.path().display(), block.line);
        assert_eq!(output.status.code(), Some(exit_code), "{place}: {said}\n{}", block.text);
        followed += 1;
    }
    followed
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_that_can_be_followed_works_as_it_is_written() {
    let shell = Shell::start();
    for (number, name) in PAGES.into_iter().enumerate() {
        let (_emulator, mut operator) = at_work(&shell).await;
        if number > 0 {
            shell.run("kubectl apply --server-side -f deploy/samples/ramp-careful.yaml");
            shell.run("kubectl wait exprun/add-to-cart-1 -n checkout --for=condition=Ready --timeout=60s");
        }
        assert!(
            follow(&shell, &Page::docs(name)) > 0,
            "{name} has no commands to follow"
        );
        shell.run("kubectl delete exprun --all -n checkout");
        operator.stop().await;
    }
}
