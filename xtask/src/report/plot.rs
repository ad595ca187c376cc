//! Plots as SVG. Two kinds of chart do not justify a dependency on a chart crate.

use std::fmt::Write as _;

use super::number::number;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 420.0;
const COLOURS: [&str; 6] = ["#0b62a4", "#7f7f7f", "#d1495b", "#e0a100", "#2e8b57", "#7b4fa3"];

/// A line chart with two logarithmic axes.
pub(super) struct LineChart {
    pub(super) title: &'static str,
    pub(super) x: &'static str,
    pub(super) y: &'static str,
    pub(super) series: Vec<(&'static str, Vec<(f64, f64)>)>,
}

/// A bar chart from 0. Each bar is labelled with its value.
pub(super) struct BarChart {
    pub(super) title: &'static str,
    pub(super) bars: Vec<(String, f64)>,
}

/// A logarithmic axis between two powers of ten, from `start` to `end` in the picture.
struct Axis {
    from: i32,
    to: i32,
    start: f64,
    end: f64,
}

impl Axis {
    /// The smallest axis that contains the values.
    fn around(values: impl Iterator<Item = f64>, start: f64, end: f64) -> Axis {
        let (min, max) = values.fold((f64::MAX, f64::MIN), |(min, max), v| (v.min(min), v.max(max)));
        let (from, to) = (min.log10().floor() as i32, max.log10().ceil() as i32);
        Axis { from, to: to.max(from + 1), start, end }
    }

    /// The position of a value in the picture.
    fn at(&self, value: f64) -> f64 {
        let part = (value.log10() - f64::from(self.from)) / f64::from(self.to - self.from);
        self.start + part * (self.end - self.start)
    }

    fn powers(&self) -> impl Iterator<Item = f64> + use<> {
        (self.from..=self.to).map(|power| 10f64.powi(power))
    }
}

impl LineChart {
    pub(super) fn svg(&self) -> String {
        let (left, right, top, bottom) = (70.0, 540.0, 50.0, HEIGHT - 60.0);
        let points = || self.series.iter().flat_map(|(_, points)| points);
        if points().next().is_none() {
            return picture(HEIGHT, &text(20.0, 30.0, "start", &format!("{}: not measured", self.title)));
        }
        let x = Axis::around(points().map(|point| point.0), left, right);
        let y = Axis::around(points().map(|point| point.1), bottom, top);

        let mut svg = text(left, 28.0, "start", self.title);
        for power in x.powers() {
            svg += &line(x.at(power), top, x.at(power), bottom);
            svg += &text(x.at(power), bottom + 18.0, "middle", &number(power as u64));
        }
        for power in y.powers() {
            svg += &line(left, y.at(power), right, y.at(power));
            svg += &text(left - 8.0, y.at(power) + 4.0, "end", &number(power as u64));
        }
        svg += &text((left + right) / 2.0, bottom + 42.0, "middle", self.x);
        svg += &text(left - 60.0, top - 8.0, "start", self.y);

        // Each name is at the end of its line. Names that would overlap are moved down.
        let mut names: Vec<(f64, usize)> = Vec::new();
        for (i, (_, points)) in self.series.iter().enumerate() {
            let positions: Vec<String> =
                points.iter().map(|(rows, cost)| format!("{:.1},{:.1}", x.at(*rows), y.at(*cost))).collect();
            let path = positions.join(" ");
            let colour = COLOURS[i % COLOURS.len()];
            writeln!(svg, r#"<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>"#)
                .expect("write to a String");
            for position in &positions {
                let (cx, cy) = position.split_once(',').expect("the string was formatted with a comma");
                writeln!(svg, r#"<circle cx="{cx}" cy="{cy}" r="3" fill="{colour}"/>"#).expect("write to a String");
            }
            names.extend(points.last().map(|last| (y.at(last.1), i)));
        }
        names.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut next = f64::MIN;
        for (preferred, i) in names {
            let y = preferred.max(next);
            next = y + 17.0;
            svg += &coloured(right + 12.0, y + 4.0, COLOURS[i % COLOURS.len()], self.series[i].0);
        }
        picture(HEIGHT, &svg)
    }
}

impl BarChart {
    pub(super) fn svg(&self) -> String {
        let (left, right, step) = (290.0, WIDTH - 70.0, 26.0);
        let max = self.bars.iter().map(|bar| bar.1).fold(1.0, f64::max);
        let at = |value: f64| left + value / max * (right - left);
        let mut svg = text(20.0, 28.0, "start", self.title);
        for (i, (label, value)) in self.bars.iter().enumerate() {
            let y = 50.0 + step * i as f64;
            svg += &text(left - 10.0, y + 15.0, "end", label);
            let (width, colour) = (at(*value) - left, COLOURS[usize::from(label.starts_with("Windows")) * 2]);
            writeln!(svg, r#"<rect x="{left}" y="{y}" width="{width:.1}" height="18" fill="{colour}"/>"#)
                .expect("write to a String");
            svg += &text(at(*value) + 6.0, y + 15.0, "start", &format!("{value:.2}"));
        }
        let bottom = 50.0 + step * self.bars.len() as f64;
        svg += &line(at(1.0), 44.0, at(1.0), bottom);
        picture(bottom + 20.0, &svg)
    }
}

fn picture(height: f64, content: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n{content}</svg>\n"
    )
}

fn text(x: f64, y: f64, anchor: &str, text: &str) -> String {
    format!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"#222222\">{text}</text>\n")
}

fn coloured(x: f64, y: f64, colour: &str, text: &str) -> String {
    format!("<text x=\"{x:.1}\" y=\"{y:.1}\" fill=\"{colour}\">{text}</text>\n")
}

fn line(x1: f64, y1: f64, x2: f64, y2: f64) -> String {
    format!("<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"#dddddd\"/>\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axis_ends_at_powers_of_ten() {
        let axis = Axis::around([30.0, 2_000.0].into_iter(), 0.0, 300.0);
        assert_eq!((axis.from, axis.to), (1, 4));
        assert_eq!([10.0, 100.0, 10_000.0].map(|value| axis.at(value).round()), [0.0, 100.0, 300.0]);
    }

    #[test]
    fn empty_chart_reports_not_measured() {
        let chart = LineChart { title: "Nothing", x: "", y: "", series: Vec::new() };
        assert!(chart.svg().contains("not measured"));
    }
}
