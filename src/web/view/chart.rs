//! Contacts over time: the numbers of a chart, and a small drawing of them that needs no script.
//!
//! The page shows the numbers three ways from this one list: a table, this drawing, and (where scripts run) a live
//! chart that reads the table. So they cannot differ.

use super::Moment;
use std::fmt::Write;

/// Contacts counted in equal steps of time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Chart {
    /// E.g. `Flooding contacts, every 5 min`.
    pub title: String,
    /// The whole chart in one sentence, for who cannot see it.
    pub summary: String,
    /// Oldest first, equal steps, at most 500.
    pub points: Vec<ChartPoint>,
}

/// One step of a chart.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ChartPoint {
    /// Start of the step, as `HH:MM`.
    pub at: Moment,
    /// Start of the step, unix seconds.
    pub unix_s: i64,
    /// Contacts counted in it.
    pub count: u32,
    /// What is usual then, lowest and highest; `None` where not learnt yet.
    pub usual: Option<(f64, f64)>,
}

impl Chart {
    /// Whether any step knows what is usual.
    pub fn has_band(&self) -> bool {
        self.points.iter().any(|point| point.usual.is_some())
    }

    /// The highest count.
    pub fn most(&self) -> u32 {
        self.points.iter().map(|point| point.count).max().unwrap_or(0)
    }

    /// The highest value drawn, at least 1.
    fn top(&self) -> f64 {
        self.points
            .iter()
            .flat_map(|point| [f64::from(point.count), point.usual.map_or(0.0, |(_, high)| high)])
            .fold(1.0, f64::max)
    }

    /// An SVG of the line over its band, `width` by `height` units, scaling to its box; coloured by the stylesheet.
    /// Holds numbers only, so it is safe to place unescaped. Empty where there are fewer than two points.
    pub fn svg(&self, width: u32, height: u32) -> String {
        if self.points.len() < 2 {
            return String::new();
        }
        let (wide, tall) = (f64::from(width), f64::from(height));
        let (step, scale) = (wide / (self.points.len() - 1) as f64, (tall - 4.0) / self.top());
        let place = |index: usize, value: f64| (index as f64 * step, tall - 2.0 - value * scale);
        let path = |values: &mut dyn Iterator<Item = (usize, f64)>| {
            let mut out = String::new();
            for (index, value) in values {
                let (x, y) = place(index, value);
                write!(out, "{x:.1},{y:.1} ").expect("writing to a string cannot fail");
            }
            out
        };
        let line = path(&mut self.points.iter().enumerate().map(|(index, point)| (index, f64::from(point.count))));
        let band = |high: bool| {
            move |(index, point): (usize, &ChartPoint)| {
                point.usual.map(|(low, top)| (index, if high { top } else { low }))
            }
        };
        let mut svg = format!(
            "<svg class=\"spark\" viewBox=\"0 0 {width} {height}\" preserveAspectRatio=\"none\" aria-hidden=\"true\" \
             focusable=\"false\">"
        );
        if self.has_band() {
            let over = path(&mut self.points.iter().enumerate().filter_map(band(true)));
            let under = path(&mut self.points.iter().enumerate().rev().filter_map(band(false)));
            write!(svg, "<polygon class=\"spark__band\" points=\"{over}{under}\"/>").expect("to a string");
        }
        write!(svg, "<polyline class=\"spark__line\" points=\"{line}\"/></svg>").expect("to a string");
        svg
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(counts: &[u32], usual: Option<(f64, f64)>) -> Chart {
        let points =
            counts.iter().map(|&count| ChartPoint { count, usual, ..ChartPoint::default() }).collect::<Vec<_>>();
        Chart { points, ..Chart::default() }
    }

    #[test]
    fn the_highest_count_touches_the_top_and_zero_the_bottom() {
        let svg = chart(&[0, 10], None).svg(100, 24);
        assert!(svg.contains("points=\"0.0,22.0 100.0,2.0 \""), "{svg}");
        assert!(!svg.contains("polygon"), "no band without knowing what is usual: {svg}");
    }

    #[test]
    fn the_band_runs_out_along_its_top_and_back_along_its_bottom() {
        let svg = chart(&[1, 1], Some((0.0, 4.0))).svg(10, 8);
        assert!(svg.contains("polygon class=\"spark__band\" points=\"0.0,2.0 10.0,2.0 10.0,6.0 0.0,6.0 \""), "{svg}");
    }

    #[test]
    fn one_point_draws_nothing() {
        assert_eq!(chart(&[3], None).svg(10, 10), "");
    }
}
