//! The recorded loads that may be trained on.

use std::sync::LazyLock;

use super::{Profile, Recording, Split};

/// Days of the built-in recordings that are never tested on, with the part of [`Split::published`]; their rates are as
/// recorded, but smoothed over 5 minutes where they are below 10 requests/s.
pub fn training_profiles() -> &'static [Profile] {
    static PROFILES: LazyLock<Vec<Profile>> = LazyLock::new(|| {
        let (recordings, split) = match (Recording::published(), Split::published()) {
            (Ok(recordings), Ok(split)) => (recordings, split),
            // A damaged file of the program itself: a test reads them all.
            _ => return Vec::new(),
        };
        let days = |recording: Recording| {
            let (_, days) = split.days(&recording);
            let smooth = recording.smoothed_if_low();
            days.into_iter().flat_map(move |day| smooth.day(day)).collect::<Vec<_>>()
        };
        recordings.into_iter().flat_map(days).collect()
    });
    &PROFILES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_days_to_train_on_and_none_of_them_is_tested_on() {
        let split = Split::published().unwrap();
        let recordings = Recording::published().unwrap();
        let days: usize = recordings.iter().map(|recording| split.days(recording).1.len()).sum();
        assert!(days >= 20 && training_profiles().len() >= days, "{days} days, {} parts", training_profiles().len());
        let untouched = |name: &str| recordings.iter().find(|recording| recording.name() == name).unwrap().day(0);
        let tested = untouched("autothrottle-diurnal2-sec");
        assert!(training_profiles().iter().all(|profile| tested.iter().all(|other| other.rates() != profile.rates())));
    }
}
