//! Cost against violations as SVG, in the colours of the page.

use std::fmt::Write;

use super::report::{FrontPoint, Section};

const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 340.0;
const LEFT: f64 = 46.0;
const BOTTOM: f64 = 40.0;
const RIGHT: f64 = 10.0;
const TOP: f64 = 10.0;
/// Violations at the right edge, percent.
const MOST_VIOLATIONS: f64 = 12.0;

/// Colours of the page's style sheet: `s0`, `s1`, ...
pub const COLOURS: usize = 9;

/// A section's fronts; lines join the settings that no other of the same policy beats.
pub fn fronts(section: &Section) -> String {
    let visible = |point: &&FrontPoint| point.avoidable_percent <= MOST_VIOLATIONS;
    let costs = section.fronts.iter().flat_map(|front| &front.points).chain(&section.plans).filter(visible);
    let most = costs.map(|point| point.relative_cost).fold(1.2, f64::max).min(4.0);
    let least = section.bound.iter().filter(visible).map(|point| point.relative_cost).fold(1.0, f64::min);
    let axes = Axes { least: (10.0 * least).floor() / 10.0, most: (10.0 * most).ceil() / 10.0 };
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"cost against violations, {}\">\n",
        escape(&section.name)
    );
    axes.draw(&mut svg);
    axes.bound(&mut svg, &section.bound);
    for (index, front) in section.fronts.iter().enumerate() {
        axes.line(&mut svg, index % COLOURS, &front.policy, &front.points);
    }
    for plan in section.plans.iter().filter(visible) {
        let (x, y) = (axes.x(plan.avoidable_percent), axes.y(plan.relative_cost));
        // Writing to a string cannot fail.
        let _ = writeln!(
            svg,
            "<path class=\"plan\" d=\"M{:.1} {y:.1}h8M{x:.1} {:.1}v8\"><title>{}</title></path>",
            x - 4.0,
            y - 4.0,
            note("knowing the future, played", plan)
        );
    }
    svg.push_str("</svg>\n");
    svg
}

struct Axes {
    least: f64,
    most: f64,
}

impl Axes {
    /// A square root: few violations are what matters.
    fn x(&self, percent: f64) -> f64 {
        LEFT + (WIDTH - LEFT - RIGHT) * (percent.clamp(0.0, MOST_VIOLATIONS) / MOST_VIOLATIONS).sqrt()
    }

    fn y(&self, cost: f64) -> f64 {
        let share = ((cost - self.least) / (self.most - self.least)).clamp(0.0, 1.0);
        HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * share
    }

    fn draw(&self, svg: &mut String) {
        let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
        for percent in [0.0, 0.1, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 12.0] {
            let x = self.x(percent);
            let _ = writeln!(
                svg,
                "<path class=\"grid\" d=\"M{x:.1} {TOP}V{bottom}\"/><text x=\"{x:.1}\" y=\"{:.1}\" \
                 text-anchor=\"middle\">{percent}</text>",
                bottom + 14.0
            );
        }
        let step = if self.most - self.least > 1.5 { 0.5 } else { 0.2 };
        let mut cost = (self.least / step).ceil() * step;
        while cost <= self.most + 1e-9 {
            let y = self.y(cost);
            let _ = writeln!(
                svg,
                "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{right}\"/><text x=\"{:.1}\" y=\"{:.1}\" \
                 text-anchor=\"end\">{cost:.1}</text>",
                LEFT - 5.0,
                y + 4.0
            );
            cost += step;
        }
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">avoidable violating windows, % (square root)</text>\n\
             <text transform=\"translate(12 {:.1}) rotate(-90)\" text-anchor=\"middle\">pod-minutes, bound = 1</text>",
            (LEFT + right) / 2.0,
            HEIGHT - 6.0,
            (TOP + bottom) / 2.0
        );
    }

    /// What nobody can reach is shaded.
    fn bound(&self, svg: &mut String, points: &[FrontPoint]) {
        let Some((first, last)) = points.first().zip(points.last()) else { return };
        let mut path = format!("M{:.1} {:.1}", self.x(first.avoidable_percent), TOP);
        // Straight in percent is bent here: pieces.
        for pair in points.windows(2) {
            for piece in 0..=8 {
                let share = f64::from(piece) / 8.0;
                let percent =
                    pair[0].avoidable_percent + share * (pair[1].avoidable_percent - pair[0].avoidable_percent);
                let cost = pair[0].relative_cost + share * (pair[1].relative_cost - pair[0].relative_cost);
                if percent <= MOST_VIOLATIONS {
                    let _ = write!(path, "L{:.1} {:.1}", self.x(percent), self.y(cost));
                }
            }
        }
        if points.len() == 1 || last.avoidable_percent < MOST_VIOLATIONS {
            let y = self.y(last.relative_cost);
            let _ = write!(path, "L{:.1} {y:.1}H{}", self.x(last.avoidable_percent), WIDTH - RIGHT);
        }
        let bottom = HEIGHT - BOTTOM;
        let _ = writeln!(svg, "<path class=\"bound\" d=\"{path}\"/>");
        let _ = writeln!(
            svg,
            "<path class=\"beyond\" d=\"{path}L{} {bottom}H{LEFT}V{TOP}Z\"><title>below the bound</title></path>",
            WIDTH - RIGHT
        );
    }

    fn line(&self, svg: &mut String, colour: usize, policy: &str, points: &[FrontPoint]) {
        let mut sorted: Vec<&FrontPoint> = points.iter().collect();
        sorted.sort_by(|a, b| {
            a.avoidable_percent.total_cmp(&b.avoidable_percent).then(a.relative_cost.total_cmp(&b.relative_cost))
        });
        let mut path = String::new();
        let mut cheapest = f64::INFINITY;
        let mut last = 0.0;
        for point in sorted {
            if last > MOST_VIOLATIONS || point.relative_cost >= cheapest {
                continue;
            }
            cheapest = point.relative_cost;
            last = point.avoidable_percent;
            let (x, y) = (self.x(point.avoidable_percent), self.y(point.relative_cost));
            let _ = write!(path, "{}{x:.1} {y:.1}", if path.is_empty() { 'M' } else { 'L' });
        }
        let _ = writeln!(svg, "<path class=\"line s{colour}\" d=\"{path}\"/>");
        for point in points.iter().filter(|point| point.avoidable_percent <= MOST_VIOLATIONS) {
            let _ = writeln!(
                svg,
                "<circle class=\"s{colour}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"2.6\"><title>{}</title></circle>",
                self.x(point.avoidable_percent),
                self.y(point.relative_cost),
                note(policy, point)
            );
        }
    }
}

fn note(policy: &str, point: &FrontPoint) -> String {
    let knob = point.knob.map_or(String::new(), |knob| format!(" ({knob})"));
    let FrontPoint { avoidable_percent, relative_cost, .. } = point;
    format!("{}{knob}: {avoidable_percent:.2} % at {relative_cost:.3}", escape(policy))
}

/// Text for HTML.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
