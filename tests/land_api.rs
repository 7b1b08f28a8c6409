//! The land as other systems, advisors and those who know the ground meet it by the API, on the map of the made-up town.
#![allow(clippy::unwrap_used)]

#[path = "rigs/desk.rs"]
mod desk;

use callout::domain::ownership::Bodies;
use callout::landbook::LandBook;
use callout::landbook::import::{ImportOptions, import};
use callout::landbook::layer::Layer;
use callout::web::scope::Scope;
use desk::Desk;
use serde_json::{Value, json};
use std::sync::Arc;

fn bodies() -> Arc<Bodies> {
    Arc::new(Bodies::parse(include_str!("../config/bodies.toml")).unwrap())
}

/// A layer of one square of 100 m by 100 m about easting 380,376, northing 410,712, for each (id, kind, body).
fn layer(id: &str, kind: &str, body: Option<&str>, edition: &str) -> Arc<Layer> {
    let (west, south, east, north) = (380_326.0, 410_662.0, 380_426.0, 410_762.0);
    let ring = [[west, south], [east, south], [east, north], [west, north], [west, south]];
    let text = json!({
        "type": "FeatureCollection",
        "crs": { "type": "name", "properties": { "name": "urn:ogc:def:crs:EPSG::27700" } },
        "edition": edition,
        "features": [{
            "type": "Feature",
            "properties": { "id": format!("{id}-1"), "name": format!("The {id}"), "body": body },
            "geometry": { "type": "Polygon", "coordinates": [ring] },
        }],
    });
    let options = ImportOptions {
        id: id.to_owned(),
        name: id.to_owned(),
        kind: kind.to_owned(),
        body: None,
        date: "2026-04-01".to_owned(),
        licence: "OGL".to_owned(),
        accuracy_m: 1.0,
        crs: None,
        id_field: Some("id".to_owned()),
        name_field: Some("name".to_owned()),
        body_field: Some("body".to_owned()),
        kind_field: None,
        ..ImportOptions::default()
    };
    let (layer, _) = import(text.to_string().as_bytes(), id, &options, Some(&bodies()), &mut |_, _| {}).unwrap();
    Arc::new(layer)
}

