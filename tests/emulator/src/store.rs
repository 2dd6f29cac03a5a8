//! What the service remembers: applications, what is in them, and every version that a run has had.

use std::{collections::BTreeMap, time::Instant};

use jiff::Timestamp;
use serde_json::Value;

use crate::{answer::Refusal, settings::IdentifierPrecedence};

/// Everything in one account and region.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) applications: Vec<Application>,
}

#[derive(Debug)]
pub(crate) struct Application {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) environments: Vec<Environment>,
    pub(crate) profiles: Vec<Profile>,
    pub(crate) definitions: Vec<Definition>,
}

#[derive(Debug)]
pub(crate) struct Environment {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) monitors: Option<Value>,
    /// How many deployments there have been, all of type MANAGED and finished at once (seen).
    pub(crate) deployments: u32,
}

#[derive(Debug)]
pub(crate) struct Profile {
    pub(crate) id: String,
    pub(crate) name: String,
}

/// An experiment definition, with its runs in the order of their numbers from 1.
#[derive(Debug)]
pub(crate) struct Definition {
    pub(crate) content: DefinitionContent,
    pub(crate) archived: bool,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    pub(crate) runs: Vec<RunHistory>,
}

/// What a run takes a snapshot of.
#[derive(Debug, Clone)]
pub(crate) struct DefinitionContent {
    pub(crate) application_id: String,
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) hypothesis: Option<String>,
    pub(crate) profile_id: String,
    pub(crate) environment_id: String,
    pub(crate) flag_key: String,
    pub(crate) audience_rule: String,
    pub(crate) audience_description: Option<String>,
    pub(crate) launch_criteria: Option<String>,
    pub(crate) treatments: Vec<Treatment>,
    pub(crate) control: Treatment,
}

#[derive(Debug, Clone)]
pub(crate) struct Treatment {
    /// Assigned by the service: `c` for control, then `t1`, `t2` (seen).
    pub(crate) key: String,
    pub(crate) weight: f32,
    pub(crate) description: Option<String>,
    pub(crate) flag_value: Value,
}

pub(crate) type Overrides = BTreeMap<String, String>;

/// A run as it was at one time.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) number: u32,
    /// Absent if never set; empty if cleared.
    pub(crate) description: Option<String>,
    pub(crate) done: bool,
    pub(crate) exposure: f32,
    /// Absent if never set; empty if cleared.
    pub(crate) overrides: Option<Overrides>,
    pub(crate) result: Option<Value>,
    pub(crate) started_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    pub(crate) ended_at: Option<Timestamp>,
    pub(crate) snapshot: DefinitionContent,
}

#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) kind: &'static str,
    pub(crate) occurred_at: Timestamp,
    pub(crate) triggered_by: &'static str,
    pub(crate) exposure: f32,
    pub(crate) overrides: Option<Overrides>,
    pub(crate) description: String,
    pub(crate) deployment: Option<String>,
}

/// All versions of a run: the newest is live, the others are what a stale read shows.
#[derive(Debug)]
pub(crate) struct RunHistory {
    first: (Instant, Run),
    later: Vec<(Instant, Run)>,
    pub(crate) events: Vec<Event>,
}

/// How far behind a read is.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Staleness {
    pub(crate) versions: usize,
    pub(crate) milliseconds: u64,
}

impl RunHistory {
    pub(crate) fn new(run: Run) -> Self {
        Self {
            first: (Instant::now(), run),
            later: Vec::new(),
            events: Vec::new(),
        }
    }

    pub(crate) fn live(&self) -> &Run {
        self.later.last().map_or(&self.first.1, |(_, run)| run)
    }

    pub(crate) fn push(&mut self, run: Run) {
        self.later.push((Instant::now(), run));
    }

