//! Reads a question about land: from a query or from a line of a batch, all its faults at once.
//!
//! Several forms of place may be given together, as other systems send what they have; the one that says most counts:
//! UPRN, easting and northing, latitude and longitude, grid reference, USRN, postcode, text.

use crate::domain::ownership::{Asked, Role};
use crate::domain::place::{
    GridPoint, GridReference, Located, Postcode, TYPED_GRID_UNCERTAINTY_M, Typed, UPRN_DIGITS_MAX, USRN_DIGITS_MAX,
    reference_number,
};
use crate::domain::problem::did_you_mean;
use crate::incoming::Fault;
use crate::land::{Land, Resolved, from_device, resolve};
use crate::web::call::Call;
use crate::web::problem::{Kind, Problem};
use jiff::civil::Date;

/// The parameters, each with the other names that it goes by.
pub const PARAMETERS: [(&str, &[&str], &str); 14] = [
    ("q", &["place"], "A place as typed, in any form"),
    ("uprn", &[], "A unique property reference number"),
    ("e", &["easting", "eastings"], "Metres east on the National Grid, with n"),
    ("n", &["northing", "northings"], "Metres north on the National Grid, with e"),
    ("lat", &["latitude"], "Degrees north, with lon"),
    ("lon", &["lng", "longitude"], "Degrees east, with lat"),
    ("grid_ref", &["gridref"], "A National Grid reference: a square, not a point"),
    ("usrn", &[], "A unique street reference number"),
    ("postcode", &[], "A postcode"),
    ("street", &[], "A street's name"),
    ("sigma", &["accuracy"], "How far off the place may be, in metres (one standard deviation); default by its form"),
    ("at", &["on"], "The day that the answer is for, YYYY-MM-DD; default today"),
    ("role", &[], "owns, adopts, maintains, regulates or informs; default whoever is to act"),
    ("about", &[], "What it is about where that decides, by the matters of bodies.toml: gas, sewer"),
];
/// The largest uncertainty that is taken, in metres.
const SIGMA_M_MAX: f64 = 100_000.0;
/// What to give when nothing was.
const NO_PLACE: &str = "give ?q=SD 80376 10712, ?uprn=, ?e=&n=, ?lat=&lon=, ?grid_ref=, ?usrn=, ?postcode= or ?street=";

/// Texts by name, and what was wrong with them.
pub(super) struct Sheet {
    given: Vec<(&'static str, String)>,
    pub(super) faults: Vec<Fault>,
}

impl Sheet {
    /// Sorts names and values; names in `more` are known too, and left to the caller.
    pub(super) fn sort(pairs: Vec<(String, String)>, more: &[&str]) -> Self {
        let mut sheet = Self { given: Vec::new(), faults: Vec::new() };
        for (name, value) in pairs {
            let known = PARAMETERS.iter().find(|(known, others, _)| *known == name || others.contains(&name.as_str()));
            match known {
                Some((known, _, _)) if value.trim().is_empty() || sheet.text(known).is_some() => {}
                Some((known, _, _)) => sheet.given.push((known, value.trim().to_owned())),
                None if more.contains(&name.as_str()) => {}
                None => {
                    let names = PARAMETERS.iter().map(|(known, _, _)| *known).chain(more.iter().copied());
                    let remedy = match did_you_mean(&name, names) {
                        Some(meant) => format!("did you mean \"{meant}\"?"),
                        None => "leave it out; /api/v1/openapi.json lists them".to_owned(),
                    };
                    let name: String = name.chars().take(40).collect();
                    sheet.fault(&name, "there is no such parameter", &remedy);
                }
            }
        }
        sheet
    }

    pub(super) fn fault(&mut self, name: &str, problem: &str, remedy: &str) {
        let (problem, remedy) = (problem.to_owned(), remedy.to_owned());
        self.faults.push(Fault { index: 0, pointer: format!("/{name}"), position: None, problem, remedy });
    }

    /// A refusal in one sentence: the problem up to the first semicolon or colon, then the remedy.
    fn refused(&mut self, name: &str, words: &str) {
        let parts = words.split_once("; ").or_else(|| words.split_once(": "));
        let (problem, remedy) = parts.unwrap_or((words, "check it with the caller"));
        self.fault(name, problem, remedy);
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.given.iter().find(|(known, _)| *known == name).map(|(_, text)| text.as_str())
    }

    fn number(&mut self, name: &'static str) -> Option<f64> {
        let text = self.text(name)?;
        let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
        if number.is_none() {
            self.fault(name, "this is not a number", "send digits, with a point for decimals");
        }
        number
    }

    /// Both numbers of a pair; a fault where one is missing.
    fn pair(&mut self, first: &'static str, second: &'static str) -> Option<(f64, f64)> {
        for (here, other) in [(first, second), (second, first)] {
            if self.text(here).is_none() && self.text(other).is_some() {
                self.fault(other, &format!("it is given without \"{here}\""), &format!("add \"{here}\""));
                return None;
            }
        }
        let (one, two) = (self.number(first), self.number(second));
        one.zip(two)
    }

