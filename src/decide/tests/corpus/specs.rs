//! The specs that people write in cases.

use super::dice::Dice;

/// A spec, as far as cases vary it.
#[derive(Clone, Copy, Debug)]
pub struct GeneratedSpec {
    pub application: &'static str,
    pub run: &'static str,
    pub region: Option<&'static str>,
    pub description: Option<&'static str>,
    pub exposure: Option<&'static str>,
    pub ramp: Option<&'static str>,
    pub overrides: Option<&'static str>,
    pub parameters: Option<&'static str>,
    pub suspend: bool,
    pub resync: Option<&'static str>,
}

/// What somebody changes in a spec.
#[derive(Clone, Copy, Debug)]
pub enum Edit {
    Exposure,
    Ramp,
    Description,
    Overrides,
    Parameters,
    Suspend,
    Names,
    /// Something that can't be used, which the next edit puts right.
    Mistake,
}

pub const EDITS: [Edit; 8] = [
    Edit::Exposure,
    Edit::Ramp,
    Edit::Description,
    Edit::Overrides,
    Edit::Parameters,
    Edit::Suspend,
    Edit::Names,
    Edit::Mistake,
];

pub const EXPOSURES: [&str; 10] = ["0", "0.1", "0.5", "5", "10", "12.5", "25", "33.3", "50", "100"];

/// Ramps of steps alone.
pub const STEPS: [&str; 5] = [
    r#"{"steps":[{"exposurePercentage":0.5,"hold":"1h"},{"exposurePercentage":10,"hold":"24h"},{"exposurePercentage":50,"hold":"48h"}]}"#,
    r#"{"steps":[{"exposurePercentage":0,"hold":"30m"},{"exposurePercentage":5,"hold":"90s"},{"exposurePercentage":12.5,"hold":"10m"}]}"#,
    r#"{"steps":[{"exposurePercentage":5,"hold":"1m"},{"exposurePercentage":25,"hold":"1m"}]}"#,
    r#"{"steps":[{"exposurePercentage":25,"hold":"168h"}]}"#,
    r#"{"steps":[]}"#,
];

/// Ramps with windows.
pub const WINDOWS: [&str; 7] = [
    r#"{"steps":[{"exposurePercentage":5,"hold":"1h"},{"exposurePercentage":25,"hold":"4h"}],"windows":[{"kind":"Allow","schedule":"0 9 * * MON-THU","duration":"7h","timeZone":"Europe/Berlin"}]}"#,
    r#"{"windows":[{"kind":"Allow","schedule":"0 9 * * 1-4","duration":"7h","timeZone":"Europe/Berlin"},{"kind":"Deny","schedule":"0 12 * * *","duration":"1h","timeZone":"Europe/Berlin"}]}"#,
    r#"{"steps":[{"exposurePercentage":10,"hold":"10m"},{"exposurePercentage":50,"hold":"10m"}],"windows":[{"kind":"Allow","schedule":"*/15 * * * *","duration":"5m","timeZone":"UTC"}]}"#,
    r#"{"steps":[{"exposurePercentage":12.5,"hold":"24h"}],"windows":[{"kind":"Deny","schedule":"0 0 5 9 *","duration":"336h","timeZone":"America/New_York","description":"freeze"}]}"#,
    r#"{"steps":[{"exposurePercentage":5,"hold":"1h"}],"windows":[{"kind":"Allow","schedule":"30 2 * * SUN","duration":"1h","timeZone":"Europe/Berlin"}]}"#,
    r#"{"windows":[{"kind":"Deny","schedule":"0 0 * * *","duration":"8784h","timeZone":"UTC"}]}"#,
    r#"{"steps":[],"windows":[{"kind":"Allow","schedule":"0 0 * * *","duration":"1m","timeZone":"Asia/Tokyo"}]}"#,
];

/// Ramps that can't be used.
const MISTAKEN_RAMPS: [&str; 7] = [
    "{}",
    r#"{"steps":[{"exposurePercentage":5,"hold":"2d"}]}"#,
    r#"{"steps":[{"exposurePercentage":5,"hold":"1h"},{"exposurePercentage":5,"hold":"1h"}]}"#,
    r#"{"windows":[{"kind":"Allow","schedule":"0 9 * *","duration":"1h","timeZone":"UTC"}]}"#,
    r#"{"windows":[{"kind":"Allow","schedule":"0 9 * * FRI-MON","duration":"1h","timeZone":"UTC"}]}"#,
    r#"{"windows":[{"kind":"Deny","schedule":"0 0 30 2 *","duration":"1h","timeZone":"UTC"}]}"#,
    r#"{"windows":[{"kind":"Deny","schedule":"0 0 * * *","duration":"30s","timeZone":"Mars/Base"}]}"#,
];

const DESCRIPTIONS: [Option<&str>; 4] = [None, Some(""), Some("ours"), Some("ours, second try")];

