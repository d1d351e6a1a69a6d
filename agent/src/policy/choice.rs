//! A policy by its name on the command line: `NAME[:setting=value,...]`.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::policy::Policy;
use crate::rules::{Rule, RuleFamily, Scale, Setting, StaticCount, Tuned};
use crate::simulator::Scenario;

/// The checkpoint's name.
const LEARNED: &str = "learned";
/// The one setting of a static count, and not the share that a search looks for: who asks knows no deployment.
const COUNT: Setting = Setting { name: "replicas", low: 1.0, high: 10_000.0, scale: Scale::Whole, start: 1.0 };

/// Who decides: the checkpoint, or a rule with its settings.
///
/// Written `learned`, `static:replicas=3`, or the name of a family with the settings of [`RuleFamily::settings`], as in
/// `trend:utilization=0.6,rises=2`; settings that are left out are at their start. Printed with all of them, to the last digit.
#[derive(Debug, Clone, PartialEq)]
pub enum PolicyChoice {
    /// The checkpoint.
    Learned,
    /// Always so many replicas, >= 1.
    Static(u32),
    /// Any other family than the static one.
    Family {
        /// Which.
        family: RuleFamily,
        /// Values of its settings, in their order, each within its range.
        values: Vec<f64>,
    },
}

/// Why a text names no policy, or none that may stand here.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ChoiceError {
    /// Nobody has that name.
    #[error("there is no policy {name:?}; there are {known}")]
    Name {
        /// The name.
        name: String,
        /// All names.
        known: String,
    },
    /// It is not of the form `setting=value`.
    #[error("{text:?} is not of the form setting=value; {name} has {known}")]
    Form {
        /// The policy.
        name: &'static str,
        /// What stands there.
        text: String,
        /// Its settings with their ranges.
        known: String,
    },
    /// The policy has no such setting.
    #[error("{name} has no setting {setting:?}; it has {known}")]
    Setting {
        /// The policy.
        name: &'static str,
        /// The setting.
        setting: String,
        /// Its settings with their ranges.
        known: String,
    },
    /// A setting is there twice.
    #[error("{name}: {setting} is there twice")]
    Twice {
        /// The policy.
        name: &'static str,
        /// The setting.
        setting: String,
    },
    /// The value is out of its range, or no number.
    #[error("{name}: {setting} must be {range}, it is {value:?}")]
    Value {
        /// The policy.
        name: &'static str,
        /// The setting.
        setting: &'static str,
        /// What it may be.
        range: String,
        /// What it is.
        value: String,
    },
    /// A static count needs one.
    #[error("static needs its count: static:replicas=3")]
    NoCount,
    /// The scaler cannot ask it.
    #[error(
        "{name} is a law with a loop of its own, every {period_s} s on the cluster's gauges: the scaler cannot ask it; \
         it can ask {known}"
    )]
    OwnLoop {
        /// The law.
        name: &'static str,
        /// Its period, seconds.
        period_s: f64,
        /// Whom the scaler can ask.
        known: String,
    },
}

impl PolicyChoice {
    /// A choice that the scaler can ask, for the command line.
    ///
    /// # Errors
    /// [`ChoiceError`].
    pub fn parse_asked(text: &str) -> Result<Self, ChoiceError> {
        let choice: Self = text.parse()?;
        choice.asked().map(|_| choice)
    }

    /// What a search found, for a deployment of at most so many replicas.
    #[must_use]
    pub fn tuned(tuned: &Tuned, max_replicas: u32) -> Self {
        match tuned.family {
            RuleFamily::Static => Self::Static(tuned.family.static_count(&tuned.values, max_replicas).max(1)),
            family => Self::Family { family, values: tuned.values.clone() },
        }
    }

