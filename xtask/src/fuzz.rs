//! `cargo xtask fuzz [READER] [MINUTES]`: the readers of map files and gazetteers against bent files, for as long as
//! said. Without arguments all of them, ten minutes each.

use crate::Outcome;
use std::path::Path;
use std::process::Command;

/// The readers, by the names of their tests in `tests/fuzz_imports.rs`, and how many rounds share a test's time.
const READERS: [&str; 7] = ["geojson", "gml", "shapefile", "geopackage", "table", "archive", "gazetteers"];
const MINUTES: f64 = 10.0;

pub(crate) fn run(root: &Path, arguments: &[String]) -> Outcome {
    let (mut readers, mut minutes) = (Vec::new(), MINUTES);
    for argument in arguments {
        match argument.parse::<f64>() {
            Ok(said) if said > 0.0 && said < 10_000.0 => minutes = said,
            _ if READERS.contains(&argument.as_str()) => readers.push(argument.as_str()),
            _ => {
                return Err(format!(
                    "`{argument}` is neither minutes nor a reader; the readers are {}",
                    READERS.join(", ")
                ));
            }
        }
    }
    if readers.is_empty() {
        readers.extend(READERS);
    }
    for reader in readers {
        println!("{reader}: {minutes} minutes for each of its parts");
        let status = Command::new(env!("CARGO"))
            .args(["test", "--quiet", "--test", "fuzz_imports", "--", "--exact", reader, "--nocapture"])
            .env("CALLOUT_FUZZ_SECONDS", ((minutes * 60.0).ceil() as u64).to_string())
            .current_dir(root)
            .status()
            .map_err(|error| format!("cannot start cargo: {error}"))?;
        if !status.success() {
            return Err(format!(
                "the reader of {reader} failed; the lines above name the seed and the file with the bytes"
            ));
        }
    }
    Ok(())
}
