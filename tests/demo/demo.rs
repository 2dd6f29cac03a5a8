//! `make demo` and `make up`: the operator on a real API server, with an emulated `AppConfig`.
//!
//! `demo` tells the [`story`] on a [`stage`] and fails when something is not as it says. `demo up` leaves the stage to a
//! person.

mod ramp;
mod resource;
mod stage;
mod story;

use std::{process::ExitCode, time::Instant};

use stage::{Audience, Outcome, Stage};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => demonstrate(),
        ["up"] => leave_to_a_person(),
        _ => Err("usage: demo [up]".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\ndemo: {error}");
            ExitCode::FAILURE
        }
    }
}

fn demonstrate() -> Outcome {
    let started = Instant::now();
    let stage = Stage::start(Audience::Reader)?;
    if let Err(error) = story::tell(&stage) {
        eprintln!("\nThe end of the operator's log:\n{}", stage.end_of_operator_log());
        return Err(format!("this was not as narrated: {error}").into());
    }
    println!(
        "\nEverything was as narrated. It took {} s.",
        started.elapsed().as_secs()
    );
    Ok(())
}

fn leave_to_a_person() -> Outcome {
    let stage = Stage::start(Audience::Visitor)?;
    println!("{}", instructions(&stage));
    stage.until_told_to_stop()?;
    println!("\nStopped, and nothing stays behind.");
    Ok(())
}

fn instructions(stage: &Stage) -> String {
    let (kubeconfig, kubectl) = (stage.kubeconfig(), stage.kubectl_path());
    let endpoint = stage.endpoint();
    let settings = r#"'{"deploymentInProgress":["production"]}'"#;
    format!(
        "
It is up. The operator's log follows here; Ctrl-C stops everything. In another terminal, in this directory:

  export KUBECONFIG={kubeconfig}
  alias kubectl={kubectl}

  kubectl apply --server-side -f deploy/samples/validate.yaml     # run 1 of add-to-cart in shop, for one tester
  kubectl apply --server-side -f deploy/samples/expose.yaml       # the same run, for a quarter of the audience
  kubectl get exprun -o wide
  kubectl describe exprun add-to-cart-1
  kubectl explain exprun.spec

docs/first-ramp.md goes through a ramp, command by command. The emulated AppConfig is at {endpoint}:

  curl -s {endpoint}/applications/shop/experimentdefinitions/add-to-cart/experimentruns/1    # the run as AppConfig has it
  curl -s {endpoint}/_emulator/requests                                                      # what it was asked
  curl -X PUT {endpoint}/_emulator/settings -d {settings}    # updates are answered 409 until it is []
"
    )
}
