//! A small invented council, written into a directory of its own: who is on call, one playbook for flooding, and
//! waits of a few seconds.

use super::write;
use std::path::{Path, PathBuf};

/// What the tests choose.
#[derive(Default)]
pub struct Council {
    /// Lines of `[email]`; empty for the outbox.
    pub email: String,
    /// Lines of `[sms]`; empty for the outbox.
    pub sms: String,
    /// So many contacts are a surge; 0 for the default.
    pub surge_reports: u32,
    /// Lines of `[limits]`.
    pub limits: String,
}

/// The number that texts come from.
pub const DESK_NUMBER: &str = "07700 900999";

impl Council {
    /// Writes it below `root`; gives the configuration's path. Core hours are on a day that is neither today nor near
    /// it, so that now is out of hours.
    pub fn write(&self, root: &Path) -> PathBuf {
        let project = Path::new(env!("CARGO_MANIFEST_DIR"));
        let Self { email, sms, limits, .. } = self;
        let detect =
            if self.surge_reports > 0 { format!("surge_reports = {}", self.surge_reports) } else { String::new() };
        let config = root.join("config/callout.toml");
        write(
            &config,
            &format!(
                r#"
[council]
name = "Wexmoor Council"
short_name = "WEXMOOR"
[web]
public_url = "https://desk.wexmoor.example.gov.uk"
[files]
data = "../data"
bodies = "{bodies}"
[detect]
{detect}
[paging]
receipt_deadline = "5s"
repeat_after = "5s"
widen_every = "1m"
[limits]
{limits}
[email]
{email}
[sms]
{sms}
"#,
                bodies = project.join("config/bodies.toml").display(),
            ),
        );
        write(&root.join("config/keywords.toml"), KEYWORDS);
        write(&root.join("config/people.toml"), PEOPLE);
        write(&root.join("config/rota.toml"), ROTA);
        let soon = jiff::Zoned::now().with_time_zone(jiff::tz::TimeZone::get("Europe/London").unwrap());
        let far = soon.checked_add(jiff::Span::new().days(3)).unwrap().strftime("%a").to_string();
        write(&root.join("config/calendar.toml"), &format!("[[core]]\ndays = \"{far}\"\nhours = \"09:00-17:00\"\n"));
        write(
            &root.join("config/holidays.toml"),
            &std::fs::read_to_string(project.join("config/holidays.toml")).unwrap(),
        );
        write(
            &root.join("playbooks/flooding-night.toml"),
            &playbook("Surface-water flooding", "out_of_hours", FLOODING),
        );
        write(&root.join("playbooks/flooding-day.toml"), &playbook("Flooding by day", "core", FLOODING));
        write(&root.join("playbooks/trees.toml"), &playbook("Storm and trees", "always", TREES));
        config
    }
}

fn playbook(title: &str, hours: &str, rest: &str) -> String {
    format!(
        "title = \"{title}\"\nowner = \"Head of Highways\"\nreviewed = 2026-09-01\nhours = \"{hours}\"\n\
         activate = \"automatic\"\nseverity = 2\n{rest}"
    )
}

const FLOODING: &str = r#"
[[when]]
surge = "flooding"
[[step]]
page = "duty_officer"
then = ["deputy"]
[[step]]
task = "Gully crews sent to hotspots"
by = "deputy"
within = "20m"
[stand_down]
suggest_when = ["no new property reports for 2h"]
"#;

const TREES: &str = r#"
[[when]]
surge = "storm"
[[step]]
page = "tactical"
[stand_down]
suggest_when = ["no new reports for 2h"]
"#;

const KEYWORDS: &str = r#"
[[topic]]
tag = "flooding"
title = "Flooding"
words = ["flood", "water come in", "drain overflow"]
not = ["floodlight"]
[[topic]]
tag = "storm"
title = "Storm and trees"
words = ["tree down", "fallen tree"]
not = []
"#;

const PEOPLE: &str = r#"
[[person]]
id = "priya.nair"
name = "Priya Nair"
mobile = "+447700900101"
channels = ["sms"]
eligible = ["duty_officer"]
[[person]]
id = "imran.shah"
name = "Imran Shah"
email = "imran.shah@council.test"
channels = ["email"]
eligible = ["deputy"]
[[person]]
id = "kwame.boateng"
name = "Kwame Boateng"
email = "kwame.boateng@council.test"
mobile = "+447700900103"
channels = ["email"]
eligible = ["tactical"]
"#;

const ROTA: &str = r#"
escalate_after = "5s"
managers = ["kwame.boateng"]
fallback = ["kwame.boateng"]
[[role]]
id = "duty_officer"
title = "Duty officer"
standing = ["priya.nair"]
[[role]]
id = "deputy"
title = "Deputy duty officer"
standing = ["imran.shah"]
[[role]]
id = "tactical"
title = "Tactical manager"
standing = ["kwame.boateng"]
"#;