    /// The rule where the scaler asks it; `None`: it is the checkpoint.
    ///
    /// # Errors
    /// [`ChoiceError::OwnLoop`] of a law that is not asked.
    pub fn asked(&self) -> Result<Option<Box<dyn Policy>>, ChoiceError> {
        match self {
            Self::Learned => Ok(None),
            Self::Static(count) => Ok(Some(Box::new(StaticCount(*count)))),
            Self::Family { family, values } => {
                let policy = family.asked(values).ok_or_else(|| ChoiceError::OwnLoop {
                    name: family.name(),
                    period_s: family.own_period_s().unwrap_or_default(),
                    known: names(|family| family.own_period_s().is_none()),
                })?;
                Ok(Some(policy))
            }
        }
    }

    /// The rule on a deployment, in whichever loop it has; `None`: it is the checkpoint.
    #[must_use]
    pub fn rule(&self, deployment: &Scenario) -> Option<Rule> {
        match self {
            Self::Learned => None,
            Self::Static(count) => Some(Rule::Policy(Box::new(StaticCount(*count)))),
            Self::Family { family, values } => Some(family.rule(values, deployment)),
        }
    }
}

impl FromStr for PolicyChoice {
    type Err = ChoiceError;

    fn from_str(text: &str) -> Result<Self, ChoiceError> {
        let (name, settings) = text.split_once(':').map_or((text, None), |(name, rest)| (name, Some(rest)));
        let given = |name: &'static str, known: &[Setting]| given(name, known, settings);
        if name == LEARNED {
            given(LEARNED, &[])?;
            return Ok(Self::Learned);
        }
        let family = RuleFamily::ALL.into_iter().find(|family| family.name() == name);
        match family {
            None => Err(ChoiceError::Name { name: name.to_owned(), known: names(|_| true) }),
            Some(RuleFamily::Static) => {
                let count = given(RuleFamily::Static.name(), &[COUNT])?.into_iter().flatten().next();
                Ok(Self::Static(count.ok_or(ChoiceError::NoCount)? as u32))
            }
            Some(family) => {
                let known = family.settings();
                let given = given(family.name(), known)?.into_iter().zip(known);
                Ok(Self::Family { family, values: given.map(|(value, known)| value.unwrap_or(known.start)).collect() })
            }
        }
    }
}

impl fmt::Display for PolicyChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Learned => f.write_str(LEARNED),
            Self::Static(count) => write!(f, "{}:{}={count}", RuleFamily::Static.name(), COUNT.name),
            Self::Family { family, values } => {
                f.write_str(family.name())?;
                for (at, (setting, value)) in family.settings().iter().zip(values).enumerate() {
                    write!(f, "{}{}={value}", if at == 0 { ':' } else { ',' }, setting.name)?;
                }
                Ok(())
            }
        }
    }
}

/// The value that was given for each of the known settings.
fn given(name: &'static str, known: &[Setting], text: Option<&str>) -> Result<Vec<Option<f64>>, ChoiceError> {
    let mut values = vec![None; known.len()];
    for part in text.iter().flat_map(|text| text.split(',')) {
        let (setting, value) = part.split_once('=').ok_or_else(|| ChoiceError::Form {
            name,
            text: part.to_owned(),
            known: ranges(known),
        })?;
        let at = known.iter().position(|known| known.name == setting).ok_or_else(|| ChoiceError::Setting {
            name,
            setting: setting.to_owned(),
            known: ranges(known),
        })?;
        if values[at].is_some() {
            return Err(ChoiceError::Twice { name, setting: setting.to_owned() });
        }
        let known = &known[at];
        let number = value.parse().ok().filter(|number: &f64| {
            (known.low..=known.high).contains(number) && (known.scale == Scale::Even || number.fract() == 0.0)
        });
        let wrong = || ChoiceError::Value { name, setting: known.name, range: range(known), value: value.to_owned() };
        values[at] = Some(number.ok_or_else(wrong)?);
    }
    Ok(values)
}

fn range(setting: &Setting) -> String {
    let kind = if setting.scale == Scale::Even { "a number" } else { "a whole number" };
    format!("{kind} from {} to {}", setting.low, setting.high)
}

fn ranges(settings: &[Setting]) -> String {
    let range = |setting: &Setting| format!("{} {}..{}", setting.name, setting.low, setting.high);
    if settings.is_empty() { "none".to_owned() } else { settings.iter().map(range).collect::<Vec<_>>().join(", ") }
}

