//! The colours of the charts, for light and for dark screens.

use std::fmt::Write;

use plotters::style::RGBColor;

/// What a stroke or a letter stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ink {
    Text,
    Muted,
    Axis,
    Grid,
    Violation,
    Threshold,
    Response,
    Service,
    Workload,
    Pressure,
    Utilization,
    Cpu,
    Queue,
    Ready,
    Ordered,
    Starting,
}

impl Ink {
    const ALL: [Self; 16] = [
        Self::Text,
        Self::Muted,
        Self::Axis,
        Self::Grid,
        Self::Violation,
        Self::Threshold,
        Self::Response,
        Self::Service,
        Self::Workload,
        Self::Pressure,
        Self::Utilization,
        Self::Cpu,
        Self::Queue,
        Self::Ready,
        Self::Ordered,
        Self::Starting,
    ];

    /// The colour on paper, and on a dark screen.
    ///
    /// Lines have a contrast of 3:1 and text of 4.5:1 at least with what is behind them. The light colours differ from
    /// each other, since [`dark_css`] finds the strokes of a picture by them.
    fn rgb(self) -> [u32; 2] {
        match self {
            Self::Text => [0x1F2933, 0xE4E7EB],
            Self::Muted => [0x59636F, 0xA3ADB8],
            Self::Axis => [0x8D98A4, 0x5C6672],
            Self::Grid => [0xE4E8EC, 0x2A313A],
            Self::Violation => [0xD0303D, 0xFF7078],
            Self::Threshold => [0xA8501C, 0xF0A868],
            Self::Response => [0x2464B4, 0x6FAAF8],
            Self::Service => [0x7650B0, 0xB99AF2],
            Self::Workload => [0x1C8467, 0x53CFA6],
            Self::Pressure => [0x3C5CA6, 0x93B4FF],
            Self::Utilization => [0x2A6FC4, 0x66B0F0],
            Self::Cpu => [0xB8680A, 0xF4B060],
            Self::Queue => [0x8A4585, 0xD8A4E6],
            Self::Ready => [0x2B78C0, 0x5BA8EE],
            Self::Ordered => [0x1D3B5A, 0xDFE6EE],
            Self::Starting => [0xC77F1B, 0xF5C37A],
        }
    }

    /// The colour on paper.
    pub(super) fn color(self) -> RGBColor {
        let [_, red, green, blue] = self.rgb()[0].to_be_bytes();
        RGBColor(red, green, blue)
    }

    /// The colour on paper as in the attributes of a picture.
    pub(super) fn hex(self) -> String {
        format!("#{:06X}", self.rgb()[0])
    }
}

/// Rules that turn the strokes of a picture, and the keys of a legend, into their dark colours.
pub(super) fn dark_css() -> String {
    Ink::ALL.iter().fold(String::new(), |mut css, ink| {
        let [_, dark] = ink.rgb();
        let light = ink.hex();
        // Writing to a string cannot fail.
        let _ =
            writeln!(css, "svg [fill=\"{light}\"]{{fill:#{dark:06X}}}svg [stroke=\"{light}\"]{{stroke:#{dark:06X}}}");
        css
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Relative luminance as in the Web Content Accessibility Guidelines.
    fn luminance(rgb: u32) -> f64 {
        let [_, red, green, blue] = rgb.to_be_bytes();
        let linear = |byte: u8| {
            let c = f64::from(byte) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
    }

    fn contrast(a: u32, b: u32) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn every_ink_stands_out_from_the_panels_behind_it() {
        for ink in Ink::ALL {
            let least = match ink {
                Ink::Grid => 1.0,
                Ink::Axis => 2.5,
                Ink::Text | Ink::Muted => 4.5,
                _ => 3.0,
            };
            for (rgb, panel) in ink.rgb().into_iter().zip([0xFFFFFF, 0x181C22]) {
                assert!(contrast(rgb, panel) >= least, "{ink:?} on {panel:06X}: {}", contrast(rgb, panel));
            }
        }
    }

    #[test]
    fn no_two_inks_share_a_light_colour() {
        let colours: BTreeSet<u32> = Ink::ALL.iter().map(|ink| ink.rgb()[0]).collect();
        assert_eq!(colours.len(), Ink::ALL.len());
    }
}
