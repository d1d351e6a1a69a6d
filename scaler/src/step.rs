//! The steps of a check, for crash drills: stop at one, wait to be killed, see what the next check makes of it.

use clap::ValueEnum;

/// A moment of a check, named by what was just done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Step {
    /// The lock is held; nothing else was touched.
    Locked,
    /// One file of an unrecorded window is back in `incoming/`, the others are not.
    GaveBackOne,
    /// What a killed check left is put in order.
    Recovered,
    /// Records that lay in the results folder itself are in `incoming/`.
    Gathered,
    /// `incoming/` is `.check_N/` now, and there is no `incoming/`.
    Claimed,
    /// There is an `incoming/` again.
    Renewed,
    /// One record was read, the others were not.
    ReadOne,
    /// All records were read.
    Read,
    /// The pods are known.
    Pods,
    /// The window is an observation.
    Observed,
    /// The CPU is known, or known to be unknown.
    Cpu,
    /// The agent answered, or did not.
    Asked,
    /// The plan is made.
    Planned,
    /// The cluster took or refused the order.
    Applied,
    /// The check is in memory.
    Appended,
    /// Records that came too late are back in `incoming/`.
    Settled,
    /// The new status is in a file of its own beside the old one.
    Written,
    /// The new status took the old one's place.
    Saved,
    /// `.check_N/` is `check_N/`.
    Archived,
    /// An old window has the name under which it will be removed; after the lock, or at the end of the check.
    Dropped,
    /// The older checks are in a file of their own, and in the status as well.
    Rolled,
    /// Old windows and old checks are gone; the check is over.
    Retained,
}

/// Where to stop, if anywhere.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Pause(Option<Step>);

impl Pause {
    pub(crate) fn at(step: Option<Step>) -> Self {
        Self(step)
    }

    /// Notes the step; at the one to stop at, says so on stderr and never returns.
    pub(crate) fn reached(self, step: Step) {
        tracing::debug!(?step, "reached");
        if self.0 == Some(step) {
            let name = step.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned());
            eprintln!("paused at {name}");
            loop {
                std::thread::park();
            }
        }
    }
}
