//! The M/ETHANE report (JESIP): seven headings by which police, fire, ambulance and councils tell each other what has
//! happened. What callout knows is filled in; a blank stays blank, since a guess would be believed.

use crate::domain::incident::Incident;
use crate::web::show::Scene;
use crate::web::view::MethaneField;

/// The headings: name of the field, what is read.
const HEADINGS: [(&str, &str); 7] = [
    ("m", "Major incident declared?"),
    ("e", "Exact location"),
    ("t", "Type of incident"),
    ("h", "Hazards, present or possible"),
    ("a", "Access: routes that are safe"),
    ("n", "Number and type of casualties"),
    ("s", "Emergency services, there and needed"),
];

/// The headings with what is known of an incident.
pub fn fields(scene: &Scene<'_>, incident: &Incident) -> Vec<MethaneField> {
    let place = incident.place.map(super::grid_ref).unwrap_or_default();
    let known = |name: &str| match name {
        "m" => "Not declared".to_owned(),
        "e" => place.clone(),
        "t" => scene.topic(incident),
        "n" => format!("Not known; {} contacts so far", incident.contacts_n),
        _ => String::new(),
    };
    HEADINGS.iter().map(|(name, label)| MethaneField { name, label, value: known(name) }).collect()
}

/// The report in words, one heading a line; `None` where every heading is blank.
pub(super) fn words(get: impl Fn(&str) -> String) -> Option<String> {
    let lines: Vec<String> = HEADINGS
        .iter()
        .map(|(name, label)| {
            let value = get(&format!("methane_{name}"));
            let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
            format!("{label}: {}", if value.is_empty() { "not known".to_owned() } else { value })
        })
        .collect();
    let any = HEADINGS.iter().any(|(name, _)| !get(&format!("methane_{name}")).trim().is_empty());
    any.then(|| format!("METHANE report\n{}", lines.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn a_blank_heading_says_that_it_is_not_known() {
        let report = words(|name| if name == "methane_h" { "live cables".into() } else { String::new() });
        let report = report.expect("one heading is filled in");
        assert!(report.contains("Hazards, present or possible: live cables"), "{report}");
        assert!(report.contains("Exact location: not known"), "{report}");
        assert_eq!(words(|_| String::new()), None);
    }
}
