//! A study of configurations as tables, for a terminal and for a page.

use std::fmt::Write;

use super::bootstrap::Interval;
use super::chart::escape;
use super::duel::{AtPods, Away, Duel};
use super::study::Study;
use super::text::right_aligned;

/// A table by its title, columns and rows.
struct Titled {
    title: String,
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// Every table.
pub fn text(study: &Study) -> String {
    let mut text = format!("{}\n", about(study));
    for Titled { title, header, rows } in tables(study) {
        let mut table = right_aligned(header);
        rows.into_iter().for_each(|row| {
            table.add_row(row);
        });
        // Writing to a string cannot fail.
        let _ = writeln!(text, "\n{title}\n{table}");
    }
    text
}

/// The same as a part of a page.
pub fn section(study: &Study) -> String {
    let mut page = format!("<p>{}</p>\n", escape(&about(study)));
    for Titled { title, header, rows } in tables(study) {
        let _ = writeln!(page, "<h2>{}</h2>", escape(&title));
        super::page::table(&mut page, header.into_iter(), rows);
    }
    page
}

fn about(study: &Study) -> String {
    let Study { price, period_s, window_s, seeds, hours, checkpoints, below_bound, .. } = study;
    let bound = match below_bound {
        Some(count) => format!(" {count} settings are below the clairvoyant bound."),
        None => String::new(),
    };
    format!(
        "Configurations: the learned policy ({}) and the rules at a loop of {period_s} s, all judged on the same windows of \
         {window_s} s; {seeds} arrival seeds, {hours} h of each day, every policy on the same arrivals, simulated. Ratios are \
         pod-minutes at equal avoidable violations: the mean of the logarithms over 0.5, 1, 2 and 5 % as far as both fronts \
         reach them, every load alike; below 1, learning wins. One setting of a generalist is for price {price}.{bound}",
        checkpoints.join(", ")
    )
}

fn tables(study: &Study) -> Vec<Titled> {
    let mut tables = vec![pooled(study), by_configuration(study), by_trace(study)];
    for (at, whose) in [(AtPods::Theirs, "the rule's pods"), (AtPods::Ours, "the learned policy's pods")] {
        if study.away.iter().any(|away| away.at == at) {
            tables.push(away(study, at, whose));
        }
    }
    if study.below_bound.is_some() {
        tables.push(to_bound(study));
    }
    let rows = study.searches.iter().map(|it| vec![it.rule.clone(), it.settings.to_string(), it.on.clone()]);
    let header = words(["rule", "settings tried", "on"]);
    tables.push(Titled { title: "How the rules were tuned".to_owned(), header, rows: rows.collect() });
    tables
}

fn pooled(study: &Study) -> Titled {
    let row = |duel: &Duel| {
        let won =
            duel.configurations.iter().filter(|(_, ratio)| ratio.is_some_and(|ratio| ratio.estimate < 1.0)).count();
        let seeds = duel.every_seed_ahead.map_or("", |all| if all { "yes" } else { "no" });
        vec![
            duel.rule.clone(),
            duel.learned.clone(),
            figure(duel.median),
            interval(duel.pooled),
            interval(duel.clustered),
            format!("{won} of {}", duel.configurations.len()),
            seeds.to_owned(),
        ]
    };
    Titled {
        title: "Pod-minutes of the learned policy over the rule's; intervals: loads and seeds drawn in each configuration, \
                and drawn once for all"
            .to_owned(),
        header: words(["rule", "learned", "median", "pooled", "pooled, loads shared", "ahead in", "every seed ahead"]),
        rows: study.duels.iter().map(row).collect(),
    }
}

/// The first learned row of each rule: all training seeds together, if there are several.
fn first_of_each(study: &Study) -> Vec<&Duel> {
    let mut first: Vec<&Duel> = Vec::new();
    for duel in &study.duels {
        if !first.iter().any(|other| other.rule == duel.rule) {
            first.push(duel);
        }
    }
    first
}

fn by_configuration(study: &Study) -> Titled {
    let first = first_of_each(study);
    let rules = first.iter().map(|duel| duel.rule.clone());
    let header = ["configuration".to_owned(), "infeasible %".to_owned()].into_iter().chain(rules).collect();
    let row = |(at, fronts): (usize, &super::study::ConfigurationFronts)| {
        let ratios = first.iter().map(|duel| interval(duel.configurations.get(at).and_then(|(_, ratio)| *ratio)));
        let named = [fronts.configuration.clone(), format!("{:.1}", fronts.infeasible_percent)];
        named.into_iter().chain(ratios).collect()
    };
    Titled {
        title: "In each configuration".to_owned(),
        header,
        rows: study.fronts.iter().enumerate().map(row).collect(),
    }
}

fn by_trace(study: &Study) -> Titled {
    let first = first_of_each(study);
    let header = std::iter::once("load".to_owned()).chain(first.iter().map(|duel| duel.rule.clone())).collect();
    let count = first.first().map_or(0, |duel| duel.traces.len());
    let row = |at: usize| {
        let name = first.first().map_or(String::new(), |duel| duel.traces[at].0.clone());
        std::iter::once(name).chain(first.iter().map(|duel| figure(duel.traces[at].1))).collect()
    };
    Titled {
        title: "On each load alone, geometric mean over the configurations".to_owned(),
        header,
        rows: (0..count).map(row).collect(),
    }
}

fn away(study: &Study, at: AtPods, whose: &str) -> Titled {
    let there = study.away.iter().filter(|away| away.at == at);
    let rows = there.flat_map(|Away { learned, rule, configurations, pooled, pooled_settings, .. }| {
        let each = configurations.iter().map(|row| {
            let ratio = |(ours, theirs): (f64, f64)| Some(ours / theirs).filter(|ratio| ratio.is_finite());
            let settings = row.settings.iter().flatten().map(|pair| short(ratio(*pair)));
            vec![
                row.configuration.clone(),
                rule.clone(),
                learned.clone(),
                format!("{:.2}", row.learned_percent),
                format!("{:.2}", row.rule_percent),
                figure(ratio((row.learned_percent, row.rule_percent))),
                settings.collect::<Vec<_>>().join(" "),
            ]
        });
        let settings = pooled_settings.iter().map(|found| short(found.map(|found| found.estimate)));
        let settings: Vec<String> = settings.collect();
        let all = vec![
            "all".to_owned(),
            rule.clone(),
            learned.clone(),
            String::new(),
            String::new(),
            interval(*pooled),
            settings.join(" "),
        ];
        each.chain([all]).collect::<Vec<_>>()
    });
    Titled {
        title: format!("Away from the rule's home: avoidable violations at {whose}, percent, means over its prices"),
        header: words(["configuration", "rule", "learned", "learned %", "rule %", "ratio of means", "at each price"]),
        rows: rows.collect(),
    }
}

fn to_bound(study: &Study) -> Titled {
    let policies: Vec<String> =
        study.fronts.first().map_or(Vec::new(), |it| it.policies.iter().map(|front| front.policy.clone()).collect());
    let mut rows = Vec::new();
    for fronts in &study.fronts {
        for at in 0..super::LEVELS.len() {
            let named = [fronts.configuration.clone(), format!("{}", super::LEVELS[at])];
            let ratios = fronts.policies.iter().map(|front| figure(front.to_bound[at].1));
            rows.push(named.into_iter().chain(ratios).collect());
        }
    }
    Titled {
        title: "Pod-minutes over the clairvoyant bound's, loads on which the policy gets there".to_owned(),
        header: words(["configuration", "avoidable %"]).into_iter().chain(policies).collect(),
        rows,
    }
}

pub(super) fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).to_vec()
}

pub(super) fn figure(value: Option<f64>) -> String {
    value.map_or("-".to_owned(), |value| format!("{value:.3}"))
}

fn short(value: Option<f64>) -> String {
    value.map_or("-".to_owned(), |value| format!("{value:.2}"))
}

pub(super) fn interval(found: Option<Interval>) -> String {
    found.map_or("-".to_owned(), |it| format!("{:.3} [{:.3}, {:.3}]", it.estimate, it.low, it.high))
}
