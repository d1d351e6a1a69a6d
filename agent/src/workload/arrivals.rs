//! Arrival times: a Poisson process whose rate follows a profile.

use crate::rng::Stream;

use super::Profile;

/// Most arrivals that are drawn, a bound on memory: 8 bytes each.
pub const MAX_ARRIVALS: usize = 50_000_000;

/// Arrival times in seconds, ascending, in `[0, duration_s)`: the same for the same profile and seed everywhere.
///
/// An inhomogeneous Poisson process by inversion: unit exponential steps on the axis of the integrated rate, mapped back
/// to time bin by bin. Ends early at [`MAX_ARRIVALS`].
#[must_use]
pub fn arrivals(profile: &Profile, duration_s: f64, seed: u64) -> Vec<f64> {
    let mut stream = Stream::new(seed, "arrivals", 0);
    let expected = profile.expected_requests();
    let mut times = Vec::with_capacity(((expected + 4.0 * expected.sqrt()) as usize).min(MAX_ARRIVALS));
    let mut passed = 0.0;
    let mut next = stream.exponential(1.0);
    for (bin, &rate) in profile.rates().iter().enumerate() {
        let begin_s = bin as f64 * profile.bin_s();
        let end_s = (begin_s + profile.bin_s()).min(duration_s);
        if begin_s >= duration_s {
            break;
        }
        let mass = rate * (end_s - begin_s);
        while next < passed + mass {
            let time_s = begin_s + (next - passed) / rate;
            if time_s >= duration_s || times.len() == MAX_ARRIVALS {
                return times;
            }
            times.push(time_s);
            next += stream.exponential(1.0);
        }
        passed += mass;
    }
    times
}
