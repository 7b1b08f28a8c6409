//! The console's styles, scripts and icons, embedded in the program.
//!
//! Each file's name holds a hash of its content (`app.1f2e3d4c.css`), so a browser may keep it for ever and still gets
//! the new one after an upgrade. Templates ask for the plain name (`app.css`). All of it comes from `cargo xtask web`;
//! where that was not run there are no files and [`BUILT`] is false.
//!
//! Not here: the route `/assets/NAME`, which answers with what [`find`] gives.

/// One embedded file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asset {
    /// The name with its hash, as in the address: `/assets/NAME`.
    pub name: &'static str,
    /// The name without the hash.
    pub plain_name: &'static str,
    /// The content.
    pub bytes: &'static [u8],
    /// The same, compressed with gzip, where that is smaller.
    pub gzip: Option<&'static [u8]>,
}

include!(concat!(env!("OUT_DIR"), "/console_files.rs"));

/// `Cache-Control` of every asset: the name changes with the content.
pub const CACHE_CONTROL: &str = "public, max-age=31536000, immutable";

/// `Content-Security-Policy` of every page: nothing inline, nothing from elsewhere, no frames.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

impl Asset {
    /// Its `Content-Type`.
    pub fn content_type(&self) -> &'static str {
        match self.name.rsplit('.').next() {
            Some("css") => "text/css; charset=utf-8",
            Some("js") => "text/javascript; charset=utf-8",
            Some("svg") => "image/svg+xml",
            Some("png") => "image/png",
            Some("txt") => "text/plain; charset=utf-8",
            _ => "application/octet-stream",
        }
    }

    /// What to send, and its `Content-Encoding` if any, to a browser that said `accept_encoding`.
    pub fn body(&self, accept_encoding: Option<&str>) -> (&'static [u8], Option<&'static str>) {
        match self.gzip {
            Some(gzip) if accept_encoding.is_some_and(takes_gzip) => (gzip, Some("gzip")),
            _ => (self.bytes, None),
        }
    }
}

/// Whether an `Accept-Encoding` takes gzip: named (or `*`), and not with weight zero.
fn takes_gzip(accept_encoding: &str) -> bool {
    accept_encoding.split(',').any(|part| {
        let mut words = part.split(';').map(str::trim);
        let named = words.next().is_some_and(|coding| coding.eq_ignore_ascii_case("gzip") || coding == "*");
        named && !words.any(|weight| matches!(weight.trim_end_matches('0'), "q=" | "q=0." | "q=."))
    })
}

/// The file of that name with hash, as asked for under `/assets/`.
pub fn find(name: &str) -> Option<&'static Asset> {
    FILES.iter().find(|asset| asset.name == name)
}

/// The address of a file by its plain name; empty where the console is not built.
pub fn url(plain_name: &str) -> String {
    FILES
        .iter()
        .find(|asset| asset.plain_name == plain_name)
        .map_or_else(String::new, |asset| format!("/assets/{}", asset.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASSET: Asset =
        Asset { name: "app.1f2e.css", plain_name: "app.css", bytes: b"a{color:red}", gzip: Some(b"packed") };

    #[test]
    fn gzip_goes_only_to_who_takes_it() {
        for (accepts, encoding) in [
            (Some("gzip, deflate, br"), Some("gzip")),
            (Some("br;q=1.0, GZIP;q=0.5"), Some("gzip")),
            (Some("*"), Some("gzip")),
            (Some("gzip;q=0"), None),
            (Some("gzip;q=0.000"), None),
            (Some("br"), None),
            (None, None),
        ] {
            assert_eq!(ASSET.body(accepts).1, encoding, "Accept-Encoding: {accepts:?}");
        }
    }

    #[test]
    fn every_embedded_file_has_a_type_and_a_hash_in_its_name() {
        assert_eq!(BUILT, !FILES.is_empty());
        for asset in FILES {
            assert_ne!(asset.content_type(), "application/octet-stream", "{}", asset.name);
            assert_ne!(asset.name, asset.plain_name, "a name without a hash would be kept for ever by browsers");
            assert_eq!(find(asset.name), Some(asset));
        }
    }

    #[test]
    fn what_the_templates_ask_for_is_there_once_built() {
        for name in ["app.css", "app.js", "phone.css", "phone.js", "icon.svg"] {
            assert_eq!(url(name).is_empty(), !BUILT, "{name}");
        }
        assert_eq!(url("no-such.css"), "");
    }
}
