//! The plan of Wexmoor: its lines and corners, for a person to read next to the map.
//!
//! A market town of some 3 km across on both banks of the River Wex, at about SJ 494 253. Names, owners and lines are
//! invented; nothing here says anything about the real ground at these coordinates.

use super::shape::Point;

/// Where the plan's (0, 0) stands: easting and northing in metres.
pub const ORIGIN: Point = (349_000.0, 325_000.0);

/// The plan's edges: west, south, east, north, in metres from [`ORIGIN`].
pub const EDGES: (f64, f64, f64, f64) = (-1_100.0, -1_200.0, 1_900.0, 1_800.0);

/// A street: a name, half its width in metres (from wall to wall of the public way), and its line.
#[derive(Debug, Clone, Copy)]
pub struct Street {
    /// As on its sign.
    pub name: &'static str,
    /// Half the width of the public way, metres.
    pub half_m: f64,
    /// Its middle line, metres from [`ORIGIN`].
    pub line: &'static [Point],
}

const fn street(name: &'static str, half_m: f64, line: &'static [Point]) -> Street {
    Street { name, half_m, line }
}

/// The adopted streets: public highway, the council's.
pub const STREETS: &[Street] = &[
    street(
        "Mill Street",
        9.0,
        &[
            (-60.0, 500.0),
            (80.0, 474.0),
            (200.0, 430.0),
            (320.0, 356.0),
            (450.0, 300.0),
            (600.0, 262.0),
            (760.0, 205.0),
            (900.0, 120.0),
            (1060.0, 40.0),
        ],
    ),
    street(
        "High Street",
        10.0,
        &[
            (452.0, -80.0),
            (440.0, 120.0),
            (450.0, 300.0),
            (472.0, 410.0),
            (500.0, 520.0),
            (545.0, 640.0),
            (570.0, 760.0),
        ],
    ),
    street(
        "Wharf Road",
        9.0,
        &[
            (-60.0, 770.0),
            (120.0, 712.0),
            (300.0, 622.0),
            (500.0, 520.0),
            (700.0, 470.0),
            (900.0, 392.0),
            (1100.0, 322.0),
        ],
    ),
    street("Tanners Row", 5.0, &[(320.0, 356.0), (318.0, 250.0), (322.0, 156.0)]),
    street("Castle Lane", 6.0, &[(200.0, 430.0), (206.0, 300.0), (200.0, 192.0), (186.0, -40.0)]),
    street("Station Road", 8.0, &[(-80.0, 205.0), (200.0, 192.0), (440.0, 120.0), (620.0, 95.0), (860.0, -20.0)]),
    street("Orchard Close", 6.0, &[(600.0, 262.0), (618.0, 170.0), (620.0, 95.0), (596.0, -60.0)]),
    street("Foundry Lane", 5.0, &[(760.0, 205.0), (742.0, 120.0), (740.0, 36.0)]),
    street("Riverside Way", 6.0, &[(700.0, 470.0), (738.0, 560.0), (760.0, 700.0)]),
    street("Bridge View", 5.0, &[(300.0, 622.0), (330.0, 700.0), (352.0, 780.0)]),
    street("Weir Lane", 6.0, &[(-1000.0, 640.0), (-600.0, 600.0), (-300.0, 545.0), (-60.0, 500.0)]),
    street("Barn Road", 8.0, &[(-1050.0, 1180.0), (-700.0, 1060.0), (-350.0, 890.0), (-60.0, 770.0)]),
    street("Chapel Street", 7.0, &[(-1050.0, 330.0), (-600.0, 270.0), (-300.0, 235.0), (-80.0, 205.0)]),
    street("Hill Road", 8.0, &[(570.0, 760.0), (600.0, 1000.0), (620.0, 1300.0), (650.0, 1600.0)]),
    street("Gorse Lane", 7.0, &[(1100.0, 322.0), (1350.0, 420.0), (1600.0, 500.0), (1850.0, 560.0)]),
    street("Low Road", 8.0, &[(1060.0, 40.0), (1300.0, -120.0), (1600.0, -260.0), (1850.0, -330.0)]),
    street("Priory Road", 8.0, &[(186.0, -40.0), (170.0, -300.0), (150.0, -590.0), (125.0, -850.0), (113.0, -980.0)]),
    street("Station Approach", 7.0, &[(452.0, -80.0), (480.0, -300.0), (500.0, -560.0)]),
    street("Abbot's Walk", 5.0, &[(172.0, -260.0), (0.0, -250.0), (-180.0, -255.0), (-340.0, -230.0)]),
    street("Quarry Rise", 5.0, &[(600.0, 1000.0), (800.0, 1060.0), (1000.0, 1180.0)]),
    street("Larkfield Road", 6.0, &[(620.0, 1300.0), (400.0, 1340.0), (150.0, 1330.0), (-100.0, 1380.0)]),
];