const OVERRIDES: [Option<&str>; 5] = [
    None,
    Some("{}"),
    Some(r#"{"qa-bob":"t1"}"#),
    Some(r#"{"qa-bob":"t1","qa-eve":"c"}"#),
    Some(r#"{"qa-bob":"t9"}"#),
];

const PARAMETERS: [Option<&str>; 3] = [
    None,
    Some(r#"{"dynamicExtensionParameters":{"ext#stage":"canary"}}"#),
    Some(r#"{"dynamicExtensionParameters":{"ext#stage":"full"},"tags":{"team":"checkout"}}"#),
];

impl GeneratedSpec {
    /// The first one of a case.
    pub fn first(dice: &mut Dice, ramps: &[&'static str], ramped: usize, others: usize) -> Self {
        let mut spec = Self {
            application: "shop",
            run: "1",
            region: Some("eu-west-1"),
            description: None,
            exposure: Some(dice.one_of(&EXPOSURES[3..])).filter(|_| dice.percent(90)),
            ramp: None,
            overrides: None,
            parameters: dice.one_of(&PARAMETERS),
            suspend: false,
            resync: dice.one_of(&[None, None, Some("30s"), Some("1h"), Some("24h")]),
        };
        if dice.percent(ramped) {
            spec.exposure = Some(dice.one_of(&EXPOSURES[3..]));
            spec.ramp = Some(dice.one_of(ramps));
        }
        if dice.percent(others) {
            spec.description = dice.one_of(&DESCRIPTIONS);
        }
        if dice.percent(others) {
            spec.overrides = dice.one_of(&OVERRIDES);
        }
        spec
    }

    /// Somebody changes it.
    pub fn edit(&mut self, edit: Edit, dice: &mut Dice, ramps: &[&'static str]) {
        self.put_right();
        match edit {
            Edit::Exposure if self.ramp.is_none() && dice.percent(10) => self.exposure = None,
            Edit::Exposure => self.exposure = Some(dice.one_of(&EXPOSURES)),
            Edit::Ramp if self.ramp.is_some() && dice.percent(60) => self.ramp = None,
            Edit::Ramp => {
                self.exposure = self.exposure.or(Some("100"));
                self.ramp = Some(dice.one_of(ramps));
            }
            Edit::Description => self.description = dice.one_of(&DESCRIPTIONS),
            Edit::Overrides => self.overrides = dice.one_of(&OVERRIDES),
            Edit::Parameters => self.parameters = dice.one_of(&PARAMETERS),
            Edit::Suspend => self.suspend = !self.suspend,
            Edit::Names if self.names_another_run() => self.put_names_right(),
            Edit::Names => match dice.below(3) {
                0 => self.application = "store",
                1 => self.run = "2",
                _ => self.region = dice.one_of(&[None, Some("us-east-1")]),
            },
            Edit::Mistake => self.err(dice),
        }
    }

    fn err(&mut self, dice: &mut Dice) {
        match dice.below(6) {
            0 => self.region = Some("eu-west-1a"),
            1 => self.resync = Some("5s"),
            2 => self.application = "..",
            3 => self.run = "0",
            4 => (self.exposure, self.ramp) = (None, Some(STEPS[0])),
            _ => self.ramp = Some(dice.one_of(&MISTAKEN_RAMPS)),
        }
    }

    fn names_another_run(&self) -> bool {
        (self.application, self.run, self.region) != ("shop", "1", Some("eu-west-1"))
    }

    fn put_names_right(&mut self) {
        (self.application, self.run, self.region) = ("shop", "1", Some("eu-west-1"));
    }

    /// Somebody writes it so that it can be used, and means the run that it meant at first.
    pub fn put_all_right(&mut self) {
        self.put_right();
        self.put_names_right();
    }

    fn put_right(&mut self) {
        self.region = self
            .region
            .map(|region| if region == "eu-west-1a" { "eu-west-1" } else { region });
        self.resync.take_if(|resync| *resync == "5s");
        self.application = if self.application == ".." {
            "shop"
        } else {
            self.application
        };
        self.run = if self.run == "0" { "1" } else { self.run };
        if self
            .ramp
            .is_some_and(|ramp| self.exposure.is_none() || MISTAKEN_RAMPS.contains(&ramp))
        {
            self.ramp = None;
        }
    }

    pub fn json(&self) -> String {
        let quoted = |text: &str| format!("\"{text}\"");
        let members = [
            ("applicationIdentifier", Some(quoted(self.application))),
            ("experimentDefinitionIdentifier", Some(quoted("add-to-cart"))),
            ("run", Some(self.run.to_owned())),
            ("region", self.region.map(quoted)),
            ("description", self.description.map(quoted)),
            ("exposurePercentage", self.exposure.map(str::to_owned)),
            ("ramp", self.ramp.map(str::to_owned)),
            (
                "treatmentOverrides",
                self.overrides.map(|map| format!("{{\"inline\":{map}}}")),
            ),
            ("deploymentParameters", self.parameters.map(str::to_owned)),
            ("suspend", self.suspend.then(|| "true".to_owned())),
            ("resyncInterval", self.resync.map(quoted)),
        ];
        let members: Vec<String> = members
            .into_iter()
            .filter_map(|(name, value)| Some(format!("\"{name}\":{}", value?)))
            .collect();
        format!("{{{}}}", members.join(","))
    }
}
