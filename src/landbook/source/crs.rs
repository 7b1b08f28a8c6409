//! Which coordinates a file says it has: by an authority's code, by a name, or by the text of a `.prj`.
//!
//! Only two are read: WGS84 degrees (with ETRS89 taken for it: they differ by under a metre) and the National Grid.
//! Everything else is named back to whoever exported it; nothing is shifted by a guess.

use super::Named;
use crate::landbook::layer::Crs;

/// By the code of the EPSG register.
pub fn by_code(code: i64) -> Named {
    match code {
        27700 | 7405 => Named::Known(Crs::Bng),
        4326 | 4258 | 4979 => Named::Known(Crs::Wgs84),
        other => Named::Other(format!("EPSG:{other}")),
    }
}

/// By a name such as `urn:ogc:def:crs:EPSG::27700`, `EPSG:4326`, `http://www.opengis.net/def/crs/EPSG/0/27700`.
/// With it, whether the name says that latitude comes first.
pub fn by_name(name: &str) -> (Named, bool) {
    let upper = name.trim().to_ascii_uppercase();
    let code = upper.rsplit([':', '/', '#']).next().unwrap_or_default();
    if code == "CRS84" {
        return (Named::Known(Crs::Wgs84), false);
    }
    // Only the long names keep the register's own order, which is latitude first for degrees.
    let long = upper.starts_with("URN:") || upper.contains("/DEF/CRS/");
    match code.parse::<i64>() {
        Ok(code) if upper.contains("EPSG") || upper == code.to_string() => {
            let named = by_code(code);
            let lat_first = long && named == Named::Known(Crs::Wgs84);
            (named, lat_first)
        }
        _ => (Named::Other(short(name)), false),
    }
}

/// By the text of a `.prj`, or of `gpkg_spatial_ref_sys`: WKT in any of its dialects.
pub fn by_wkt(text: &str) -> Named {
    let text = text.trim();
    let name = text.split('"').nth(1).unwrap_or_default();
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    let kind = text.split(['[', '(']).next().unwrap_or_default().trim().to_ascii_uppercase();
    match kind.as_str() {
        "" => Named::Not,
        "PROJCS" | "PROJCRS" | "PROJECTEDCRS" | "COMPD_CS" | "COMPOUNDCRS" if plain.contains("britishnationalgrid") => {
            Named::Known(Crs::Bng)
        }
        "GEOGCS" | "GEOGCRS" | "GEOGRAPHICCRS" if plain.contains("wgs84") || plain.contains("wgs1984") => {
            Named::Known(Crs::Wgs84)
        }
        "GEOGCS" | "GEOGCRS" | "GEOGRAPHICCRS" if plain.contains("etrs89") || plain.contains("etrs1989") => {
            Named::Known(Crs::Wgs84)
        }
        _ => Named::Other(short(if name.is_empty() { text } else { name })),
    }
}

fn short(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(120).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_two_are_known_and_others_are_named_back() {
        let bng = Named::Known(Crs::Bng);
        let degrees = Named::Known(Crs::Wgs84);
        assert_eq!(by_name("urn:ogc:def:crs:EPSG::27700"), (bng.clone(), false));
        assert_eq!(by_name("urn:ogc:def:crs:EPSG::4326"), (degrees.clone(), true));
        assert_eq!(by_name("http://www.opengis.net/gml/srs/epsg.xml#4326"), (degrees.clone(), false));
        assert_eq!(by_name("urn:ogc:def:crs:OGC:1.3:CRS84"), (degrees.clone(), false));
        assert_eq!(by_name("EPSG:3857"), (Named::Other("EPSG:3857".to_owned()), false));
        assert_eq!(by_wkt("PROJCS[\"British_National_Grid\",GEOGCS[\"GCS_OSGB_1936\""), bng);
        assert_eq!(by_wkt("PROJCRS[\"OSGB36 / British National Grid\",BASEGEOGCRS"), bng);
        assert_eq!(by_wkt("GEOGCS[\"GCS_WGS_1984\",DATUM"), degrees);
        // Degrees of the old survey are a hundred metres off.
        assert_eq!(by_wkt("GEOGCS[\"GCS_OSGB_1936\""), Named::Other("GCS_OSGB_1936".to_owned()));
        let web = "PROJCS[\"WGS_1984_Web_Mercator_Auxiliary_Sphere\",GEOGCS[\"GCS_WGS_1984\"";
        assert_eq!(by_wkt(web), Named::Other("WGS_1984_Web_Mercator_Auxiliary_Sphere".to_owned()));
    }
}