/// The River Wex, a main river: its middle line; it is 38 m wide.
pub const RIVER: &[Point] = &[
    (-1100.0, 980.0),
    (-800.0, 930.0),
    (-450.0, 800.0),
    (-80.0, 650.0),
    (120.0, 600.0),
    (260.0, 520.0),
    (380.0, 440.0),
    (474.0, 402.0),
    (560.0, 372.0),
    (690.0, 345.0),
    (820.0, 280.0),
    (980.0, 180.0),
    (1120.0, 100.0),
    (1400.0, 40.0),
    (1650.0, -60.0),
    (1900.0, -100.0),
];
/// Half the width of the River Wex, metres.
pub const RIVER_HALF_M: f64 = 19.0;
/// Gorse Brook, an ordinary watercourse: from the hill to the river, in a culvert under Wharf Road.
pub const BROOK: &[Point] =
    &[(1500.0, 1700.0), (1360.0, 1250.0), (1230.0, 900.0), (1140.0, 600.0), (1062.0, 340.0), (1040.0, 168.0)];
/// The railway, on a bank: Priory Road passes under it.
pub const RAILWAY: &[Point] =
    &[(-1100.0, -600.0), (-400.0, -610.0), (400.0, -640.0), (1100.0, -700.0), (1900.0, -800.0)];
/// Wexmoor bypass, a trunk road; Priory Road ends at it.
pub const BYPASS: &[Point] =
    &[(-1100.0, -900.0), (-400.0, -965.0), (300.0, -1010.0), (1000.0, -1060.0), (1900.0, -1120.0)];
/// Weavers Court: never adopted.
pub const PRIVATE_STREETS: &[Street] = &[
    street("Weavers Court", 3.5, &[(124.0, 722.0), (136.0, 790.0), (140.0, 870.0)]),
    street("Kiln Mews", 3.5, &[(905.0, 106.0), (890.0, 60.0), (884.0, -10.0)]),
];

/// A piece of land with a name, a body of `config/bodies.toml` and its corners.
#[derive(Debug, Clone, Copy)]
pub struct Ground {
    /// As people call it.
    pub name: &'static str,
    /// Who looks after it.
    pub body: &'static str,
    /// Its corners, metres from [`ORIGIN`], not closed.
    pub corners: &'static [Point],
}

const fn ground(name: &'static str, body: &'static str, corners: &'static [Point]) -> Ground {
    Ground { name, body, corners }
}

/// The council's land that is neither street nor housing.
pub const COUNCIL_LAND: &[Ground] = &[
    ground(
        "Riverside Meadow",
        "parks",
        &[
            (90.0, 560.0),
            (240.0, 490.0),
            (360.0, 412.0),
            (430.0, 380.0),
            (440.0, 330.0),
            (330.0, 385.0),
            (205.0, 455.0),
            (85.0, 500.0),
        ],
    ),
    ground("Corn Hall", "council_property", &[(372.0, -12.0), (426.0, -6.0), (421.0, 62.0), (368.0, 56.0)]),
    ground("Castle Gardens", "parks", &[(30.0, 380.0), (186.0, 345.0), (188.0, 225.0), (30.0, 235.0)]),
    ground("Chapel Hill Cemetery", "parks", &[(-800.0, 350.0), (-620.0, 330.0), (-610.0, 450.0), (-790.0, 470.0)]),
    ground(
        "Tanners Row car park",
        "council_property",
        &[(335.0, 300.0), (420.0, 262.0), (416.0, 190.0), (334.0, 215.0)],
    ),
    ground(
        "Hill Road recreation ground",
        "parks",
        &[(300.0, 1000.0), (560.0, 980.0), (570.0, 1200.0), (320.0, 1230.0)],
    ),
];

/// Estates: the council's, let through its housing company, and a housing association's.
pub const HOUSING: &[Ground] = &[
    ground("Priory estate", "council_housing", &[(-350.0, -110.0), (140.0, -90.0), (130.0, -420.0), (-330.0, -400.0)]),
    ground(
        "Orchard estate",
        "housing_association",
        &[(632.0, 236.0), (740.0, 194.0), (730.0, 118.0), (728.0, 58.0), (636.0, 104.0)],
    ),
];

/// Private land big enough to be asked about.
pub const PRIVATE_LAND: &[Ground] = &[ground(
    "Wharf Retail Park",
    "private_owner",
    &[(548.0, 610.0), (640.0, 560.0), (716.0, 545.0), (742.0, 690.0), (590.0, 700.0)],
)];
