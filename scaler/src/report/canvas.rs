//! Draws a figure on whatever plotters can draw on.

use std::ops::Range;

use plotters::chart::ChartContext;
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontTransform, RGBAColor, register_font};

use super::axis::ValueAxis;
use super::figure::Figure;
use super::palette::Ink;
use super::series::{Series, Shape};
use super::timeline::{Buckets, Timeline, edges};

/// Font of the pictures: as pictures that carry no font of their own are shown, and ours where pixels are drawn.
const FONT: &str = "Helvetica, Arial, sans-serif";
/// Height of a line of text over what plotters takes for a font size.
const LINE_OVER_SIZE: f64 = 1.24;
/// Size of the letters, and room for what stands around the chart, all in logical pixels.
const LETTER: f64 = 12.0;
const LETTER_WIDTH: f64 = 6.8;
const VALUE_TITLE: f64 = 26.0;
const LEAST_VALUE_LABELS: f64 = 32.0;
const BELOW: f64 = 54.0;
const ABOVE: f64 = 10.0;
const LEGEND: f64 = 24.0;
const RIGHT: f64 = 12.0;
const TICK_DISTANCE: f64 = 46.0;
const MARK_RADIUS: f64 = 3.5;
const LEAST_MARK_RADIUS: f64 = 1.5;
/// How far plotters puts letters too high where it draws them as pixels, by their anchor.
const CENTRED_LETTERS_DROP: f64 = 3.0;
const HANGING_LETTERS_DROP: f64 = 1.5;

/// Size and manner of a picture.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    /// Logical pixels.
    pub(super) width: u32,
    /// Logical pixels.
    pub(super) height: u32,
    /// Drawn pixels for a logical one.
    pub(super) scale: u32,
    /// On paper all letters are black: grey ones are lost in print.
    pub(super) paper: bool,
    /// The legend is part of the picture.
    pub(super) legend: bool,
    /// Letters are drawn as pixels, where plotters puts them too high.
    pub(super) letters_drop: bool,
    /// Most checks that are drawn one by one.
    pub(super) most_buckets: usize,
}

/// Where things are in the picture, drawn pixels.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) top: i32,
    pub(super) bottom: i32,
    /// Checks of each bucket, and its left and right end.
    pub(super) buckets: Vec<(Range<usize>, i32, i32)>,
}

/// What drawing on `DB` can fail with.
pub(super) type DrawError<DB> = DrawingAreaErrorKind<<DB as DrawingBackend>::ErrorType>;

type Area<DB> = DrawingArea<DB, Shift>;
type Chart<'a, DB> = ChartContext<'a, DB, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

impl Layout {
    /// Size in drawn pixels.
    pub(super) fn size(&self) -> (u32, u32) {
        (self.width * self.scale, self.height * self.scale)
    }

    fn px(&self, logical: f64) -> i32 {
        (logical * f64::from(self.scale)).round() as i32
    }

    fn labels(&self) -> Ink {
        if self.paper { Ink::Text } else { Ink::Muted }
    }

    fn letters(&self, ink: Ink, horizontal: HPos, vertical: VPos) -> TextStyle<'static> {
        let size = LETTER * LINE_OVER_SIZE * f64::from(self.scale);
        let style = TextStyle::from((FONT, size).into_font()).pos(Pos::new(horizontal, vertical));
        TextStyle { color: ink.color().to_backend_color(), ..style }
    }

    fn stroke(&self, ink: Ink, width: f64) -> ShapeStyle {
        ShapeStyle::from(&ink.color()).stroke_width(self.px(width).max(1).unsigned_abs())
    }
}

/// The font for text in pixels, and for measuring.
///
/// Registering again replaces a font by itself, so there is no need to remember.
pub(super) fn load_font() -> Result<(), super::ReportError> {
    register_font(FONT, FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT).map_err(|_| super::ReportError::Font)
}

