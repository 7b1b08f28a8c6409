//! A second mind about rotas: seconds since 1970, whole days, and London's two Sundays; no library of time.

use std::fmt::Write as _;

/// Days from 1970-01-01 to a date (Howard Hinnant's days_from_civil).
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year - era * 400;
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn month_length(year: i64, month: i64) -> i64 {
    let (next_year, next) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    days(next_year, next, 1) - days(year, month, 1)
}

/// Monday 0.
fn weekday(day: i64) -> i64 {
    (day + 3).rem_euclid(7)
}

fn last_sunday(year: i64, month: i64) -> i64 {
    let last = days(year, month, 1) + month_length(year, month) - 1;
    last - (weekday(last) + 1) % 7
}

/// The two changes of a year: the last Sundays of March and October, 01:00 UTC.
pub fn changes(year: i64) -> [i64; 2] {
    [last_sunday(year, 3) * 86_400 + 3_600, last_sunday(year, 10) * 86_400 + 3_600]
}

/// The year of a local second.
fn year_of(local: i64) -> i64 {
    let mut year = 1970 + local.div_euclid(86_400) / 366;
    while days(year + 1, 1, 1) * 86_400 <= local {
        year += 1;
    }
    year
}

/// A local second as an instant; in the repeated hour the first time or the last.
fn instant(local: i64, last: bool) -> i64 {
    let [spring, autumn] = changes(year_of(local));
    match local {
        // The skipped hour: 01:00 to 02:00 on the wall.
        local if (spring..spring + 3_600).contains(&local) => spring,
        // The repeated hour: 01:00 to 02:00 on the wall, at 00:00 UTC and again at 01:00 UTC.
        local if (autumn..autumn + 3_600).contains(&local) => local - if last { 0 } else { 3_600 },
        local if (spring + 3_600..autumn).contains(&local) => local - 3_600,
        local => local,
    }
}

/// The instant of a local midnight.
pub fn midnight(year: i64, month: i64, day: i64) -> i64 {
    instant(days(year, month, day) * 86_400, false)
}

/// The midnight that begins the day of a change.
pub fn day_of(change: i64) -> i64 {
    instant(change.div_euclid(86_400) * 86_400, false)
}

#[derive(Clone, Copy)]
enum Unit {
    Hour,
    Day,
    Week,
    Month,
}

/// Days (Monday first) and minutes of the day; the end may be on the next day.
#[derive(Clone)]
enum Hours {
    Days([bool; 7], i64, i64),
    Week((i64, i64), (i64, i64)),
    Complement,
}

#[derive(Clone)]
struct Turns {
    year: i64,
    month: i64,
    day: i64,
    minute: i64,
    unit: Unit,
    n: i64,
    groups: Vec<Vec<usize>>,
    hours: Vec<Hours>,
    layer: u8,
}

#[derive(Clone)]
enum Slip {
    StandIn(usize),
    Replace(usize, usize),
    Add(usize),
    Remove(usize),
}

/// A rota as drawn from a seed.
pub struct Sheet {
    standing: Vec<usize>,
    turns: Vec<Turns>,
    /// Local seconds, and what holds between them.
    slips: Vec<(i64, i64, Slip)>,
    temporary: Vec<(i64, i64, usize)>,
}

/// A little generator: the same numbers for the same seed, everywhere.
struct Draw(u64);

impl Draw {
    fn next(&mut self, below: i64) -> i64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % below as u64) as i64
    }
    fn one_in(&mut self, n: i64) -> bool {
        self.next(n) == 0
    }
    /// A minute of the day; often one of the night's odd hour.
    fn minute(&mut self) -> i64 {
        if self.one_in(2) { 30 + 15 * self.next(8) } else { 15 * self.next(96) }
    }
}

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

fn clock(minute: i64) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

/// `2026-03-29T01:30:00` of a local second.
fn written(local: i64) -> String {
    let year = year_of(local);
    let mut day = local.div_euclid(86_400) - days(year, 1, 1);
    let mut month = 1;
    while day >= month_length(year, month) {
        day -= month_length(year, month);
        month += 1;
    }
    format!("{year}-{month:02}-{:02}T{}:00", day + 1, clock(local.rem_euclid(86_400) / 60))
}

fn person(n: usize) -> String {
    format!("p{n}")
}

