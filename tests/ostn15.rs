//! The 40 test points of Ordnance Survey's OSTN15 developer pack, both ways, to the millimetre.

use callout::domain::place::{GridPoint, LatLon};
use callout::landbook::convert::{to_degrees, to_grid};

/// Metres in a degree of latitude (mean of the GRS80 meridian).
const DEGREE_M: f64 = 111_132.95;

fn points() -> Vec<(String, [f64; 6])> {
    let text = include_str!("data/ostn15_testpoints.csv");
    let rows = text.lines().filter(|line| !line.starts_with('#')).skip(1);
    rows.map(|row| {
        let mut cells = row.split(',');
        let name = cells.next().expect("a row has a name").to_owned();
        let numbers: Vec<f64> = cells.map(|cell| cell.parse().expect("the other cells are numbers")).collect();
        (name, numbers.try_into().expect("six numbers"))
    })
    .collect()
}

#[test]
fn all_forty_points_go_to_the_grid_to_the_very_millimetre() {
    let points = points();
    assert_eq!(points.len(), 40);
    let mut worst = 0.0_f64;
    for (name, [lat, lon, easting, northing, ..]) in points {
        let got = to_grid(LatLon { lat, lon }).expect("a test point is in Great Britain");
        let wanted = GridPoint::from_metres(easting, northing);
        worst = worst.max(got.distance_m(wanted));
        assert_eq!(got, wanted, "{name}");
    }
    println!("forward: worst {:.4} mm", worst * 1000.0);
}

#[test]
fn all_forty_points_come_back_within_a_millimetre() {
    let mut worst = 0.0_f64;
    for (name, [.., easting, northing, lat, lon]) in points() {
        let got = to_degrees(GridPoint::from_metres(easting, northing)).expect("a test point is on the grid");
        let north = (got.lat - lat) * DEGREE_M;
        let east = (got.lon - lon) * DEGREE_M * lat.to_radians().cos();
        let off = north.hypot(east);
        assert!(off < 0.001, "{name}: {off} m off");
        worst = worst.max(off);
    }
    println!("back: worst {:.4} mm", worst * 1000.0);
}

#[test]
fn there_and_back_is_the_same_millimetre_all_over_the_country() {
    let mut seen = 0;
    for easting in (90_000..660_000).step_by(9_973) {
        for northing in (10_000..1_220_000).step_by(19_937) {
            let point = GridPoint { easting_mm: easting * 1000 + 123, northing_mm: northing * 1000 + 457 };
            // Open sea and Ireland are refused; the rest must come back.
            let Ok(degrees) = to_degrees(point) else { continue };
            let Ok(back) = to_grid(degrees) else { continue };
            assert_eq!(back, point, "{degrees:?}");
            seen += 1;
        }
    }
    assert!(seen > 1_000, "only {seen} points were on land");
}
