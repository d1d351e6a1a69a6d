//! The pure core of the autoscaler: what passes between the parts, and the laws they follow.
//!
//! No clock, environment, file, socket, random number or async code: `now` is always a parameter. The scaler, the
//! trainer's simulator and the demo call these same functions, so that a policy can never learn a formula that the
//! cluster does not use.
//!
//! ```text
//! RequestRecord, or Series -> WindowMetrics -> Observation -> ActionRequest -> ActionReply -> Plan -> Check -> PodStatus
//! ```
//!
//! | module | noun |
//! |---|---|
//! | [`record`] | one request as the service saw it, and its file name |
//! | [`request_time`] | the ingress stamp that response times start from |
//! | [`window`] | the requests between two checks, as figures |
//! | [`scrape`] | the same requests from a service's counters |
//! | [`observation`] | what the agent is told and what it answers |
//! | [`mod@plan`] | the replica count to order, and why |
//! | [`status`] | `podStatus.json` |
//! | [`mod@history`] | past checks as the agent wants them |
//! | [`summary`] | a run in one row |
//! | [`timestamp`] | the moments in file names and segments |

pub mod history;
pub mod observation;
pub mod plan;
pub mod record;
pub mod request_time;
pub mod scrape;
pub mod status;
pub mod summary;
pub mod timestamp;
pub mod window;

pub use history::history;
pub use observation::{
    ActionReply, ActionRequest, Candidate, Explanation, Observation, PastObservation, Recent, observe,
};
pub use plan::{Bounds, Limit, Mode, Plan, Reason, Wish, plan};
pub use record::{LineTimes, RecordName, RequestRecord, RequestTimes, SegmentLine};
pub use status::{ActionText, Check, CheckKey, Decision, PodStatus};
pub use summary::{RunSummary, summarize};
pub use timestamp::Timestamp;
pub use window::{PodSums, WindowLength, WindowMetrics, window_length};
