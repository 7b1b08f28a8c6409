//! The worked examples of `docs/ownership.md`: a place goes in, and the sentence comes out that the document shows.
#![allow(clippy::unwrap_used)]

use callout::domain::ownership::{Asked, Bodies, OwnerAnswer, Role};
use callout::domain::place::Typed;
use callout::land::{Land as _, resolve};
use callout::landbook::import::{ImportOptions, import};
use callout::landbook::{Land, LandBook};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Fewer would not cover who is responsible for what.
const EXAMPLES_LEAST: usize = 20;

fn document() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ownership.md")
}

/// The sample council's map.
fn wexmoor() -> Land {
    let bodies = Arc::new(Bodies::parse(include_str!("../config/bodies.toml")).unwrap());
    let layers = callout::demo::town::layers().into_iter().filter(|(meta, _)| meta.kind != "building");
    let layers = layers.map(|(meta, text)| {
        let options = ImportOptions {
            id: meta.id.to_owned(),
            name: meta.name.to_owned(),
            kind: meta.kind.to_owned(),
            body: None,
            date: meta.dated.to_owned(),
            licence: meta.licence.to_owned(),
            accuracy_m: 1.0,
            crs: None,
            id_field: Some("id".to_owned()),
            name_field: Some("name".to_owned()),
            body_field: Some("body".to_owned()),
            kind_field: Some("kind".to_owned()),
            ..ImportOptions::default()
        };
        let (layer, _) = import(text.as_bytes(), meta.id, &options, Some(&bodies), &mut |_, _| {}).unwrap();
        Arc::new(layer)
    });
    Land::new(LandBook::new(layers.collect(), Arc::clone(&bodies)))
}

/// The answer in a line.
fn told(answer: &OwnerAnswer) -> String {
    let role = answer.role.map_or("", Role::as_str);
    match (&answer.body, answer.promise.as_ref()) {
        (Some(_), _) => format!("{}: {}, {role}", answer.confidence.as_str(), answer.body_name),
        (None, Some(promise)) => {
            format!("{}: {} finds out within {}", answer.confidence.as_str(), promise.finder, promise.within)
        }
        (None, None) => panic!("neither a body nor who finds out: {}", answer.why),
    }
}

/// What an example says, and what it says to the caller.
fn run(land: &Land, place: &str, about: Option<&str>) -> (String, String) {
    let found = match Typed::read(place).map_err(Into::into).and_then(|typed| resolve(land, &typed)) {
        Ok(found) => found,
        Err(refused) => return ("refused".to_owned(), refused.to_string()),
    };
    let asked = Asked {
        about: about.map(str::to_owned),
        along: found.along,
        on: Some("2026-11-22".parse().unwrap()),
        ..Asked::at(found.place)
    };
    let answer = land.ask(&asked);
    (told(&answer), answer.tell_caller)
}

#[test]
fn each_worked_example_says_what_the_document_says() {
    let land = wexmoor();
    let text = std::fs::read_to_string(document()).unwrap();
    let (mut place, mut about, mut examples, mut matters) = (String::new(), None, 0, Vec::new());
    let (mut written, mut said) = (String::new(), (String::new(), String::new()));
    for line in text.lines() {
        let after = |word: &str| line.strip_prefix(word).map(|rest| rest.trim().to_owned());
        if let Some(given) = after("place  ") {
            (place, about) = (given, None);
        } else if let Some(given) = after("about  ") {
            matters.push(given.clone());
            about = Some(given);
        }
        let new = if line.starts_with("answer  ") {
            said = run(&land, &place, about.as_deref());
            examples += 1;
            format!("answer  {}", said.0)
        } else if line.starts_with("say  ") {
            format!("say     {}", said.1)
        } else {
            line.to_owned()
        };
        written.push_str(new.trim_end());
        written.push('\n');
    }
    assert!(examples >= EXAMPLES_LEAST, "{examples} examples");
    for matter in land.bodies().first() {
        assert!(matters.contains(&matter.id), "no example asks about \"{}\"", matter.id);
    }
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(document(), &written).unwrap();
    }
    let shown = std::fs::read_to_string(document()).unwrap();
    for (line, (is, should)) in shown.lines().zip(written.lines()).enumerate() {
        assert_eq!(is, should, "docs/ownership.md:{}", line + 1);
    }
    assert_eq!(shown.lines().count(), written.lines().count());
}
