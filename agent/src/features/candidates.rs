//! The replica counts that are weighed in a situation.

use super::Situation;

/// Multiples of need: whatever a forecast says, something sane is weighed.
const MULTIPLES: [f64; 3] = [1.05, 1.5, 2.2];
/// The multiples, the current count and its neighbours, the fewest and the most.
pub const MAX_CANDIDATES: usize = MULTIPLES.len() + 5;

impl Situation {
    /// Pods that the load and the backlog would keep busy, `a + min(backlog, n)`: a backlog of many checks is not worked
    /// off in one.
    #[must_use]
    pub fn need(&self) -> f64 {
        let now = self.now();
        now.load + now.backlog.min(f64::from(now.ready.max(1)))
    }

    /// Counts to weigh, ascending, within the bounds: `ceil(m (a + min(backlog, n)))` for m = 1.05, 1.5 and 2.2, the current
    /// count and its neighbours, the fewest and the most. 1 to [`MAX_CANDIDATES`] of them.
    #[must_use]
    pub fn candidates(&self) -> Vec<u32> {
        let (low, high) = (self.reading.min, self.reading.max);
        let need = self.need();
        let multiples = MULTIPLES.iter().map(|multiple| self.reading.replicas(multiple * need));
        let ordered = self.ordered();
        let near = [ordered.saturating_sub(1), ordered, ordered.saturating_add(1), low, high];
        let mut counts: Vec<u32> = multiples.chain(near).map(|n| n.clamp(low, high)).collect();
        counts.sort_unstable();
        counts.dedup();
        counts
    }
}