/// The checkpoint's name, and those of the families that are wanted.
fn names(wanted: impl Fn(RuleFamily) -> bool) -> String {
    let families = RuleFamily::ALL.into_iter().filter(|family| wanted(*family)).map(RuleFamily::name);
    std::iter::once(LEARNED).chain(families).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_printed_as_it_is_read_with_every_setting() {
        for (text, printed) in [
            ("learned", "learned"),
            ("static:replicas=3", "static:replicas=3"),
            ("static:replicas=3.0", "static:replicas=3"),
            ("threshold", "threshold:low=0.3,gap=0.2"),
            ("trend:rises=2,utilization=0.625", "trend:utilization=0.625,rises=2,drain=1"),
            ("hpa:target_percent=60", "hpa:target_percent=60,down_stabilization_s=300"),
        ] {
            let choice: PolicyChoice = text.parse().unwrap();
            assert_eq!(choice.to_string(), printed);
            assert_eq!(printed.parse(), Ok(choice), "{printed} is read again");
        }
        for family in RuleFamily::ALL.into_iter().filter(|family| *family != RuleFamily::Static) {
            // Thirds have no short decimals: what is printed must be the very number.
            let between = |setting: &Setting| match setting.scale {
                Scale::Even => setting.low + (setting.high - setting.low) / 3.0,
                Scale::Whole | Scale::WholeFactors => setting.high,
            };
            let choice = PolicyChoice::Family { family, values: family.settings().iter().map(between).collect() };
            assert_eq!(choice.to_string().parse(), Ok(choice), "{}", family.name());
        }
    }

    #[test]
    fn who_is_unknown_and_what_is_out_of_range_is_named_with_what_there_is() {
        for (text, words) in [
            (
                "",
                "there is no policy \"\"; there are learned, static, threshold, reactive, trend, calibrated, cal-long, hpa",
            ),
            ("Trend", "there is no policy \"Trend\""),
            ("learned:risk=3", "learned has no setting \"risk\"; it has none"),
            ("static", "static needs its count: static:replicas=3"),
            ("static:share=0.5", "static has no setting \"share\"; it has replicas 1..10000"),
            ("static:replicas=0", "static: replicas must be a whole number from 1 to 10000, it is \"0\""),
            ("static:replicas=2.5", "static: replicas must be a whole number"),
            ("trend:", "\"\" is not of the form setting=value; trend has utilization 0.2..1, rises 0..3, drain 0..2"),
            ("trend:slope=1", "trend has no setting \"slope\"; it has utilization 0.2..1, rises 0..3, drain 0..2"),
            ("trend:rises=1,rises=1", "trend: rises is there twice"),
            ("trend:rises=3.5", "trend: rises must be a number from 0 to 3, it is \"3.5\""),
            ("trend:rises=NaN", "trend: rises must be a number from 0 to 3, it is \"NaN\""),
            ("calibrated:level_checks=1.5", "calibrated: level_checks must be a whole number from 1 to 5"),
            ("calibrated:floor=0.5", "calibrated has no setting \"floor\""),
        ] {
            let error = text.parse::<PolicyChoice>().unwrap_err().to_string();
            assert!(error.contains(words), "{text:?}: {error:?} does not say {words:?}");
        }
    }

    #[test]
    fn whom_the_scaler_cannot_ask_is_refused_with_its_loop_and_with_who_can_be_asked() {
        for (text, period) in [("hpa:target_percent=60", "every 15 s"), ("keda", "every 15 s"), ("kpa", "every 2 s")] {
            let error = PolicyChoice::parse_asked(text).unwrap_err().to_string();
            let ends = "it can ask learned, static, threshold, reactive, trend, calibrated, cal-long";
            assert!(error.contains("a loop of its own") && error.contains(period), "{error}");
            assert!(error.ends_with(ends), "{error}");
        }
        for text in ["learned", "static:replicas=3", "threshold", "reactive", "trend", "calibrated", "cal-long"] {
            assert!(PolicyChoice::parse_asked(text).is_ok(), "{text}");
        }
    }
}
