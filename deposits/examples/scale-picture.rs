//! Draws what `scale` printed: one small chart a figure, deposits to the right by powers of ten, each figure from zero upwards.
//!
//! `… --example scale -- 100000000 | tee table && … --example scale-picture < table > scale.svg`
#![allow(clippy::unwrap_used, missing_docs)]

use std::io::Read as _;

/// A chart's size and margins, in pixels.
const WIDTH: f64 = 250.0;
const HEIGHT: f64 = 190.0;
const LEFT: f64 = 48.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 32.0;

/// A chart: its title, and the columns of the table that it shows, with their names where there are several.
const CHARTS: [(&str, &[(usize, &str)]); 4] = [
    ("bytes a deposit", &[(3, "journal"), (4, "tiles"), (5, "index")]),
    ("bytes of a proof's path", &[(6, "")]),
    ("CPU a deposit, µs", &[(2, "")]),
    ("microseconds, medians", &[(7, "proof"), (8, "found"), (9, "absent")]),
];
const COLOURS: [&str; 3] = ["#0072b2", "#d55e00", "#009e73"];

fn main() {
    let mut table = String::new();
    std::io::stdin().read_to_string(&mut table).unwrap();
    let rows: Vec<Vec<f64>> = table.lines().filter_map(figures).collect();
    assert!(rows.len() > 1, "the table of `scale` on the standard input");
    let (width, height) = (WIDTH * 2.0, HEIGHT * 2.0);
    println!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"11\">"
    );
    println!("<rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>");
    for (place, (title, lines)) in CHARTS.iter().enumerate() {
        let (right, down) = if place % 2 == 0 { (0.0, place) } else { (WIDTH, place - 1) };
        println!("<g transform=\"translate({right} {})\">", if down == 0 { 0.0 } else { HEIGHT });
        chart(title, lines, &rows);
        println!("</g>");
    }
    println!("</svg>");
}

/// A line's ten figures; nothing for its head.
fn figures(line: &str) -> Option<Vec<f64>> {
    let figures: Vec<f64> = line.split_whitespace().map_while(|word| word.parse().ok()).collect();
    (figures.len() == 10).then_some(figures)
}

fn chart(title: &str, lines: &[(usize, &str)], rows: &[Vec<f64>]) {
    let power = |row: &Vec<f64>| row[0].log10();
    let (first, last) = (power(rows.first().unwrap()), power(rows.last().unwrap()));
    let most = lines.iter().flat_map(|(column, _)| rows.iter().map(|row| row[*column])).fold(1e-9, f64::max);
    let x = |power: f64| LEFT + (power - first) / (last - first) * (WIDTH - LEFT - RIGHT);
    let y = |value: f64| HEIGHT - BOTTOM - value / most * (HEIGHT - TOP - BOTTOM);
    println!("<text x=\"{LEFT}\" y=\"15\" font-weight=\"bold\">{title}</text>");
    for value in [0.0, most] {
        let (at, shown) = (y(value), if most < 10.0 { format!("{value:.1}") } else { format!("{value:.0}") });
        println!("<line x1=\"{LEFT}\" y1=\"{at:.1}\" x2=\"{:.1}\" y2=\"{at:.1}\" stroke=\"#ccc\"/>", WIDTH - RIGHT);
        println!("<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{shown}</text>", LEFT - 5.0, at + 4.0);
    }
    for row in rows {
        let (at, down) = (x(power(row)), HEIGHT - BOTTOM + 17.0);
        let raised = format!("10<tspan dy=\"-4\" font-size=\"8\">{:.0}</tspan>", power(row));
        println!("<text x=\"{at:.1}\" y=\"{down:.1}\" text-anchor=\"middle\">{raised}</text>");
    }
    for (number, ((column, name), colour)) in lines.iter().zip(COLOURS).enumerate() {
        let points: Vec<_> = rows.iter().map(|row| (x(power(row)), y(row[*column]))).collect();
        let line: Vec<_> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        println!("<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>", line.join(" "));
        for (x, y) in points {
            println!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.5\" fill=\"{colour}\"/>");
        }
        let left = LEFT + 55.0 * f64::from(u32::try_from(number).unwrap());
        println!("<text x=\"{left:.1}\" y=\"28\" fill=\"{colour}\">{name}</text>");
    }
}
