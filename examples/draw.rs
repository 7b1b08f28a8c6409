fn main() {
    for (meta, text) in callout::demo::town::layers() {
        std::fs::write(format!("/tmp/town-{}.geojson", meta.id), text).unwrap();
    }
}