async fn put(desk: &Desk, layers: Vec<Arc<Layer>>) {
    desk.daemon.put_layers(LandBook::new(layers, bodies())).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_is_answered_in_every_form_and_for_many_in_their_order() {
    let desk = Desk::open().await;
    put(&desk, vec![layer("parks", "park", None, "1"), layer("wards", "ward", None, "1")]).await;
    let token = desk.token("advisor", &[Scope::ContactsWrite]);
    for query in ["q=380376,410712", "e=380376&n=410712", "grid_ref=SD+80376+10712", "easting=380376&northing=410712"] {
        let (status, answer) = desk.get(&token, &format!("/api/v1/land?{query}")).await;
        assert_eq!((status, answer["body"].as_str()), (200, Some("parks")), "{query}: {answer}");
        assert_eq!(
            (answer["confidence"].as_str(), answer["role"].as_str()),
            (Some("confident"), Some("owns")),
            "{query}"
        );
        assert_eq!(answer["basis"]["licence"], "OGL");
        assert_eq!(answer["lines"][0]["number"], "07700 900700");
        assert_eq!(answer["first"][0]["matter"], "danger", "life at risk first");
        assert_eq!(answer["crs_accuracy_m"], 0.0);
    }
    // Degrees, from a phone: the shift to the grid counts.
    let (_, answer) = desk.get(&token, "/api/v1/land?lat=53.593&lon=-2.2980").await;
    assert!(answer["crs_accuracy_m"].as_f64().unwrap() > 0.5, "{answer}");
    // The role, a matter, and the uncertainty may be said.
    let (_, answer) = desk.get(&token, "/api/v1/land?q=380376,410712&role=regulates").await;
    assert_eq!((answer["confidence"].as_str(), answer["body"].is_null()), (Some("unknown"), true), "{answer}");
    assert_eq!(answer["promise"]["within"], "2 hours");
    let (_, answer) = desk.get(&token, "/api/v1/land?q=380376,410712&about=gas").await;
    assert_eq!((answer["body"].as_str(), answer["also"][0]["body"].as_str()), (Some("gas_network"), Some("parks")));
    let (_, answer) = desk.get(&token, "/api/v1/land?q=380376,410712&sigma=60").await;
    assert_eq!(answer["confidence"], "ask", "{answer}");
    assert!(answer["question"].as_str().unwrap().starts_with("Is it in the park"), "{answer}");
    // All faults of a question at once, each with its remedy.
    let (status, problem) = desk.get(&token, "/api/v1/land?e=380376&rol=owns&role=owner&at=soon").await;
    assert_eq!(status, 400, "{problem}");
    let faults: Vec<&str> =
        problem["errors"].as_array().unwrap().iter().filter_map(|e| e["pointer"].as_str()).collect();
    assert_eq!(faults, ["/rol", "/at", "/role", "/e"], "{problem}");
    assert!(problem["errors"][0]["remedy"].as_str().unwrap().contains("did you mean \"role\"?"), "{problem}");
    // Many.
    let lines = "{\"id\":\"a\",\"e\":380376,\"n\":410712}\nnot json\n{\"q\":\"nowhere at all\"}\n{\"id\":7,\"e\":380600,\"n\":410712}\n";
    let batch = desk.client.post(desk.url("/api/v1/land/batch")).bearer_auth(&token);
    let batch = batch.header("content-type", "application/x-ndjson").body(lines).send().await.unwrap();
    let answers: Vec<Value> =
        batch.text().await.unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        answers.iter().map(|answer| answer["id"].clone()).collect::<Vec<_>>(),
        [json!("a"), json!(2), json!(3), json!(7)]
    );
    assert_eq!((answers[0]["body"].as_str(), answers[3]["confidence"].as_str()), (Some("parks"), Some("unknown")));
    assert_eq!(
        (answers[1]["errors"][0]["position"]["line"].as_u64(), answers[2]["errors"][0]["pointer"].as_str()),
        (Some(2), Some("/q"))
    );
    let many = "{\"e\":1,\"n\":1}\n".repeat(10_001);
    let refused = desk.client.post(desk.url("/api/v1/land/batch")).bearer_auth(&token).body(many).send().await.unwrap();
    assert_eq!(refused.status(), 413);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_map_system_is_answered_in_its_own_words() {
    let desk = Desk::open().await;
    put(&desk, vec![layer("parks", "park", None, "1"), layer("wards", "ward", None, "1")]).await;
    let token = desk.token("map", &[Scope::Read, Scope::ContactsWrite]);
    let (_, area) = desk.get(&token, "/api/v1/land/area?q=380376,410712").await;
    let layers: Vec<&str> = area["areas"].as_array().unwrap().iter().filter_map(|a| a["layer"].as_str()).collect();
    assert_eq!(layers, ["parks", "wards"], "{area}");
    let (_, nearest) = desk.get(&token, "/api/v1/land/nearest?q=380526,410712&count=1&layer=parks").await;
    assert_eq!(nearest["areas"][0]["feature"], "parks-1", "{nearest}");
    assert_eq!(nearest["areas"][0]["distance_m"], 100.0);
    let (_, within) = desk.get(&token, "/api/v1/land/within?q=380526,410712&distance=99").await;
    assert_eq!(within["areas"], json!([]), "{within}");
    let (status, problem) = desk.get(&token, "/api/v1/land/area?q=380376,410712&layer=park").await;
    assert!(status == 400 && problem["detail"].as_str().unwrap().contains("parks, wards"), "{problem}");
    let (_, features) = desk.get(&token, "/api/v1/land/features?layer=parks&box=380000,410000,381000,411000").await;
    assert_eq!(
        (features["type"].as_str(), features["features"][0]["id"].as_str()),
        (Some("FeatureCollection"), Some("parks-1"))
    );
    let (status, _) = desk.get(&token, "/api/v1/land/features?layer=parks&box=381000,410000,380000,411000").await;
    assert_eq!(status, 400);
    let (_, mapit) = desk.get(&token, "/point/osgb/380376,410712").await;
    assert_eq!(mapit["wards/wards-1"]["name"], "The wards", "{mapit}");
    let (status, problem) = desk.get(&token, "/postcode/BL9OSW").await;
    assert!(status == 400 && problem["detail"].as_str().unwrap().contains("did you mean BL9 0SW?"), "{problem}");
    desk.post(&token, "/api/v1/contacts", &json!({"channel": "phone", "easting": 380_376, "northing": 410_712})).await;
    let (_, statistic) = desk.get(&token, "/api/v1/land/statistic?layer=wards").await;
    assert_eq!(
        (statistic["areas"][0]["contacts"].as_u64(), statistic["contacts"].as_u64()),
        (Some(1), Some(1)),
        "{statistic}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_answer_is_marked_corrected_and_right_until_the_next_import() {
    let desk = Desk::open().await;
    put(&desk, vec![layer("parks", "park", None, "1")]).await;
    let advisor = desk.token("advisor", &[Scope::ContactsWrite]);
    let officer = desk.token("officer", &[Scope::IncidentsWrite, Scope::Read]);
    let place = "380376,410712";
    let contact = json!({"channel": "phone", "easting": 380_376, "northing": 410_712});
    let (_, taken) = desk.post(&advisor, "/api/v1/contacts", &contact).await;
    assert_eq!(taken["responsible_body"], "parks", "{taken}");
    let (status, problem) = desk.post(&advisor, "/api/v1/land/marks", &json!({"place": place, "body": "scools"})).await;
    let faults: Vec<&str> =
        problem["errors"].as_array().unwrap().iter().filter_map(|e| e["pointer"].as_str()).collect();
    assert_eq!((status, faults), (422, vec!["/body", "/why"]), "{problem}");
    let why = "The school bought this corner in 2024";
    let (status, marked) =
        desk.post(&advisor, "/api/v1/land/marks", &json!({"place": place, "body": "schools", "why": why})).await;
    assert_eq!(status, 201, "{marked}");
    let (_, queue) = desk.get(&officer, "/api/v1/land/queue").await;
    assert_eq!(
        (queue["waiting"][0]["why"].as_str(), queue["waiting"][0]["by"]["who"].as_str()),
        (Some(why), Some("advisor"))
    );
    let correct = json!({"place": place, "body": "schools", "why": why, "settles": marked["entry"]});
    assert_eq!(
        desk.post(&advisor, "/api/v1/land/corrections", &correct).await.0,
        403,
        "an advisor marks, an officer corrects"
    );
    let (status, corrected) = desk.post(&officer, "/api/v1/land/corrections", &correct).await;
    assert_eq!(status, 201, "{corrected}");
    let (_, answer) = desk.get(&advisor, &format!("/api/v1/land?q={place}")).await;
    assert_eq!(
        (answer["body"].as_str(), answer["confidence"].as_str()),
        (Some("schools"), Some("confident")),
        "{answer}"
    );
    let told = answer["why"].as_str().unwrap();
    assert!(told.contains("Corrected by officer on ") && told.contains(why), "{told}");
    let (_, beyond) = desk.get(&advisor, "/api/v1/land?q=380406,410712").await;
    assert_eq!(beyond["body"], "parks", "15 m about the place, and no farther");
    let (_, queue) = desk.get(&officer, "/api/v1/land/queue").await;
    assert_eq!((queue["waiting"].as_array().unwrap().len(), queue["corrections"].as_array().unwrap().len()), (0, 1));
    // The contact of before would be answered differently now.
    let (_, changes) = desk.get(&officer, "/api/v1/land/changes").await;
    assert_eq!(
        (changes["looked_at"].as_u64(), changes["changed"][0]["contact"].clone()),
        (Some(1), taken["id"].clone()),
        "{changes}"
    );
    assert_eq!(changes["changed"][0]["now"]["body"], "schools");
    // Neither the words nor the exact place stand in the log.
    let log: String = std::fs::read_dir(desk.data.path().join("log"))
        .unwrap()
        .map(|file| String::from_utf8_lossy(&std::fs::read(file.unwrap().path()).unwrap()).into_owned())
        .collect();
    assert!(log.contains("map_statement") && !log.contains("bought this corner") && !log.contains("380376000"));
    // Read again as it was, the map keeps the correction; a new import of the layer ends it.
    put(&desk, vec![layer("parks", "park", None, "1")]).await;
    let (_, answer) = desk.get(&advisor, &format!("/api/v1/land?q={place}")).await;
    assert_eq!(answer["body"], "schools");
    put(&desk, vec![layer("parks", "park", None, "2")]).await;
    let (_, answer) = desk.get(&advisor, &format!("/api/v1/land?q={place}")).await;
    assert_eq!(answer["body"], "parks", "{answer}");
    let (_, changes) = desk.get(&officer, "/api/v1/land/changes").await;
    assert_eq!(changes["changed"], json!([]));
    let gone = format!("/api/v1/land/corrections/{}/withdraw", corrected["entry"]);
    assert_eq!(desk.post(&officer, &gone, &json!({"why": "x"})).await.0, 409, "it has ended already");
}
