//! A small council for stories and the simulator: documents of `tests/scenarios/policy/`, put together by name.

use callout::domain::policy::{Document, DocumentKind};
use std::path::PathBuf;

/// The text of one of the council's files.
pub fn text(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/policy").join(format!("{name}.toml"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The documents of a council that has these playbooks and this rota (`rota`, or `rota/people` for other people; with
/// `+feed` it listens for the feed `crm`, every 15 minutes). A playbook `x as y` is the text of `x.toml` under
/// the name `y`: another version of it.
pub fn documents(rota: &str, playbooks: &[&str]) -> Vec<Document> {
    let (rota, listens) = rota.strip_suffix("+feed").map_or((rota, false), |rota| (rota, true));
    let (rota, people) = rota.split_once('/').unwrap_or((rota, "people"));
    let mut settings = "[council]\nname = \"WEXMOOR\"\nzone = \"Europe/London\"\n".to_owned();
    if listens {
        settings += "[[intake.feed]]\nname = \"crm\"\nsource = \"crm\"\nheartbeat = \"15m\"\n";
    }
    let mut all = vec![
        Document::new(DocumentKind::Settings, "settings", settings),
        Document::new(DocumentKind::People, "people", text(people)),
        Document::new(DocumentKind::Rota, "rota", text(rota)),
        Document::new(DocumentKind::Calendar, "calendar", text("calendar")),
        Document::new(DocumentKind::Holidays, "holidays", text("holidays")),
    ];
    for playbook in playbooks {
        let (file, name) = playbook.split_once(" as ").unwrap_or((playbook, playbook));
        all.push(Document::new(DocumentKind::Playbook, name, text(file)));
    }
    all
}
