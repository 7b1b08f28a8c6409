//! Degrees with minutes and seconds, and the `geo:` addresses that phones share.
//!
//! Whatever has two plain numbers is read elsewhere ([`super::text`]); here is what has more.

use super::refusal::{PlaceError, shown};
use super::{Given, LatLon};

/// Metres in a second of arc of latitude, near enough for an uncertainty.
const SECOND_M: f64 = 30.9;

/// Reads `52°49'20"N 2°45'9"W`, `52 49.34 N, 2 45.15 W`, `N52 49 20 W2 45 9`, `geo:52.8223,-2.7524;u=12`. `None` where
/// it is none of these.
pub(super) fn read(body: &str) -> Option<Result<Given, PlaceError>> {
    if let Some(rest) = body.strip_prefix("geo:").or_else(|| body.strip_prefix("GEO:")) {
        return Some(geo_address(rest, body));
    }
    let halves = halves(body)?;
    Some(sexagesimal(&halves, body))
}

/// RFC 5870: latitude, longitude, perhaps an altitude; `u` is the uncertainty in metres.
fn geo_address(rest: &str, body: &str) -> Result<Given, PlaceError> {
    let mut parts = rest.split([';', '?']);
    let mut numbers = parts.next().unwrap_or_default().split(',').map(|number| number.trim().parse::<f64>().ok());
    let (Some(Some(lat)), Some(Some(lon))) = (numbers.next(), numbers.next()) else {
        return Err(PlaceError::NotUnderstood(shown(body)));
    };
    let said = parts.find_map(|part| part.strip_prefix("u=")?.parse::<f64>().ok()).filter(|metres| *metres >= 0.0);
    Ok(Given::Degrees(LatLon::in_great_britain(lat, lon)?, said.unwrap_or(super::DEVICE_UNCERTAINTY_M)))
}

/// One coordinate: its numbers, and its letter.
#[derive(Debug, Default)]
struct Half {
    numbers: Vec<f64>,
    decimals: usize,
    letter: Option<char>,
}

/// The two coordinates, where at least one has more than its degrees and both have their letters; else `None`.
fn halves(body: &str) -> Option<[Half; 2]> {
    let mut halves: Vec<Half> = vec![Half::default()];
    let mut word = String::new();
    let end_word = |word: &mut String, halves: &mut Vec<Half>| -> Option<()> {
        if word.is_empty() {
            return Some(());
        }
        let half = halves.last_mut()?;
        half.numbers.push(word.parse().ok().filter(|number: &f64| *number >= 0.0)?);
        half.decimals = word.split_once('.').map_or(0, |(_, after)| after.len());
        word.clear();
        Some(())
    };
    let leads = body.starts_with(|c: char| c.is_ascii_alphabetic());
    for c in body.chars() {
        match c.to_ascii_uppercase() {
            digit if digit.is_ascii_digit() || digit == '.' => word.push(digit),
            letter @ ('N' | 'S' | 'E' | 'W') => {
                end_word(&mut word, &mut halves)?;
                // A letter in front opens its coordinate, one behind closes it.
                if leads && halves.last()?.letter.is_some() {
                    halves.push(Half::default());
                }
                let half = halves.last_mut()?;
                if half.letter.replace(letter).is_some() {
                    return None;
                }
                if !leads {
                    halves.push(Half::default());
                }
            }
            ' ' | ',' | ';' | ':' | '°' | 'º' | '\'' | '′' | '’' | '"' | '″' | '”' | '\t' => {
                end_word(&mut word, &mut halves)?;
            }
            _ => return None,
        }
    }
    end_word(&mut word, &mut halves)?;
    halves.retain(|half| half.letter.is_some() || !half.numbers.is_empty());
    let two: [Half; 2] = halves.try_into().ok()?;
    let fits = two.iter().all(|half| half.letter.is_some() && (1..=3).contains(&half.numbers.len()));
    // Grid letters stand before long numbers: those are eastings and northings.
    let degrees = two.iter().all(|half| half.numbers.first().is_some_and(|number| *number <= 180.0));
    (fits && degrees && two.iter().any(|half| half.numbers.len() > 1)).then_some(two)
}

fn sexagesimal(halves: &[Half; 2], body: &str) -> Result<Given, PlaceError> {
    let refused = || PlaceError::Sexagesimal(shown(body));
    let (mut lat, mut lon) = (None, None);
    let mut step_m: f64 = 1.0;
    for half in halves {
        let beyond = half.numbers.iter().skip(1).any(|part| *part >= 60.0);
        let broken = half.numbers.iter().rev().skip(1).any(|part| libm::floor(*part) != *part);
        if beyond || broken {
            return Err(refused());
        }
        let value = half.numbers.iter().rev().fold(0.0, |rest, part| part + rest / 60.0);
        let unit_m = SECOND_M * [3_600.0, 60.0, 1.0][half.numbers.len() - 1];
        step_m = libm::fmax(step_m, unit_m * libm::pow(10.0, -(half.decimals as f64)) / 2.0);
        let slot = match half.letter {
            Some('N') => lat.replace(value),
            Some('S') => lat.replace(-value),
            Some('E') => lon.replace(value),
            _ => lon.replace(-value),
        };
        if slot.is_some() {
            return Err(refused());
        }
    }
    let (Some(lat), Some(lon)) = (lat, lon) else { return Err(refused()) };
    Ok(Given::Degrees(LatLon::in_great_britain(lat, lon)?, step_m))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let got = match read(text) {
            Some(Ok(Given::Degrees(at, off))) => format!("{:.5},{:.5} +-{off:.1}", at.lat, at.lon),
            Some(Ok(Given::Grid(_))) => "grid".to_owned(),
            Some(Err(error)) => format!("{error:?}"),
            None => "none".to_owned(),
        };
        assert!(got.starts_with(expected), "{text}: {got}");
    }

    #[test]
    fn minutes_and_seconds_are_read_in_the_usual_forms() {
        check("52°49'20\"N 2°45'9\"W", "52.82222,-2.75250 +-15.4");
        check("52°49′20.3″N, 2°45′8.6″W", "52.82231,-2.75239 +-1.5");
        check("52 49 20 N 2 45 9 W", "52.82222,-2.75250");
        check("N52 49 20 W2 45 9", "52.82222,-2.75250");
        check("2°45'9\"W 52°49'20\"N", "52.82222,-2.75250");
        check("52 49.338 N 002 45.144 W", "52.82230,-2.75240 +-1.0");
        check("51°30'26\"N 0°7'39\"E", "51.50722,0.12750");
    }

    #[test]
    fn phones_share_their_place_with_its_uncertainty() {
        check("geo:52.8223,-2.7524;u=12", "52.82230,-2.75240 +-12.0");
        check("geo:52.8223,-2.7524,35.1", "52.82230,-2.75240 +-5.0");
        check("geo:-2.7524,52.8223", "Swapped");
        check("geo:here", "NotUnderstood");
    }

    #[test]
    fn slips_are_named_and_other_forms_are_left_alone() {
        check("52°61'20\"N 2°45'9\"W", "Sexagesimal");
        check("52°49.5'20\"N 2°45'9\"W", "Sexagesimal");
        check("52°49'20\"N 2°45'9\"N", "Sexagesimal");
        check("53°20'59\"N 6°15'36\"W", "Ireland");
        check("52.8223N 2.7524W", "none");
        check("E 349401 N 325322", "none");
        check("SJ 49401 25322", "none");
        check("12 High Street", "none");
    }
}