    /// The run as a read sees it that is this far behind; never before its start.
    pub(crate) fn seen(&self, staleness: Staleness) -> &Run {
        let settled = |at: &Instant| {
            at.elapsed().as_millis() >= u128::from(staleness.milliseconds) || staleness.milliseconds == 0
        };
        let visible = self.later.iter().filter(|(at, _)| settled(at)).count();
        match visible.checked_sub(staleness.versions + 1) {
            Some(index) => &self.later[index].1,
            None => &self.first.1,
        }
    }
}

/// What has both an ID and a name, and can be meant by either.
pub(crate) trait Identified {
    fn id(&self) -> &str;
    fn name(&self) -> &str;
}

macro_rules! identified {
    ($($kind:ty: $id:ident $(. $id_rest:ident)?, $name:ident $(. $name_rest:ident)?;)*) => {$(
        impl Identified for $kind {
            fn id(&self) -> &str {
                &self.$id$(.$id_rest)?
            }
            fn name(&self) -> &str {
                &self.$name$(.$name_rest)?
            }
        }
    )*};
}

identified! {
    Application: id, name;
    Environment: id, name;
    Profile: id, name;
    Definition: content.id, content.name;
}

/// Where among `items` the one is that `identifier` means.
pub(crate) fn position<T: Identified>(
    items: &[T],
    identifier: &str,
    precedence: IdentifierPrecedence,
) -> Option<usize> {
    let by_id = || items.iter().position(|item| item.id() == identifier);
    let by_name = || items.iter().position(|item| item.name() == identifier);
    match precedence {
        IdentifierPrecedence::Id => by_id().or_else(by_name),
        IdentifierPrecedence::Name => by_name().or_else(by_id),
    }
}

/// Where a definition is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) application: usize,
    pub(crate) definition: usize,
}

impl World {
    pub(crate) fn application(&self, identifier: &str, precedence: IdentifierPrecedence) -> Result<usize, Refusal> {
        position(&self.applications, identifier, precedence)
            .ok_or_else(|| Refusal::not_found("Application", identifier))
    }

    pub(crate) fn place(
        &self,
        application: &str,
        definition: &str,
        precedence: IdentifierPrecedence,
    ) -> Result<Place, Refusal> {
        let application = self.application(application, precedence)?;
        let definition = position(&self.applications[application].definitions, definition, precedence)
            .ok_or_else(|| Refusal::not_found("Experiment definition", definition))?;
        Ok(Place {
            application,
            definition,
        })
    }

    pub(crate) fn definition(&self, place: Place) -> &Definition {
        &self.applications[place.application].definitions[place.definition]
    }

    pub(crate) fn definition_mut(&mut self, place: Place) -> &mut Definition {
        &mut self.applications[place.application].definitions[place.definition]
    }

    pub(crate) fn run(&self, place: Place, number: u32) -> Result<&RunHistory, Refusal> {
        let definition = self.definition(place);
        let index = (number as usize).wrapping_sub(1);
        definition.runs.get(index).ok_or_else(|| {
            let text = format!("{number} of experiment definition {}", definition.content.id);
            Refusal::not_found("Experiment run", &text)
        })
    }

    pub(crate) fn run_mut(&mut self, place: Place, number: u32) -> Result<&mut RunHistory, Refusal> {
        self.run(place, number)?;
        Ok(&mut self.definition_mut(place).runs[(number - 1) as usize])
    }

    /// The environment that the definition's deployments go to.
    pub(crate) fn environment_of(&mut self, place: Place) -> Result<&mut Environment, Refusal> {
        let application = &mut self.applications[place.application];
        let id = &application.definitions[place.definition].content.environment_id;
        let environment = application
            .environments
            .iter_mut()
            .find(|environment| &environment.id == id);
        environment.ok_or_else(|| Refusal::not_found("Environment", id))
    }
}

/// An identifier as the service assigns them: seven of `[a-z0-9]` (model: four to seven).
pub(crate) fn new_id() -> String {
    const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    (0..7)
        .map(|_| char::from(LETTERS[fastrand::usize(..LETTERS.len())]))
        .collect()
}
