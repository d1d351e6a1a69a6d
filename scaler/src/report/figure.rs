//! The figures of a run: what is drawn in which chart.

use scaler_core::{Check, PodStatus};

use super::palette::Ink;
use super::series::{Series, Shape};

/// One chart.
#[derive(Debug, Clone)]
pub(super) struct Figure {
    /// Word for files and anchors.
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    /// What is seen, in one sentence.
    pub(super) about: &'static str,
    /// What the vertical axis measures, and its unit.
    pub(super) value_title: &'static str,
    /// The values are counts.
    pub(super) whole: bool,
    /// Violating checks are shaded, and marked on the first series.
    pub(super) marks_violations: bool,
    pub(super) series: Vec<Series>,
}

/// The charts of the page; the flag says which take its full width.
pub(super) fn dashboard(status: &PodStatus) -> Vec<(Figure, bool)> {
    vec![
        (response_against_threshold(status), true),
        (pods(status), true),
        (workload(status), false),
        (pressure(status), false),
        (service(status), false),
        (queue(status), false),
        (utilization_and_cpu(status), true),
    ]
}

/// The single pictures for papers.
pub(super) fn pictures(status: &PodStatus) -> Vec<Figure> {
    let alone = |figure: Figure| Figure { marks_violations: false, ..figure };
    let response = response_against_threshold(status);
    vec![
        alone(Figure {
            id: "response_time",
            title: "Response time",
            series: response.series[..1].to_vec(),
            ..response.clone()
        }),
        service(status),
        single(utilization(status), "utilization", "Utilization", "utilization (share of a slot)"),
        single(cpu(status), "cpu", "CPU", "CPU (cores per pod)"),
        workload(status),
        pods(status),
        response,
    ]
}

/// A value of every check; what is no number is a gap.
fn column(status: &PodStatus, value: impl Fn(&Check) -> Option<f64>) -> Vec<Option<f64>> {
    status.checks().map(|(_, check)| value(check).filter(|value| value.is_finite())).collect()
}

fn response_against_threshold(status: &PodStatus) -> Figure {
    let response = Series {
        name: "response time",
        unit: "s",
        ink: Ink::Response,
        shape: Shape::FilledLine,
        values: column(status, |check| Some(check.avg_response_time)),
    };
    let threshold = Series {
        name: "threshold",
        unit: "s",
        ink: Ink::Threshold,
        shape: Shape::DashedSteps,
        values: column(status, |check| Some(check.threshold)),
    };
    Figure {
        id: "response_time_threshold",
        title: "Response time against threshold",
        about: "Mean over the requests of each check. Checks above the threshold are shaded and marked.",
        value_title: "response time (s)",
        whole: false,
        marks_violations: true,
        series: vec![response, threshold],
    }
}

fn pods(status: &PodStatus) -> Figure {
    let starting = |check: &Check| check.decision.as_ref().map(|decision| f64::from(decision.starting));
    let mut series = vec![
        Series {
            name: "ready",
            unit: "pods",
            ink: Ink::Ready,
            shape: Shape::FilledSteps,
            values: column(status, |check| Some(f64::from(check.n_instances))),
        },
        Series {
            name: "ordered",
            unit: "pods",
            ink: Ink::Ordered,
            shape: Shape::Steps,
            values: column(status, |check| Some(f64::from(check.replicas_ordered()))),
        },
    ];
    // Files of other writers do not say.
    if status.checks().any(|(_, check)| check.decision.is_some()) {
        series.push(Series {
            name: "starting",
            unit: "pods",
            ink: Ink::Starting,
            shape: Shape::Steps,
            values: column(status, starting),
        });
    }
    Figure {
        id: "pods",
        title: "Pods",
        about: "Pods that were ready when the check began, and the number that it ordered for the next one.",
        value_title: "pods",
        whole: true,
        marks_violations: false,
        series,
    }
}

fn workload(status: &PodStatus) -> Figure {
    let workload = Series {
        name: "workload",
        unit: "req/s",
        ink: Ink::Workload,
        shape: Shape::FilledLine,
        values: column(status, |check| Some(check.workload)),
    };
    single(workload, "workload", "Workload", "workload (req/s)").explained("Completed requests per second, all pods.")
}

fn pressure(status: &PodStatus) -> Figure {
    let pressure = Series {
        name: "pressure",
        unit: "",
        ink: Ink::Pressure,
        shape: Shape::FilledLine,
        values: column(status, |check| Some(check.pressure)),
    };
    let limit = Series {
        name: "limit 1",
        unit: "",
        ink: Ink::Threshold,
        shape: Shape::DashedSteps,
        values: column(status, |_| Some(1.0)),
    };
    Figure {
        id: "pressure",
        title: "Pressure",
        about: "Response time over threshold; above 1 the check violates.",
        value_title: "pressure (ratio)",
        whole: false,
        marks_violations: true,
        series: vec![pressure, limit],
    }
}

fn service(status: &PodStatus) -> Figure {
    let service = Series {
        name: "service time",
        unit: "s",
        ink: Ink::Service,
        shape: Shape::FilledLine,
        values: column(status, |check| Some(check.avg_service_time)),
    };
    single(service, "service_time", "Service time", "service time (s)")
        .explained("Mean over the requests of each check, waiting left out.")
}

fn queue(status: &PodStatus) -> Figure {
    let queue = Series {
        name: "queue length",
        unit: "requests",
        ink: Ink::Queue,
        shape: Shape::FilledLine,
        values: column(status, |check| Some(check.queue_length_dominant)),
    };
    single(queue, "queue_length", "Queue of the dominant pod", "queue length (requests)")
        .explained("Waiting over service time on the pod with the longest responses.")
}

fn utilization(status: &PodStatus) -> Series {
    Series {
        name: "utilization",
        unit: "",
        ink: Ink::Utilization,
        shape: Shape::FilledLine,
        values: column(status, |check| Some(check.utilization)),
    }
}

fn cpu(status: &PodStatus) -> Series {
    Series {
        name: "CPU",
        unit: "cores/pod",
        ink: Ink::Cpu,
        shape: Shape::Line,
        values: column(status, |check| check.cpu_usage),
    }
}

fn utilization_and_cpu(status: &PodStatus) -> Figure {
    Figure {
        id: "utilization_cpu",
        title: "Utilization and CPU",
        about: "Share of the slots that was busy, from the requests, and cores per pod, from Prometheus (a gap where it did not answer).",
        value_title: "share of a slot, cores per pod",
        whole: false,
        marks_violations: false,
        series: vec![utilization(status), cpu(status)],
    }
}

fn single(series: Series, id: &'static str, title: &'static str, value_title: &'static str) -> Figure {
    Figure { id, title, about: "", value_title, whole: false, marks_violations: false, series: vec![series] }
}

impl Figure {
    fn explained(self, about: &'static str) -> Self {
        Self { about, ..self }
    }

    /// The figure in words, for those who cannot see it.
    pub(super) fn in_words(&self) -> String {
        let words = self
            .series
            .iter()
            .map(|series| format!("{}: {}.", series.name, series.range_in_words(0..series.values.len(), "no values")));
        words.collect::<Vec<_>>().join(" ")
    }
}