impl Sheet {
    /// A weekly rota, shifts of 12 hours with nights and weekends on a layer of their own, and a rota out of hours.
    pub fn three() -> [Self; 3] {
        let weekly = Turns {
            year: 2024,
            month: 1,
            day: 1,
            minute: 480,
            unit: Unit::Week,
            n: 1,
            groups: vec![vec![0], vec![1], vec![2]],
            hours: vec![],
            layer: 0,
        };
        let half_days =
            Turns { unit: Unit::Hour, n: 12, minute: 90, groups: vec![vec![0, 1], vec![2]], ..weekly.clone() };
        let weekend = Turns {
            unit: Unit::Month,
            day: 31,
            minute: 100,
            groups: vec![vec![3], vec![4]],
            hours: vec![Hours::Week((4, 1_020), (0, 540)), Hours::Days([true; 7], 1_350, 90)],
            layer: 2,
            ..weekly.clone()
        };
        let nights = Turns { hours: vec![Hours::Complement], ..weekly.clone() };
        let sheet = |turns: Vec<Turns>| Self { standing: vec![], turns, slips: vec![], temporary: vec![] };
        [sheet(vec![weekly]), sheet(vec![half_days, weekend]), sheet(vec![nights])]
    }

    /// The rota of a seed.
    pub fn generate(seed: u64) -> Self {
        let mut draw = Draw(seed.wrapping_mul(0xD6E8_FEB8_6659_FD93) + 1);
        let standing = if draw.one_in(4) { vec![8] } else { vec![] };
        let turns = (0..1 + draw.next(3)).map(|_| Self::draw_turns(&mut draw)).collect();
        let (mut slips, mut temporary) = (Vec::new(), Vec::new());
        for n in 0..draw.next(24) {
            // Around the change of some year: from 0 to 30 hours before midnight, for 1 to 60 hours. One slip a change, so
            // that none contradicts another.
            let change = changes(2024 + n * 17 / 24)[(n % 2) as usize].div_euclid(86_400) * 86_400;
            let from = change - 60 * draw.next(1_800) + 60 * draw.minute();
            let to = from + 60 * (60 + 15 * draw.next(240));
            let (who, other) = (draw.next(6) as usize, draw.next(6) as usize);
            match draw.next(5) {
                0 => slips.push((from, to, Slip::StandIn(who))),
                1 if who != other => slips.push((from, to, Slip::Replace(who, other))),
                2 => slips.push((from, to, Slip::Add(who))),
                3 => slips.push((from, to, Slip::Remove(who))),
                _ => temporary.push((from, to, who)),
            }
        }
        Self { standing, turns, slips, temporary }
    }

    fn draw_turns(draw: &mut Draw) -> Turns {
        let (unit, n) = match draw.next(5) {
            0 => (Unit::Hour, [1, 2, 8, 12, 24, 36][draw.next(6) as usize]),
            1 => (Unit::Day, 1 + draw.next(4)),
            2 => (Unit::Month, 1 + draw.next(3)),
            _ => (Unit::Week, 1 + draw.next(3)),
        };
        let groups = (0..1 + draw.next(4))
            .map(|group| if draw.one_in(4) { vec![group as usize, group as usize + 1] } else { vec![group as usize] })
            .collect();
        let hours = (0..if draw.one_in(2) { 1 + draw.next(2) } else { 0 })
            .map(|_| match draw.next(3) {
                0 => Hours::Complement,
                1 => {
                    let from = draw.next(7);
                    Hours::Week((from, draw.minute()), ((from + 1 + draw.next(5)) % 7, draw.minute()))
                }
                _ => {
                    let mut days = [false; 7];
                    (0..1 + draw.next(7)).for_each(|_| days[draw.next(7) as usize] = true);
                    Hours::Days(days, draw.minute(), draw.minute())
                }
            })
            .collect();
        let (year, month) = (2023 + draw.next(2), 1 + draw.next(12));
        let day = 1 + draw.next(month_length(year, month));
        Turns { year, month, day, minute: draw.minute(), unit, n, groups, hours, layer: draw.next(3) as u8 }
    }

