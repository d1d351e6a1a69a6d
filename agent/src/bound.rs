//! What nobody can do better: a lower bound on pod-minutes and violations for those who know the future.
//!
//! ```text
//! Episode -> Windows (which orders violate for sure) -> dynamic programme -> Bound, a convex front     optimistic
//!                                                              |
//!                                                              +-> plans, repaired and played          pessimistic
//! ```
//!
//! # What is bounded
//!
//! Of an episode with checks at `T_0 < T_1 < ...`, orders `n_k` at `T_k` for `k >= 1` and `n_0` the initial replicas:
//! - **pod-seconds**: what the decided windows are billed, the sum of [`crate::simulator::Outcome::pod_seconds`];
//! - **violations**: decided windows in which the requests that *arrived* have a mean response time above the threshold,
//!   [`crate::simulator::Outcome::mean_response_s`]. Which windows are counted may be restricted to any set that no order
//!   has a say in, such as those that are feasible.
//!
//! The promise: for every sequence of orders at the checks, whatever it was chosen by, the point (violations, pod-seconds) is
//! not below the front, but for rounding of `1e-9` of the threshold and of the cost. It holds for every knob of the
//! simulator: routing, jitter, lag, mixtures, contention. It does not hold for who decides *between* the checks of the
//! episode: a faster loop is another episode, with a bound of its own.
//!
//! # Proof
//!
//! Let `A_k` be the requests that arrive in window `k`, `s_i >= 0` their service times on an idle node, `W_i >= 0` their
//! waits until the service begins, `d` the least start-up time.
//!
//! 1. *Bill.* Window `k` is billed at least `n_k (T_(k+1) - T_k)`: ready and starting pods are `n_k` together, and pods
//!    that leave only add to it.
//! 2. *Budget.* A response takes at least `W_i + s_i` (contention only lengthens it), so a window that does not violate has
//!    `sum W_i <= |A_k| threshold - sum s_i`.
//! 3. *Servers.* A request of `A_k` is given to a pod that exists in window `k`, and pods that are removed later finish what
//!    they hold. So at most `n_k` pods ever serve `A_k`; before `T_k + d` none of those that were ordered at `T_k`, so at
//!    most `min(n_(k-1), n_k)`; and before `T_(k-1) + d` at most `min(n_(k-2), n_(k-1), n_k)`. Every pod serves one
//!    request at a time without interruption.
//! 4. *Relaxation.* All requests that are not in `A_k` are left out, and `A_k` may be served by any of those servers in any
//!    order. Whatever happened in the simulator is still possible then: with the same beginnings, requests of `A_k` overlap
//!    no more than before. Hence `sum W_i` is at least the least sum of this relaxed problem, `G_k(n_(k-2), n_(k-1), n_k)`.
//! 5. *Equal sizes.* When all `s_i` are equal, first come first served reaches the least sum: by exchange, the j-th
//!    beginning of any schedule is not before the j-th of that one.
//! 6. *Any sizes.* For a cap `c > 0` let `s'_i = min(s_i, c)`. With the same beginnings the capped sizes are possible too.
//!    Their unfinished work `V(t)` in such a schedule has `integral V = sum (s'_i W_i + s'_i^2 / 2)`, since a request lies
//!    there whole while it waits, and melts away in service. `V` falls no faster than the number of servers, and each
//!    request's part of it is at least what would be left had it begun on arrival. Let `U(t)` be the least function with
//!    both properties; then `V >= U`, and `sum W_i >= (integral U - sum s'_i^2 / 2) / c` because `s'_i <= c`. Each cap
//!    gives a bound; several are tried.
//! 7. *Programme.* `G_k` exceeds the budget of step 2 or not; if it does, the window violates. So the real cost of any
//!    orders at a price per violation is at least their cost with violations so counted and the bill of step 1, and
//!    that is at least its minimum, which a dynamic programme over `(k, min(n_(k-2), n_(k-1)), n_(k-1))` finds exactly. Minima at all prices
//!    are the lower convex hull of what the relaxed problem can reach. Hulls of several episodes add up (Minkowski).
//!
//! What makes it optimistic: work left over from earlier windows (it neither delays later requests nor needs pods), routing,
//! orders more than two checks old, and sizes that differ. The first is felt where violations are many, the third only
//! with a start-up longer than two checks. How far it is from what can be done shows in
//! the pessimistic side: the programme's plans, repaired where they fail, played in the simulator.

mod front;
mod plan;
mod programme;
mod window;

pub use front::{Bound, Point};
pub use plan::{Achieved, achieve};
pub use programme::{Plan, Programme};

/// Share by which sums of rounded numbers may be off.
const ROUNDING: f64 = 1e-9;
