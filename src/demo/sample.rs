//! The sample council's files, carried in the program, so that `callout demo` runs anywhere.

use std::path::{Path, PathBuf};

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../", $name)))),*]
    };
}

/// Name and text of each file.
const FILES: &[(&str, &str)] = files![
    "config/callout.toml",
    "config/people.toml",
    "config/rota.toml",
    "config/calendar.toml",
    "config/holidays.toml",
    "config/keywords.toml",
    "config/bodies.toml",
    "playbooks/calls-waiting.toml",
    "playbooks/contact-centre-surge.toml",
    "playbooks/danger-to-life.toml",
    "playbooks/dangerous-structure.toml",
    "playbooks/evacuation-rest-centre.toml",
    "playbooks/feed-silent.toml",
    "playbooks/heatwave.toml",
    "playbooks/major-road-incident.toml",
    "playbooks/power-cut.toml",
    "playbooks/river-flood-warning.toml",
    "playbooks/snow-and-ice.toml",
    "playbooks/storm-and-trees.toml",
    "playbooks/surface-water-flooding.toml",
];

/// Writes them under `directory` and gives the path of the configuration.
///
/// # Errors
/// When the disk refuses.
pub fn write(directory: &Path) -> std::io::Result<PathBuf> {
    for (name, text) in FILES {
        let path = directory.join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(&path, text)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        }
    }
    Ok(directory.join("config/callout.toml"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_file_of_the_sample_council_is_carried() {
        let carried: BTreeSet<&str> = FILES.iter().map(|(name, _)| *name).collect();
        for directory in ["config", "playbooks"] {
            for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(directory)).unwrap() {
                let name = format!("{directory}/{}", entry.unwrap().file_name().to_string_lossy());
                if name.ends_with(".toml") {
                    assert!(carried.contains(name.as_str()), "{name} is not carried by the demo");
                }
            }
        }
    }
}