    /// As a planner writes it.
    pub fn toml(&self) -> String {
        let list =
            |people: &[usize]| people.iter().map(|n| format!("\"{}\"", person(*n))).collect::<Vec<_>>().join(", ");
        let mut text = format!("[[role]]\nid = \"duty\"\ntitle = \"Duty\"\nstanding = [{}]\n", list(&self.standing));
        for turns in &self.turns {
            let unit = match turns.unit {
                Unit::Hour => "hours",
                Unit::Day => "days",
                Unit::Week => "weeks",
                Unit::Month => "months",
            };
            let from = written(days(turns.year, turns.month, turns.day) * 86_400 + 60 * turns.minute);
            let groups: Vec<String> = turns
                .groups
                .iter()
                .map(|group| format!("\"{}\"", group.iter().map(|n| person(*n)).collect::<Vec<_>>().join(" + ")))
                .collect();
            writeln!(text, "[[role.rotation]]\nfrom = {from}\nevery = \"{} {unit}\"\nlayer = {}", turns.n, turns.layer)
                .unwrap();
            writeln!(text, "people = [{}]", groups.join(", ")).unwrap();
            let hours: Vec<String> = turns.hours.iter().map(|hours| format!("\"{}\"", hours.written())).collect();
            writeln!(text, "when = [{}]", hours.join(", ")).unwrap();
        }
        for (from, to, slip) in &self.slips {
            let says = match slip {
                Slip::StandIn(who) => format!("person = \"p{who}\""),
                Slip::Replace(who, other) => format!("person = \"p{who}\"\ninstead_of = \"p{other}\""),
                Slip::Add(who) => format!("add = \"p{who}\""),
                Slip::Remove(who) => format!("remove = \"p{who}\""),
            };
            let (from, to) = (written(*from), written(*to));
            writeln!(text, "[[override]]\nrole = \"duty\"\n{says}\nfrom = {from}\nto = {to}").unwrap();
        }
        for (from, to, who) in &self.temporary {
            let (from, to) = (written(*from), written(*to));
            writeln!(text, "[[temporary]]\nrole = \"duty\"\nfrom = {from}\nto = {to}\nfallback = \"p{who}\"").unwrap();
        }
        text
    }

    /// Every handover and every window from the anchor to the end of the last year.
    pub fn expand(&self, first: i64, last: i64) -> Expanded {
        let (begin, end) = (midnight(first - 1, 1, 1), midnight(last + 2, 1, 1));
        let turns = self
            .turns
            .iter()
            .map(|turns| {
                let hours = turns.hours.iter().map(|hours| Line::new(hours.windows(begin, end))).collect();
                (turns.layer, Line::new(turns.handovers(end)), turns.groups.clone(), hours)
            })
            .collect();
        let spans = |from: i64, to: i64| (instant(from, false), instant(to, false));
        let slips = self.slips.iter().map(|(from, to, slip)| (spans(*from, *to), slip.clone())).collect();
        let temporary = self.temporary.iter().map(|(from, to, who)| (spans(*from, *to), *who)).collect();
        Expanded { standing: self.standing.clone(), turns, slips, temporary }
    }
}

impl Hours {
    fn written(&self) -> String {
        match self {
            Self::Complement => "out of hours".to_owned(),
            Self::Week((from, at), (to, until)) => {
                format!("{} {} - {} {}", DAYS[*from as usize], clock(*at), DAYS[*to as usize], clock(*until))
            }
            Self::Days(days, from, to) => {
                let named: Vec<&str> = (0..7).filter(|n| days[*n]).map(|n| DAYS[n]).collect();
                format!("{} {}-{}", named.join(", "), clock(*from), clock(*to))
            }
        }
    }

    /// Its windows as instants, in order.
    fn windows(&self, begin: i64, end: i64) -> Vec<(i64, i64, i64)> {
        let all = begin.div_euclid(86_400) - 9..end.div_euclid(86_400) + 9;
        if let Self::Complement = self {
            // What core hours leave: 08:45 to 17:00 on working days.
            let core = all
                .filter(|day| weekday(*day) < 5)
                .map(|day| (instant(day * 86_400 + 525 * 60, false), instant(day * 86_400 + 1_020 * 60, false)));
            let (mut windows, mut closed) = (Vec::new(), begin - 20 * 86_400);
            for (opens, closes) in core {
                windows.push((closed, opens, 0));
                closed = closes;
            }
            return windows;
        }
        all.filter_map(|day| {
            let (from, to, ahead) = match self {
                Self::Days(days, from, to) if days[weekday(day) as usize] => (*from, *to, i64::from(to <= from)),
                Self::Week((named, from), (until, to)) if *named == weekday(day) => {
                    let ahead = (until - named).rem_euclid(7);
                    (*from, *to, if ahead == 0 && to <= from { 7 } else { ahead })
                }
                _ => return None,
            };
            Some((instant(day * 86_400 + 60 * from, false), instant((day + ahead) * 86_400 + 60 * to, true), 0))
        })
        .collect()
    }
}

