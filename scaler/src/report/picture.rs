//! Figures as SVG and PNG.

use std::fmt::Write;
use std::ops::Range;
use std::path::Path;

use plotters::prelude::{BitMapBackend, BitMapElement, IntoDrawingArea, SVGBackend, WHITE};

use super::ReportError;
use super::canvas::{Frame, Layout, draw, load_font};
use super::figure::Figure;
use super::text::Escaped;
use super::timeline::Timeline;

/// Red, green, blue.
const BYTES_PER_PIXEL: usize = 3;
const WHITE_BYTE: u8 = 255;
/// Pixels of a PNG for a logical one: 300 dots per inch at 7.2 inches, the width of two columns.
const PNG_SCALE: u32 = 3;

/// Room for a legend is of use only to pictures that need one.
fn paper(figure: &Figure, scale: u32) -> Layout {
    let legend = figure.series.len() > 1 || figure.marks_violations;
    Layout { width: 720, height: 360, scale, paper: true, legend, letters_drop: false, most_buckets: 720 }
}

/// A picture of its own, on white.
pub(super) fn svg(timeline: &Timeline, figure: &Figure) -> Result<String, ReportError> {
    let layout = paper(figure, 2);
    let (picture, _) = drawn(timeline, figure, &layout, true)?;
    let attributes =
        format!("xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\"", layout.width, layout.height);
    Ok(element(&picture, figure, &layout, figure.id, &attributes))
}

/// A picture of its own, on white, 2160 x 1080 pixels.
///
/// Drawn twice as large and averaged, since plotters rounds widths and letters to whole pixels.
pub(super) fn png(timeline: &Timeline, figure: &Figure, path: &Path) -> Result<(), ReportError> {
    load_font()?;
    let layout = Layout { letters_drop: true, ..paper(figure, 2 * PNG_SCALE) };
    let (width, height) = layout.size();
    let mut pixels = vec![WHITE_BYTE; width as usize * height as usize * BYTES_PER_PIXEL];
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| ReportError::Png { path: path.to_owned(), source };
    {
        let root = BitMapBackend::with_buffer(&mut pixels, (width, height)).into_drawing_area();
        draw(&root, timeline, figure, &layout).map_err(|error| failed(error.into()))?;
    }
    let (small, size) = (halved(&pixels, width as usize), (width / 2, height / 2));
    let picture = BitMapElement::with_ref((0, 0), size, &small);
    let picture = picture.ok_or_else(|| failed("the picture has another size than its pixels".into()))?;
    let root = BitMapBackend::new(path, size).into_drawing_area();
    root.draw(&picture).map_err(|error| failed(error.into()))?;
    root.present().map_err(|error| failed(error.into()))
}

/// The picture at half the size; `width` is even, in pixels, as is the number of lines.
fn halved(pixels: &[u8], width: usize) -> Vec<u8> {
    let line = width * BYTES_PER_PIXEL;
    let mut small = Vec::with_capacity(pixels.len() / 4);
    for lines in pixels.chunks_exact(2 * line) {
        let (upper, lower) = lines.split_at(line);
        // Two pixels above two.
        for (above, below) in upper.chunks_exact(2 * BYTES_PER_PIXEL).zip(lower.chunks_exact(2 * BYTES_PER_PIXEL)) {
            for left in 0..BYTES_PER_PIXEL {
                let right = left + BYTES_PER_PIXEL;
                let sum =
                    u16::from(above[left]) + u16::from(above[right]) + u16::from(below[left]) + u16::from(below[right]);
                small.push((sum / 4) as u8);
            }
        }
    }
    small
}

/// A picture within a page, on whatever is behind it; `id` must be unique in the page. With `hover`, values are shown
/// where the pointer is.
pub(super) fn inline_svg(
    timeline: &Timeline,
    figure: &Figure,
    layout: &Layout,
    id: &str,
    class: &str,
    hover: bool,
) -> Result<String, ReportError> {
    let (mut picture, frame) = drawn(timeline, figure, layout, false)?;
    if hover {
        add_hover(&mut picture, timeline, figure, &frame);
    }
    Ok(element(&picture, figure, layout, id, &format!("class=\"chart {class}\"")))
}

