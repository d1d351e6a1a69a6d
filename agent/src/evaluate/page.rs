//! A report as one HTML file that needs nothing else.

use std::fmt::Write;

use super::ablation::Ablation;
use super::chart::{self, escape};
use super::report::{LEVELS, Report, Section};
use super::study::Study;
use super::study_text;
use super::text::{HEADER, cells, legend, matched_cells};

const STYLE: &str = include_str!("page.css");

/// The page.
pub fn page(report: &Report) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width\">\n<title>Autoscaling policies on {}</title>\n<style>\n{STYLE}</style>\n\
         <h1>Autoscaling policies on {}</h1>\n<p>{}</p>\n<p class=\"faint\">Checkpoints: {}. The bound is a \
         lower bound for everybody who decides at the end of each window, whatever is known of the future; the shaded area is \
         out of reach. Crosses were reached in the simulator by a plan that knows the future. A policy with a faster loop \
         may go below the line.</p>\n",
        escape(&report.loads),
        escape(&report.loads),
        escape(&legend(report)),
        escape(&report.checkpoints.join(", ")),
    );
    page.push_str("<ul class=\"key\">");
    for (index, front) in report.total.fronts.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = write!(page, "<li><i class=\"s{}\"></i>{}</li>", index % chart::COLOURS, escape(&front.policy));
    }
    page.push_str("</ul>\n");
    section(&mut page, &report.total);
    let _ = writeln!(
        page,
        "<h2>At equal avoidable violations</h2>\n<p>Pod-minutes over the bound's, every trace alike, with 95 % interval; in \
         brackets the learned policy's over this one's: below 1, learning wins.</p>"
    );
    let header = std::iter::once("policy".to_owned()).chain(LEVELS.iter().map(|level| format!("{level} %")));
    table(&mut page, header, matched_cells(report));
    report.traces.iter().filter(|_| report.traces.len() > 1).for_each(|trace| section(&mut page, trace));
    page.push_str("</html>\n");
    page
}

/// A study of configurations as one HTML file that needs nothing else.
pub fn study_page(study: &Study) -> String {
    titled("Autoscaling policies over configurations", &study_text::section(study))
}

/// An ablation as one HTML file that needs nothing else.
pub fn ablation_page(ablation: &Ablation) -> String {
    titled("Ablations of the learned autoscaling policy", &ablation.section())
}

fn titled(title: &str, content: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n\
         <h1>{title}</h1>\n{content}</html>\n",
    )
}

fn section(page: &mut String, section: &Section) {
    let Section { name, windows, infeasible_percent, bound_pod_minutes, .. } = section;
    let _ = writeln!(
        page,
        "<h2>{}</h2>\n<p>{windows} windows, {infeasible_percent:.1} % infeasible. Bound at its fewest violations: \
         {bound_pod_minutes:.1} pod-minutes.</p>\n<div class=\"pair\">{}</div>",
        escape(name),
        chart::fronts(section)
    );
    table(page, HEADER.iter().map(|title| (*title).to_owned()), section.rows.iter().map(|row| cells(row).to_vec()));
}

/// A table that scrolls by itself.
pub fn table(page: &mut String, header: impl Iterator<Item = String>, rows: impl IntoIterator<Item = Vec<String>>) {
    page.push_str("<div class=\"scroll\"><table>\n<tr>");
    header.for_each(|title| {
        let _ = write!(page, "<th>{}</th>", escape(&title));
    });
    page.push_str("</tr>\n");
    for row in rows {
        page.push_str("<tr>");
        row.iter().for_each(|cell| {
            let _ = write!(page, "<td>{}</td>", escape(cell));
        });
        page.push_str("</tr>\n");
    }
    page.push_str("</table></div>\n");
}