    /// The place by the form that says most, and everything else that is asked.
    pub(super) fn read(&mut self, land: &dyn Land, today: Date) -> Option<(Resolved, Asked)> {
        let sigma_m = self.number("sigma");
        let sigma_m = sigma_m.filter(|metres| {
            let good = (0.0..=SIGMA_M_MAX).contains(metres);
            if !good {
                self.fault("sigma", "this is not an uncertainty in metres", "send metres from 0 to 100000");
            }
            good
        });
        let on = self.text("at").map(str::parse::<Date>);
        if matches!(on, Some(Err(_))) {
            self.fault("at", "this is not a day", "write it as 2026-11-22");
        }
        let role = self.text("role").map(|word| (Role::parse(word), word.to_owned()));
        if let Some((None, word)) = &role {
            let words = Role::ALL.map(Role::as_str);
            let remedy = match did_you_mean(word, words) {
                Some(meant) => format!("did you mean \"{meant}\"? It is one of {}", words.join(", ")),
                None => format!("use one of {}", words.join(", ")),
            };
            self.fault("role", "there is no such role", &remedy);
        }
        let about = self.text("about").map(str::to_owned);
        if let Some(about) = &about {
            let bodies = land.bodies();
            if bodies.matter(about).is_none() {
                let known: Vec<&str> = bodies.matters().iter().map(|matter| matter.id.as_str()).collect();
                self.fault("about", "there is no such matter", &format!("use one of {}", known.join(", ")));
            }
        }
        let mut found = self.place(land)?;
        if let Some(sigma_m) = sigma_m {
            let crs_accuracy_m = found.place.crs_accuracy_m;
            found.place = Located { crs_accuracy_m, ..Located::new(found.place.point, sigma_m) };
            found.along.clear();
        }
        let asked = Asked {
            place: found.place,
            along: found.along.clone(),
            on: Some(on.and_then(Result::ok).unwrap_or(today)),
            role: role.and_then(|(role, _)| role),
            about,
        };
        self.faults.is_empty().then_some((found, asked))
    }

    fn place(&mut self, land: &dyn Land) -> Option<Resolved> {
        let plain =
            |place, read_as| Resolved { place, along: Vec::new(), read_as, name: String::new(), source: String::new() };
        let typed = if let Some(uprn) = self.text("uprn") {
            ("uprn", reference_number("UPRN", uprn, UPRN_DIGITS_MAX).map(Typed::Uprn))
        } else if self.text("e").is_some() || self.text("n").is_some() {
            let (easting, northing) = self.pair("e", "n")?;
            return match GridPoint::on_grid(easting, northing) {
                Ok(point) => Some(plain(Located::new(point, TYPED_GRID_UNCERTAINTY_M), "easting, northing")),
                Err(error) => {
                    self.refused("e", &error.to_string());
                    None
                }
            };
        } else if self.text("lat").is_some() || self.text("lon").is_some() {
            let (lat, lon) = self.pair("lat", "lon")?;
            return match from_device(land, lat, lon, None) {
                Ok(place) => Some(plain(place, "latitude, longitude")),
                Err(error) => {
                    self.refused("lat", &error.to_string());
                    None
                }
            };
        } else if let Some(text) = self.text("grid_ref") {
            ("grid_ref", GridReference::parse(text).map(|reference| Typed::Grid(reference.located())))
        } else if let Some(usrn) = self.text("usrn") {
            ("usrn", reference_number("USRN", usrn, USRN_DIGITS_MAX).map(Typed::Usrn))
        } else if let Some(postcode) = self.text("postcode") {
            ("postcode", Postcode::parse(postcode).map(Typed::Postcode))
        } else if let Some(street) = self.text("street") {
            ("street", Ok(Typed::Words(street.to_owned())))
        } else if let Some(text) = self.text("q") {
            ("q", Typed::read(text))
        } else {
            self.fault("q", "no place is given", NO_PLACE);
            return None;
        };
        let (name, typed) = typed;
        match typed.map_err(Into::into).and_then(|typed| resolve(land, &typed)) {
            Ok(found) => Some(found),
            Err(error) => {
                self.refused(name, &error.to_string());
                None
            }
        }
    }
}

/// What is wrong with the query, as a refusal.
pub(super) fn refusal(faults: Vec<Fault>) -> Problem {
    let told: Vec<String> = faults.iter().map(|fault| format!("{}; {}", fault.problem, fault.remedy)).collect();
    let errors_n = faults.len();
    Problem { errors: faults, errors_n, ..Problem::new(Kind::BadRequest, told.join(". ")) }
}

/// The question of a request's query.
pub(super) fn read(call: &Call, land: &dyn Land) -> Result<(Resolved, Asked), Problem> {
    read_with(call, land, &[])
}

/// The same, where the query may have `more` parameters.
pub(super) fn read_with(call: &Call, land: &dyn Land, more: &[&str]) -> Result<(Resolved, Asked), Problem> {
    let mut sheet = Sheet::sort(call.query_pairs(), more);
    sheet.read(land, call.app.today()).ok_or_else(|| refusal(std::mem::take(&mut sheet.faults)))
}
