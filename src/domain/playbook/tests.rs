//! How a plan reads, and how a planner's slips are told.

#![allow(clippy::unwrap_used)]

use super::*;

/// The example of the design.
const FLOOD: &str = r#"
title    = "Surface-water flooding"
owner    = "Head of Highways"
reviewed = 2026-09-01
hours    = "out_of_hours"
activate = "automatic"
severity = 2

[[when]]
surge    = "flooding"
[[when]]
cluster  = "flooding"
reports  = 3
within   = { metres = 300, minutes = 30 }
[[when]]
warning  = { source = "met_office", kinds = ["rain", "thunderstorm"], at_least = "amber" }

[[step]]
page     = "duty_officer"
then     = ["deputy", "tactical"]
[[step]]
page     = "emergency_control"
wanted   = 2
only_if  = "surge"
[[step]]
task     = "Gully and pump crews sent to hotspots"
by       = "highways"
within   = "20m"
[[step]]
say      = "Is anyone in danger, or is water coming into the building?"

[stand_down]
suggest_when = ["no new property reports for 2h", "warning ended", "no open emergency task"]
"#;

#[test]
fn a_plan_reads_as_it_is_written() {
    let playbook = Playbook::parse("flood", FLOOD).unwrap();
    assert_eq!(playbook.severity, Severity::Wake);
    assert_eq!(playbook.version, sha256_hex(FLOOD));
    assert_eq!(
        playbook.when,
        [
            Condition::Surge { topic: "flooding".into(), reports: 5, within: SignedDuration::from_mins(60) },
            Condition::Cluster {
                topic: "flooding".into(),
                reports: 3,
                metres: 300,
                within: SignedDuration::from_mins(30)
            },
            Condition::Warning {
                source: "met_office".to_owned(),
                kinds: vec!["rain".to_owned(), "thunderstorm".to_owned()],
                at_least: WarningLevel::Amber
            },
        ]
    );
    assert_eq!(
        playbook.steps[1],
        Step::Page { role: "emergency_control".into(), then: vec![], wanted: 2, only_if: Some(Evidence::Surge) }
    );
    assert_eq!(playbook.steps.len(), 4);
    assert_eq!(playbook.stand_down.len(), 3);
}

#[test]
fn one_report_can_be_enough_and_a_condition_says_one_thing_only() {
    let text = FLOOD.replace("surge    = \"flooding\"", "keyword = \"danger_to_life\"");
    let when = &Playbook::parse("life", &text).unwrap().when[0];
    assert_eq!(*when, Condition::Keyword { topic: "danger_to_life".into() });
    let text = text.replace("keyword =", "surge = \"flooding\"\nkeyword =");
    let told: Vec<String> = Playbook::parse("life", &text).unwrap_err().iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "life.toml:9:1: error[P012]: this condition has surge and keyword at once (give each condition exactly one of \
          surge, cluster, keyword, service_level, feed_silent and warning)"
        ]
    );
}

#[test]
fn a_cluster_without_figures_is_three_within_a_kilometre_in_an_hour() {
    let text = FLOOD.replace("reports  = 3\nwithin   = { metres = 300, minutes = 30 }\n", "");
    let (metres, within) = (1_000, SignedDuration::from_mins(60));
    let expected = Condition::Cluster { topic: "flooding".into(), reports: 3, metres, within };
    assert_eq!(Playbook::parse("flood", &text).unwrap().when[1], expected);
}

#[test]
fn a_misspelt_page_is_named_and_not_called_an_empty_step() {
    let text = FLOOD.replacen("page     =", "pgae     =", 1);
    let told: Vec<String> = Playbook::parse("flood", &text).unwrap_err().iter().map(ToString::to_string).collect();
    assert_eq!(told, ["flood.toml:19:1: error[T002]: `pgae` is not a key here (did you mean `page`?)"]);
}

#[test]
fn each_slip_of_a_planner_is_told_with_its_place_and_remedy() {
    let text = FLOOD
        .replace("reviewed", "reveiwed")
        .replace("\"out_of_hours\"", "\"out_of_hour\"")
        .replace("severity = 2", "severity = 5")
        .replace("wanted   = 2", "wanted   = 2\ntask = \"x\"")
        .replace("\"20m\"", "\"twenty minutes\"")
        .replace("at_least = \"amber\"", "at_least = \"orange\"");
    let told: Vec<String> = Playbook::parse("flood", &text).unwrap_err().iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "flood.toml:1:1: error[T003]: `reviewed` is missing",
            "flood.toml:4:1: error[T002]: `reveiwed` is not a key here (did you mean `reviewed`?)",
            "flood.toml:5:12: error[T005]: `hours` cannot be \"out_of_hour\" (did you mean \"out_of_hours\"? It can be \
             out_of_hours, core, always)",
            "flood.toml:7:12: error[T006]: `severity` should be from 1 to 3",
            "flood.toml:16:82: error[T005]: `at_least` cannot be \"orange\" (it can be yellow, amber, red)",
            "flood.toml:21:1: error[P010]: this step has page and task at once (give each step exactly one of page, task \
             and say)",
            "flood.toml:29:12: error[T007]: `within` is not a length of time (write it as \"45s\", \"20m\", \"2h\", \
             \"1h 30m\" or \"7d\")",
        ]
    );
}
