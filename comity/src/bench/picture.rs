//! Charts as SVG: axes, lines, names.
//! Refuses to know what is drawn.

use std::fmt::Write as _;

/// Size of a chart and of its margins, in pixels.
const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 50.0;
/// Marks on an axis that counts evenly.
const MARKS: u32 = 5;
/// Colours of lines, in turn: told apart by colour-blind readers too.
const COLOURS: [&str; 4] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7"];

/// A chart.
pub(super) struct Chart {
    pub(super) title: String,
    pub(super) x: &'static str,
    pub(super) y: &'static str,
    /// Whether the y axis counts by powers of ten.
    pub(super) logarithmic: bool,
    pub(super) lines: Vec<Line>,
}

/// A line in it.
pub(super) struct Line {
    pub(super) name: String,
    pub(super) points: Vec<(f64, f64)>,
}

/// Draws charts, one below the other.
pub(super) fn draw(charts: &[Chart]) -> String {
    let height = HEIGHT * charts.len().max(1) as f64;
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"white\"/>"
    );
    for (index, chart) in charts.iter().enumerate() {
        let _ = writeln!(out, "<g transform=\"translate(0 {})\">", HEIGHT * index as f64);
        let _ = draw_one(&mut out, chart);
        out.push_str("</g>\n");
    }
    out.push_str("</svg>\n");
    out
}

/// Where values lie on an axis.
struct Scale {
    low: f64,
    high: f64,
    logarithmic: bool,
    from: f64,
    to: f64,
}

impl Scale {
    fn at(&self, value: f64) -> f64 {
        let place = |value: f64| if self.logarithmic { value.max(f64::MIN_POSITIVE).log10() } else { value };
        let (low, high) = (place(self.low), place(self.high));
        let share = if high > low { (place(value) - low) / (high - low) } else { 0.5 };
        self.from + share.clamp(0.0, 1.0) * (self.to - self.from)
    }

    fn marks(&self) -> Vec<f64> {
        if !self.logarithmic {
            let step = (self.high - self.low) / f64::from(MARKS);
            return (0..=MARKS).map(|mark| self.low + step * f64::from(mark)).collect();
        }
        let mut mark = self.low;
        let mut marks = Vec::new();
        while mark <= self.high * 1.001 && marks.len() < 12 {
            marks.push(mark);
            mark *= 10.0;
        }
        marks
    }
}

fn scales(chart: &Chart) -> (Scale, Scale) {
    let points = || chart.lines.iter().flat_map(|line| &line.points);
    let most = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, f64::max);
    let x_high = most(&mut points().map(|point| point.0));
    let y_high = most(&mut points().map(|point| point.1));
    let least = points().map(|point| point.1).filter(|value| *value > 0.0).fold(f64::INFINITY, f64::min);
    let ten = |value: f64| 10f64.powf(value);
    let (low, high) = if chart.logarithmic && least.is_finite() {
        (ten(least.log10().floor()), ten(y_high.log10().ceil()))
    } else {
        (0.0, if y_high > 0.0 { y_high * 1.1 } else { 1.0 })
    };
    let x = Scale { low: 0.0, high: x_high, logarithmic: false, from: LEFT, to: WIDTH - RIGHT };
    let y = Scale { low, high, logarithmic: chart.logarithmic && low > 0.0, from: HEIGHT - BOTTOM, to: TOP };
    (x, y)
}

fn draw_one(out: &mut String, chart: &Chart) -> std::fmt::Result {
    let (x, y) = scales(chart);
    writeln!(out, "<text x=\"{LEFT}\" y=\"20\" font-size=\"14\">{}</text>", escaped(&chart.title))?;
    for mark in y.marks() {
        let at = y.at(mark);
        writeln!(out, "<path d=\"M{LEFT} {at:.1}H{}\" stroke=\"#ddd\"/>", WIDTH - RIGHT)?;
        writeln!(out, "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>", LEFT - 6.0, at + 4.0, number(mark))?;
    }
    for mark in x.marks() {
        let (at, below) = (x.at(mark), HEIGHT - BOTTOM + 16.0);
        writeln!(out, "<text x=\"{at:.1}\" y=\"{below}\" text-anchor=\"middle\">{}</text>", number(mark))?;
    }
    let (middle, bottom) = (f64::midpoint(LEFT, WIDTH - RIGHT), HEIGHT - BOTTOM + 36.0);
    writeln!(out, "<text x=\"{middle}\" y=\"{bottom}\" text-anchor=\"middle\">{}</text>", escaped(chart.x))?;
    writeln!(out, "<text x=\"6\" y=\"{}\">{}</text>", TOP - 6.0, escaped(chart.y))?;
    for (index, (line, colour)) in chart.lines.iter().zip(COLOURS.iter().cycle()).enumerate() {
        let points: Vec<_> = line.points.iter().map(|(a, b)| format!("{:.1},{:.1}", x.at(*a), y.at(*b))).collect();
        writeln!(
            out,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            points.join(" ")
        )?;
        let (right, down) = (WIDTH - RIGHT, 20.0 + 14.0 * index as f64);
        writeln!(
            out,
            "<text x=\"{right}\" y=\"{down}\" text-anchor=\"end\" fill=\"{colour}\">{}</text>",
            escaped(&line.name)
        )?;
    }
    Ok(())
}

/// With as many digits as tell marks apart.
fn number(value: f64) -> String {
    match value {
        0.0 => "0".into(),
        value if value.abs() >= 100.0 => format!("{value:.0}"),
        value if value.abs() >= 1.0 => format!("{value:.1}"),
        value => format!("{value:.3}"),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_lie_between_the_axes_and_names_do_not_break_the_file() {
        let points = vec![(0.0, 0.05), (1.0, 3.0), (4.0, 900.0)];
        let line = Line { name: "a <b> & c".into(), points };
        let chart = Chart { title: "latency".into(), x: "nines", y: "ms", logarithmic: true, lines: vec![line] };
        let svg = draw(&[chart]);
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"));
        assert!(svg.contains("a &lt;b&gt; &amp; c") && !svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        let drawn = svg.split("points=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
        let places: Vec<(f64, f64)> = drawn
            .split(' ')
            .filter_map(|place| place.split_once(','))
            .filter_map(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)))
            .collect();
        assert_eq!(places.len(), 3);
        assert!(places.iter().all(|(a, b)| (LEFT..=WIDTH - RIGHT).contains(a) && (TOP..=HEIGHT - BOTTOM).contains(b)));
        assert!(places[0].1 > places[1].1 && places[1].1 > places[2].1, "more is higher: {places:?}");
    }

    #[test]
    fn nothing_to_draw_is_still_a_picture() {
        let chart = Chart { title: String::new(), x: "", y: "", logarithmic: false, lines: Vec::new() };
        assert!(!draw(&[chart]).contains("NaN"));
    }
}