/// Draws `figure` on all of `root`. The font must be loaded.
pub(super) fn draw<DB: DrawingBackend>(
    root: &Area<DB>,
    timeline: &Timeline,
    figure: &Figure,
    layout: &Layout,
) -> Result<Frame, DrawError<DB>> {
    let buckets = Buckets::new(timeline.len(), layout.most_buckets);
    let values = figure.series.iter().flat_map(|series| series.values.iter().flatten().copied());
    let room = f64::from(layout.height) - BELOW - ABOVE;
    let axis = ValueAxis::over(values, (room / TICK_DISTANCE) as usize, figure.whole);
    let labels = (axis.label_chars() as f64 * LETTER_WIDTH + 8.0).max(LEAST_VALUE_LABELS);
    let mut chart = ChartBuilder::on(root)
        .margin_top(layout.px(if layout.legend { ABOVE + LEGEND } else { ABOVE }))
        .margin_right(layout.px(RIGHT))
        .x_label_area_size(layout.px(BELOW))
        .y_label_area_size(layout.px(VALUE_TITLE + labels))
        .build_cartesian_2d(-0.5..timeline.len() as f64 - 0.5, axis.min..axis.max)?;
    if figure.marks_violations {
        shade_violations(&mut chart, timeline, buckets)?;
    }
    draw_value_axis(root, &mut chart, &axis, figure.value_title, layout)?;
    draw_check_axis(root, &chart, timeline, layout)?;
    let mut empty = true;
    for series in &figure.series {
        empty &= !draw_series(&mut chart, series, buckets, layout)?;
    }
    if empty {
        let (across, down) = chart.plotting_area().get_pixel_range();
        let middle = (i32::midpoint(across.start, across.end), i32::midpoint(down.start, down.end));
        let style = layout.letters(layout.labels(), HPos::Center, VPos::Center);
        write(root, "no values", middle, &style, layout)?;
    }
    if let (true, Some(series)) = (figure.marks_violations, figure.series.first()) {
        mark_violations(&mut chart, timeline, series, buckets, layout)?;
    }
    if layout.legend {
        draw_legend(root, &chart, figure, layout)?;
    }
    Ok(frame(&chart, buckets))
}

/// Writes `text` with its anchor at a place in drawn pixels.
fn write<DB: DrawingBackend>(
    root: &Area<DB>,
    text: &str,
    (x, y): (i32, i32),
    style: &TextStyle,
    layout: &Layout,
) -> Result<(), DrawError<DB>> {
    let drop = match (layout.letters_drop, style.pos.v_pos) {
        (true, VPos::Center) => layout.px(CENTRED_LETTERS_DROP),
        (true, VPos::Top) if matches!(style.font.get_transform(), FontTransform::None) => {
            layout.px(HANGING_LETTERS_DROP)
        }
        _ => 0,
    };
    root.draw(&Text::new(text, (x, y + drop), style.clone()))
}

fn frame<DB: DrawingBackend>(chart: &Chart<DB>, buckets: Buckets) -> Frame {
    let (_, down) = chart.plotting_area().get_pixel_range();
    let x = |at: f64| chart.backend_coord(&(at, 0.0)).0;
    let places = buckets.ranges().map(|bucket| {
        let (start, end) = edges(&bucket);
        (bucket, x(start), x(end))
    });
    Frame { top: down.start, bottom: down.end, buckets: places.collect() }
}

/// Tints the background of each run of buckets that hold a violating check.
fn shade_violations<DB: DrawingBackend>(
    chart: &mut Chart<DB>,
    timeline: &Timeline,
    buckets: Buckets,
) -> Result<(), DrawError<DB>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for bucket in buckets.ranges().filter(|bucket| timeline.violating[bucket.clone()].contains(&true)) {
        match runs.last_mut() {
            Some(run) if run.end == bucket.start => run.end = bucket.end,
            _ => runs.push(bucket),
        }
    }
    let values = chart.y_range();
    let tint = Ink::Violation.color().mix(0.12).filled();
    chart.draw_series(runs.iter().map(|run| {
        let (start, end) = edges(run);
        Rectangle::new([(start, values.start), (end, values.end)], tint)
    }))?;
    Ok(())
}

/// Marks each violating check on its point; of several in a bucket the highest.
fn mark_violations<DB: DrawingBackend>(
    chart: &mut Chart<DB>,
    timeline: &Timeline,
    series: &Series,
    buckets: Buckets,
    layout: &Layout,
) -> Result<(), DrawError<DB>> {
    let top = chart.y_range().end;
    let marks = buckets.ranges().filter_map(|bucket| {
        let first = bucket.clone().find(|place| timeline.violating[*place])?;
        // A value that cannot be drawn is too high for any axis.
        let (place, value) = series.peak(bucket).unwrap_or((first, top));
        Some((place as f64, value))
    });
    let style = Ink::Violation.color().filled();
    // Side by side they must not melt into a bar.
    let (across, _) = chart.plotting_area().get_pixel_range();
    let room = f64::from(across.end - across.start) / f64::from(layout.scale) / buckets.ranges().count() as f64;
    let radius = layout.px(room.clamp(LEAST_MARK_RADIUS, MARK_RADIUS));
    chart.draw_series(marks.map(|at| Circle::new(at, radius, style)))?;
    Ok(())
}

fn draw_value_axis<DB: DrawingBackend>(
    root: &Area<DB>,
    chart: &mut Chart<DB>,
    axis: &ValueAxis,
    title: &str,
    layout: &Layout,
) -> Result<(), DrawError<DB>> {
    let checks = chart.x_range();
    let line = |value: f64, ink: Ink| {
        PathElement::new(vec![(checks.start, value), (checks.end, value)], layout.stroke(ink, 1.0))
    };
    chart.draw_series(axis.ticks.iter().map(|(value, _)| line(*value, Ink::Grid)))?;
    chart.draw_series([line(axis.min, Ink::Axis)])?;
    let style = layout.letters(layout.labels(), HPos::Right, VPos::Center);
    for (value, label) in &axis.ticks {
        let (x, y) = chart.backend_coord(&(checks.start, *value));
        write(root, label, (x - layout.px(7.0), y), &style, layout)?;
    }
    let (_, down) = chart.plotting_area().get_pixel_range();
    let style = layout.letters(layout.labels(), HPos::Center, VPos::Top).transform(FontTransform::Rotate270);
    write(root, title, (layout.px(6.0), i32::midpoint(down.start, down.end)), &style, layout)
}