/// What plotters drew, without the `svg` element around it.
fn drawn(timeline: &Timeline, figure: &Figure, layout: &Layout, white: bool) -> Result<(String, Frame), ReportError> {
    load_font()?;
    let mut picture = String::new();
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| ReportError::Draw { figure: figure.id, source };
    let frame = {
        let root = SVGBackend::with_string(&mut picture, layout.size()).into_drawing_area();
        if white {
            root.fill(&WHITE).map_err(|error| failed(error.into()))?;
        }
        let frame = draw(&root, timeline, figure, layout).map_err(|error| failed(error.into()))?;
        root.present().map_err(|error| failed(error.into()))?;
        frame
    };
    let inner = picture.split_once('>').map_or("", |(_, rest)| rest);
    let inner = inner.trim().strip_suffix("</svg>").unwrap_or(inner);
    Ok((inner.to_owned(), frame))
}

/// The `svg` element, named and described for those who cannot see it.
fn element(picture: &str, figure: &Figure, layout: &Layout, id: &str, attributes: &str) -> String {
    let (width, height) = layout.size();
    format!(
        "<svg id=\"{id}\" {attributes} viewBox=\"0 0 {width} {height}\" role=\"img\" \
         aria-labelledby=\"{id}-t {id}-d\" stroke-linejoin=\"round\" stroke-linecap=\"round\">\n\
         <title id=\"{id}-t\">{}</title>\n<desc id=\"{id}-d\">{}</desc>\n{picture}</svg>\n",
        Escaped(figure.title),
        Escaped(&figure.in_words()),
    )
}

/// Lays a strip over each check (or bucket of checks) that tells its values when pointed at.
fn add_hover(picture: &mut String, timeline: &Timeline, figure: &Figure, frame: &Frame) {
    let height = frame.bottom - frame.top;
    for (bucket, left, right) in &frame.buckets {
        // Writing to a string cannot fail.
        let _ = writeln!(
            picture,
            "<rect class=\"hit\" x=\"{left}\" y=\"{}\" width=\"{}\" height=\"{height}\"><title>{}</title></rect>",
            frame.top,
            right - left,
            Escaped(&pointed_at(timeline, figure, bucket)),
        );
    }
}

/// The values of a bucket, a line for each series.
fn pointed_at(timeline: &Timeline, figure: &Figure, bucket: &Range<usize>) -> String {
    let numbers = &timeline.numbers[bucket.clone()];
    let mut lines = match numbers {
        [number] => vec![format!("check {number}, {}", timeline.times[bucket.start].format("%H:%M:%S"))],
        [first, .., last] => {
            let time = timeline.times[bucket.start].format("%m-%d %H:%M:%S");
            vec![format!("checks {first} to {last}, from {time}")]
        }
        [] => Vec::new(),
    };
    for series in &figure.series {
        lines.push(format!("{}: {}", series.name, series.range_in_words(bucket.clone(), "no value")));
    }
    let violating = timeline.violating[bucket.clone()].iter().filter(|violating| **violating).count();
    if figure.marks_violations && violating > 0 {
        lines.push(if numbers.len() > 1 { format!("{violating} violating") } else { "violates".to_owned() });
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pixel_of_half_the_size_is_the_mean_of_four_channel_by_channel() {
        let upper = [0, 100, 255, 4, 100, 255, 9, 9, 9, 9, 9, 9];
        let lower = [8, 100, 255, 16, 100, 255, 1, 1, 1, 1, 1, 1];
        assert_eq!(halved(&[upper, lower].concat(), 4), [7, 100, 255, 5, 5, 5]);
    }
}