impl Turns {
    /// Turn by turn from the anchor.
    fn handovers(&self, end: i64) -> Vec<(i64, i64, i64)> {
        let anchor = days(self.year, self.month, self.day) * 86_400 + 60 * self.minute;
        let local = |turn: i64| {
            let steps = turn * self.n;
            match self.unit {
                Unit::Hour => anchor + 3_600 * steps,
                Unit::Day => anchor + 86_400 * steps,
                Unit::Week => anchor + 7 * 86_400 * steps,
                Unit::Month => {
                    let months = self.year * 12 + self.month - 1 + steps;
                    let (year, month) = (months.div_euclid(12), months.rem_euclid(12) + 1);
                    days(year, month, self.day.min(month_length(year, month))) * 86_400 + 60 * self.minute
                }
            }
        };
        let mut handovers = Vec::new();
        for turn in 0.. {
            let (from, to) = (instant(local(turn), false), instant(local(turn + 1), false));
            handovers.push((from, to, turn % self.groups.len() as i64));
            if to > end {
                break;
            }
        }
        handovers
    }
}

/// Spans in order, asked with time going mostly forwards.
struct Line {
    spans: Vec<(i64, i64, i64)>,
}

impl Line {
    fn new(spans: Vec<(i64, i64, i64)>) -> Self {
        Self { spans }
    }

    /// The value of a span that holds `second`; spans of a line begin in order and may overlap their neighbours.
    fn at(&self, second: i64) -> Option<i64> {
        let after = self.spans.partition_point(|(from, _, _)| *from <= second);
        self.spans[after.saturating_sub(9)..after]
            .iter()
            .rev()
            .find(|(from, to, _)| (*from..*to).contains(&second))
            .map(|(_, _, value)| *value)
    }
}

type Layered = (u8, Line, Vec<Vec<usize>>, Vec<Line>);

/// A rota, expanded.
pub struct Expanded {
    standing: Vec<usize>,
    turns: Vec<Layered>,
    slips: Vec<((i64, i64), Slip)>,
    temporary: Vec<((i64, i64), usize)>,
}

impl Expanded {
    /// Who holds the role at a second; sorted, nobody twice.
    pub fn holders(&mut self, second: i64) -> Vec<String> {
        let holds = |(from, to): &(i64, i64)| (*from..*to).contains(&second);
        let slips: Vec<&Slip> = self.slips.iter().filter(|(span, _)| holds(span)).map(|(_, slip)| slip).collect();
        let (mut on, standing, storm) = match self.temporary.iter().find(|(span, _)| holds(span)) {
            Some((_, who)) => (vec![*who], Vec::new(), true),
            None => (self.turn(second), self.standing.clone(), false),
        };
        if let (Some(Slip::StandIn(who)), false) = (slips.iter().find(|slip| matches!(slip, Slip::StandIn(_))), storm) {
            on = vec![*who];
        }
        on.extend(standing);
        let sheet = on.clone();
        for slip in slips {
            match slip {
                Slip::Replace(who, other) if sheet.contains(other) => {
                    on.retain(|person| person != other);
                    on.push(*who);
                }
                Slip::Remove(who) => on.retain(|person| person != who),
                Slip::Add(who) => on.push(*who),
                Slip::StandIn(_) | Slip::Replace(..) => {}
            }
        }
        let mut names: Vec<String> = on.into_iter().map(person).collect();
        names.sort();
        names.dedup();
        names
    }

    fn turn(&self, second: i64) -> Vec<usize> {
        let mut best: (u8, Vec<usize>) = (0, Vec::new());
        for (layer, line, groups, hours) in &self.turns {
            let open = hours.is_empty() || hours.iter().any(|hours| hours.at(second).is_some());
            let Some(group) = line.at(second).filter(|_| open) else { continue };
            if *layer > best.0 || best.1.is_empty() {
                best = (*layer, Vec::new());
            }
            if *layer == best.0 {
                best.1.extend(&groups[group as usize]);
            }
        }
        best.1
    }
}