fn draw_check_axis<DB: DrawingBackend>(
    root: &Area<DB>,
    chart: &Chart<DB>,
    timeline: &Timeline,
    layout: &Layout,
) -> Result<(), DrawError<DB>> {
    let (across, down) = chart.plotting_area().get_pixel_range();
    // As many letters as the times that it writes.
    let format = timeline.time_format();
    let distance = layout.px((format.len() as f64 + 3.0) * LETTER_WIDTH);
    let most = (across.end - across.start) / distance.max(1);
    let numbers = layout.letters(Ink::Text, HPos::Center, VPos::Top);
    let times = layout.letters(layout.labels(), HPos::Center, VPos::Top);
    for tick in timeline.ticks(usize::try_from(most).unwrap_or(1)) {
        let (x, _) = chart.backend_coord(&(tick.place as f64, 0.0));
        let axis = layout.stroke(Ink::Axis, 1.0);
        root.draw(&PathElement::new(vec![(x, down.end), (x, down.end + layout.px(4.0))], axis))?;
        for (label, style, below) in [(tick.number, &numbers, 6.0), (tick.time, &times, 20.0)] {
            // The last label would hang out of the picture.
            let half = layout.px(label.len() as f64 * LETTER_WIDTH / 2.0 + 2.0);
            let x = x.min(layout.px(f64::from(layout.width)) - half);
            write(root, &label, (x, down.end + layout.px(below)), style, layout)?;
        }
    }
    let middle = i32::midpoint(across.start, across.end);
    write(root, "check number, time (UTC)", (middle, down.end + layout.px(37.0)), &times, layout)
}

/// Whether there was anything to draw.
fn draw_series<DB: DrawingBackend>(
    chart: &mut Chart<DB>,
    series: &Series,
    buckets: Buckets,
    layout: &Layout,
) -> Result<bool, DrawError<DB>> {
    let strokes = series.strokes(buckets);
    let drawn = !strokes.is_empty();
    let style = layout.stroke(series.ink, 1.75);
    let zero = chart.y_range().start.max(0.0);
    for points in strokes {
        if matches!(series.shape, Shape::FilledLine | Shape::FilledSteps) && points.len() > 1 {
            let tint: RGBAColor = series.ink.color().mix(0.1);
            chart.draw_series(AreaSeries::new(points.iter().copied(), zero, tint))?;
        }
        if let [alone] = points[..] {
            chart.draw_series([Circle::new(alone, layout.px(2.5), series.ink.color().filled())])?;
        } else if series.shape == Shape::DashedSteps {
            let (dash, gap) = (layout.px(6.0), layout.px(4.0));
            chart.draw_series(DashedLineSeries::new(points, dash, gap, layout.stroke(series.ink, 1.5)))?;
        } else {
            chart.draw_series(LineSeries::new(points, style))?;
        }
    }
    Ok(drawn)
}

fn draw_legend<DB: DrawingBackend>(
    root: &Area<DB>,
    chart: &Chart<DB>,
    figure: &Figure,
    layout: &Layout,
) -> Result<(), DrawError<DB>> {
    let (across, _) = chart.plotting_area().get_pixel_range();
    let y = layout.px(ABOVE + LEGEND / 2.0 - 4.0);
    let style = layout.letters(Ink::Text, HPos::Left, VPos::Center);
    let mut x = across.start;
    let name_at = |name: &str, x: i32| -> Result<i32, DrawError<DB>> {
        write(root, name, (x + layout.px(24.0), y), &style, layout)?;
        let (width, _) = root.estimate_text_size(name, &style)?;
        Ok(x + i32::try_from(width).unwrap_or(0) + layout.px(44.0))
    };
    for series in &figure.series {
        let (from, to) = ((x, y), (x + layout.px(18.0), y));
        if series.shape == Shape::DashedSteps {
            let (dash, gap) = (layout.px(6.0), layout.px(4.0));
            let style = layout.stroke(series.ink, 1.5);
            root.draw(&DashedPathElement::new([from, to], dash, gap, style))?;
        } else {
            root.draw(&PathElement::new(vec![from, to], layout.stroke(series.ink, 2.0)))?;
        }
        x = name_at(series.name, x)?;
    }
    if figure.marks_violations {
        let style = Ink::Violation.color().filled();
        root.draw(&Circle::new((x + layout.px(9.0), y), layout.px(MARK_RADIUS), style))?;
        name_at("violating check", x)?;
    }
    Ok(())
}
