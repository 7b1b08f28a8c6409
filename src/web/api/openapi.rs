//! `/api/v1/openapi.json`: the API as an OpenAPI 3.1 document, made from the route table and the forms below.
//!
//! What a route takes and gives stands here once, next to each other, in words that an integrator reads. A test holds
//! the document against the table both ways, and the contact's fields against those that intake knows.

use super::json;
use crate::domain::contact::Channel;
use crate::web::problem::Kind;
use crate::web::routes::{Action, Allow, ROUTES, Route, Verb};
use serde_json::{Map, Value, json as value};
use warp::http::StatusCode;
use warp::reply::Response;

/// The document.
pub fn answer() -> Response {
    json(StatusCode::OK, &document())
}

/// What a route takes and gives.
struct Shape {
    /// Query parameters: name, whether it is needed, what it is.
    query: &'static [(&'static str, &'static str)],
    /// Content types with the form of the body.
    takes: &'static [(&'static str, &'static str)],
    /// The status of success.
    status: u16,
    /// The content type and form of a success; an empty form is any text.
    gives: (&'static str, &'static str),
    /// Refusals beside those that every route knows.
    refuses: &'static [Kind],
}

const JSON: &str = "application/json";
const NDJSON: &str = "application/x-ndjson";
const TEXT: &str = "text/plain";

fn shape(action: Action) -> Option<Shape> {
    let reads = |form| Shape { query: &[], takes: &[], status: 200, gives: (JSON, form), refuses: &[] };
    let writes = |takes, status, form| Shape {
        query: &[],
        takes,
        status,
        gives: (JSON, form),
        refuses: &[Kind::NotJson, Kind::TooLarge, Kind::MediaType, Kind::Fields, Kind::Conflict, Kind::Busy],
    };
    Some(match action {
        // The console's pages are for people, and change with it.
        Action::Page(_) | Action::SignInPage | Action::SignIn | Action::SignOut
        // Their forms are the suppliers' own.
        | Action::NotifyReceipt
        | Action::NotifyText
        | Action::TwilioReceipt
        | Action::TwilioText => return None,
        Action::ContactsCreate => Shape {
            query: &[("history", "true: loaded from the past; counted as history, never a reason to page")],
            takes: &[(JSON, "ContactOrBatch"), (NDJSON, "Contact")],
            refuses: &[Kind::NotJson, Kind::BodyTooSlow, Kind::TooLarge, Kind::MediaType, Kind::Fields, Kind::Busy],
            ..writes(&[], 201, "TakenOrBatch")
        },
        Action::QueuesCount => Shape {
            takes: &[(JSON, "QueueCountsOrBatch"), (NDJSON, "QueueCounts")],
            ..writes(&[], 201, "QueueCounted")
        },
        Action::FeedsList => reads("Feeds"),
        Action::LandAsk => Shape { refuses: &[Kind::BadRequest], ..reads("Owner") },
        Action::LandBatch => Shape {
            takes: &[(NDJSON, "LandQuestion")],
            gives: (NDJSON, "Owner"),
            refuses: &[Kind::NotJson, Kind::TooLarge, Kind::MediaType],
            ..reads("Owner")
        },
        Action::LandArea => {
            Shape { query: &[("layer", "Of this layer alone")], refuses: &[Kind::BadRequest], ..reads("Areas") }
        }
        Action::LandNearest => Shape {
            query: &[("layer", "Of this layer alone"), ("count", "How many, 1 to 1000; default 5")],
            refuses: &[Kind::BadRequest],
            ..reads("Areas")
        },
        Action::LandWithin => Shape {
            query: &[
                ("layer", "Of this layer alone"),
                ("distance", "Metres, at most 500"),
                ("limit", "How many at most, 1 to 1000; default 200"),
            ],
            refuses: &[Kind::BadRequest],
            ..reads("Areas")
        },
        Action::LandFeatures => Shape {
            query: &[
                ("layer", "Which layer"),
                ("box", "west,south,east,north in metres of the National Grid; at most 50 km each way"),
                ("limit", "How many at most, 1 to 1000; default 200"),
            ],
            refuses: &[Kind::BadRequest, Kind::NotFound],
            ..reads("Anything")
        },
        Action::LandStatistic => Shape {
            query: &[("layer", "By the areas of this layer"), ("tag", "Contacts of this topic alone")],
            refuses: &[Kind::BadRequest],
            ..reads("AreaStatistic")
        },
        Action::LandMark => writes(&[(JSON, "MarkWrong")], 201, "KeptEntry"),
        Action::LandCorrect => writes(&[(JSON, "CorrectMap")], 201, "KeptEntry"),
        Action::LandSettle | Action::LandWithdraw => writes(&[(JSON, "Why")], 201, "KeptEntry"),
        Action::LandQueue => reads("LandQueue"),
        Action::LandChanges => Shape {
            query: &[("days", "How many days back, 1 to 60; default 7")],
            refuses: &[Kind::BadRequest],
            ..reads("LandChanges")
        },
        Action::PointOsgb | Action::PointDegrees | Action::PostcodeAreas => {
            Shape { refuses: &[Kind::BadRequest], ..reads("Anything") }
        }
        Action::IncidentsList => {
            Shape { query: &[("open", "true: leave out those that are closed")], ..reads("Incidents") }
        }
        Action::IncidentRead => reads("Incident"),
        Action::IncidentOpen => writes(&[(JSON, "OpenIncident")], 201, "IncidentId"),
        Action::IncidentActivate => writes(&[(JSON, "Activate")], 200, "IncidentId"),
        Action::IncidentNote => writes(&[(JSON, "Note")], 201, "EntryId"),
        Action::IncidentDecision => writes(&[(JSON, "Decision")], 201, "EntryId"),
        Action::EntryConfirm => writes(&[(JSON, "Nothing")], 200, "EntryId"),
        Action::TaskMove => writes(&[(JSON, "MoveTask")], 200, "IncidentId"),
        Action::IncidentStandDown => writes(&[(JSON, "Reason")], 200, "IncidentId"),
        Action::WarningsList => reads("Warnings"),
        Action::WarningEnter => writes(&[(JSON, "Warning")], 201, "WarningId"),
        Action::WarningCancel => writes(&[(JSON, "Nothing")], 200, "WarningId"),
        Action::PageAcknowledge | Action::PageDecline => writes(&[(JSON, "Nothing")], 200, "Acknowledgement"),
        Action::PageTest => writes(&[(JSON, "TestPage")], 201, "CallOutId"),
        Action::RotaNow => reads("OnCall"),
        Action::RotaFile => reads("RotaFile"),
        Action::RotaApply => writes(&[(JSON, "RotaEdition")], 200, "RotaApplied"),
        Action::PlaybooksList => reads("Playbooks"),
        Action::RecordHead => reads("Kept"),
        Action::RecordExport => writes(&[(JSON, "Export")], 201, "KeptEntry"),
        Action::RecordErase => writes(&[(JSON, "Erase")], 200, "Erased"),
        Action::RecordHold => writes(&[(JSON, "PlaceHold")], 201, "KeptEntry"),
        Action::RecordLift => writes(&[(JSON, "Why")], 201, "KeptEntry"),
        Action::SmsReply => Shape {
            query: &[("from", "Who sent it"), ("to", "The number it came to"), ("text", "Its words")],
            gives: (TEXT, ""),
            refuses: &[Kind::BadRequest],
            ..reads("")
        },
        Action::SmsReceipt => Shape {
            query: &[("ref", "The page's reference"), ("type", "1, 2, 4, 8 or 16"), ("words", "The network's words")],
            gives: (TEXT, ""),
            refuses: &[Kind::BadRequest],
            ..reads("")
        },
        Action::Live => Shape { gives: ("text/event-stream", ""), refuses: &[Kind::Busy], ..reads("") },
        Action::Healthz => Shape { gives: (TEXT, ""), ..reads("") },
        Action::Readyz => Shape { refuses: &[], ..reads("Ready") },
        Action::Metrics => Shape { gives: ("application/openmetrics-text", ""), ..reads("") },
        Action::OpenApi => reads("Anything"),
    })
}

/// Whether the document has this route: all but the console's pages.
pub fn is_documented(route: &Route) -> bool {
    shape(route.action).is_some()
}

/// The schemas of `/api/v1/record`.
fn record_schemas() -> Value {
    let reason =
        value!({ "type": "string", "minLength": 1, "maxLength": 20_000, "description": "Stands in the record" });
    value!({
        "Export": object(&["profile", "selection", "why"], value!({
            "profile": { "type": "string", "enum": ["public", "foi", "police", "full"] },
            "selection": { "type": "string", "maxLength": 2_000 }, "why": reason,
        })),
        "Erase": object(&["subject", "why"], value!({ "subject": { "type": "string", "maxLength": 40 }, "why": reason })),
        "PlaceHold": object(&["on", "why"], value!({ "on": { "type": "string", "maxLength": 40 }, "why": reason })),
        "Why": object(&["why"], value!({ "why": reason })),
        "RotaEdition": object(&[], value!({
            "rota": { "type": "string", "description": "The rota file; absent: as it is" },
            "people": { "type": "string", "description": "The people file; absent: as it is" },
            "dry_run": { "type": "boolean" },
        })),
        "RotaFile": answer_of(&["people", "rota"], value!({ "people": { "type": "string" }, "rota": { "type": "string" } })),
        "RotaApplied": answer_of(&["result", "errors", "warnings", "differences"], value!({
            "result": { "enum": ["applied", "same", "shown", "wrong"] }, "seq": { "type": ["integer", "null"] },
            "errors": { "type": "array", "items": { "type": "string" } },
            "warnings": { "type": "array", "items": { "type": "string" } },
            "differences": { "type": "array", "items": { "type": "string" } },
        })),
        "KeptEntry": answer_of(&["entry"], value!({ "entry": { "type": "integer" } })),
        "Erased": answer_of(&["entry", "erased"], value!({
            "entry": { "type": "integer" },
            "erased": { "type": "integer", "description": "Details erased; 0 while a second person is waited for" },
        })),
        "Kept": answer_of(&["last", "head", "mailed", "holds", "asked", "erased"], value!({
            "last": { "type": "integer" }, "head": { "type": ["object", "null"] }, "mailed": { "type": ["object", "null"] },
            "holds": { "type": "array", "items": { "type": "object" } },
            "asked": { "type": "array", "items": { "type": "object" } }, "erased": { "type": "integer" },
        })),
    })
}

/// The whole document.
pub fn document() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for route in ROUTES {
        let Some(shape) = shape(route.action) else { continue };
        let verb = match route.verb {
            Verb::Get => "get",
            Verb::Post => "post",
        };
        let path = paths.entry(route.path).or_insert_with(|| value!({}));
        path[verb] = operation(route, &shape);
    }
    let mut schemas = schemas();
    for more in [record_schemas(), super::land::schemas()] {
        if let (Value::Object(all), Value::Object(more)) = (&mut schemas, more) {
            all.extend(more);
        }
    }
    value!({
        "openapi": "3.1.0",
        "info": {
            "title": "callout",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Emergency and surge incident coordination for councils",
            "description": "A contact is answered 201 when it is durable, and once per key however often it is sent. \
                Every refusal is application/problem+json and says what, where and how to mend it. `Retry-After` says \
                when to come again.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": {
                    "type": "http", "scheme": "bearer",
                    "description": "callout token new --name NAME --scope SCOPE",
                },
            },
        },
    })
}

fn reference(form: &str) -> Value {
    value!({ "$ref": format!("#/components/schemas/{form}") })
}

fn operation(route: &Route, shape: &Shape) -> Value {
    let segments = route.path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    let mut parameters: Vec<Value> = segments
        .map(|name| value!({ "name": name, "in": "path", "required": true, "schema": path_parameter(name) }))
        .collect();
    for (name, what) in shape.query {
        let schema = match *name {
            "history" | "open" => value!({ "type": "string", "enum": ["true", "false"] }),
            _ => value!({ "type": "string" }),
        };
        let parameter = value!({ "name": name, "in": "query", "description": what, "schema": schema });
        parameters.push(parameter);
    }
    if matches!(route.action, Action::LandAsk | Action::LandArea | Action::LandNearest | Action::LandWithin) {
        parameters.extend(super::land::asking::PARAMETERS.iter().map(|(name, _, what)| {
            value!({ "name": name, "in": "query", "description": what, "schema": { "type": "string" } })
        }));
    }
    if route.action == Action::ContactsCreate {
        parameters.push(value!({
            "name": "Idempotency-Key", "in": "header",
            "description": "1 to 255 visible ASCII characters; for contacts without a source_id of their own",
            "schema": { "type": "string", "pattern": "^[!-~]{1,255}$" },
        }));
    }
    if route.action == Action::Live {
        parameters.push(value!({
            "name": "Last-Event-ID", "in": "header", "schema": { "type": "string" },
            "description": "The id of the last event heard",
        }));
    }
    let (media, form) = shape.gives;
    let gives = if form.is_empty() { value!({ "type": "string" }) } else { reference(form) };
    let mut responses: Map<String, Value> = Map::new();
    let success = value!({ "description": "Done", "content": { media: { "schema": gives } } });
    responses.insert(shape.status.to_string(), success);
    if route.action == Action::Readyz {
        let content = value!({ JSON: { "schema": reference("Ready") } });
        responses.insert("503".into(), value!({ "description": "A needed part is not ready", "content": content }));
    }
    let mut refusals: Vec<Kind> = shape.refuses.to_vec();
    match route.allow {
        Allow::AnyOf(_) => refusals.extend([Kind::NotSignedIn, Kind::NotAllowed]),
        Allow::PathSecret => refusals.push(Kind::NotFound),
        Allow::Supplier => refusals.push(Kind::NotAllowed),
        Allow::Everybody => {}
    }
    if !parameters.is_empty() && route.path.contains("{") {
        refusals.push(Kind::NotFound);
    }
    refusals.push(Kind::Defect);
    for kind in refusals {
        let content = value!({ "application/problem+json": { "schema": reference("Problem") } });
        let known = value!({ "description": kind.title(), "content": content });
        responses.entry(kind.status().as_u16().to_string()).or_insert(known);
    }
    let mut operation = value!({
        "operationId": route.name, "summary": route.summary, "parameters": parameters, "responses": responses,
    });
    if !shape.takes.is_empty() {
        let content: Map<String, Value> = shape
            .takes
            .iter()
            .map(|(media, form)| ((*media).to_owned(), value!({ "schema": reference(form) })))
            .collect();
        operation["requestBody"] = value!({ "required": true, "content": content });
    }
    if let Allow::AnyOf(scopes) = route.allow {
        let names: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
        operation["security"] = value!([{ "token": [] }]);
        operation["description"] = value!(format!("Scope: {} (or admin)", names.join(" or ")));
    }
    operation
}

fn path_parameter(name: &str) -> Value {
    match name {
        "incident" => value!({ "type": "string", "pattern": "^INC-[0-9]+$", "examples": ["INC-42"] }),
        "task" => value!({ "type": "string", "pattern": "^T-[0-9]+$", "examples": ["T-97"] }),
        "page" => value!({ "type": "string", "pattern": "^P-[0-9]+$", "examples": ["P-512"] }),
        "warning" => value!({ "type": "string", "pattern": "^W-[0-9]+$", "examples": ["W-7"] }),
        _ => value!({ "type": "string" }),
    }
}

/// An object whose fields are all known; the first list is needed.
fn object(needed: &[&str], properties: Value) -> Value {
    value!({ "type": "object", "required": needed, "properties": properties, "additionalProperties": false })
}

/// An object of an answer, which may grow.
fn answer_of(needed: &[&str], properties: Value) -> Value {
    value!({ "type": "object", "required": needed, "properties": properties })
}

fn schemas() -> Value {
    let instant = value!({ "type": "string", "format": "date-time" });
    let slug = value!({ "type": "string", "pattern": "^[a-z0-9][a-z0-9_.-]{0,63}$" });
    let line = value!({ "type": "string", "maxLength": 200 });
    let words = value!({ "type": "string", "maxLength": 20_000 });
    let confidence = value!({ "type": "string", "enum": ["confirmed", "likely", "unconfirmed"] });
    let corrects = value!({ "type": "integer", "minimum": 1, "description": "The entry that this one corrects" });
    let reason =
        value!({ "type": "string", "minLength": 1, "maxLength": 20_000, "description": "Stands in the record" });
    let severity = value!({
        "type": "integer", "enum": [1, 2, 3],
        "description": "1 danger to life, 2 wake somebody, 3 next morning",
    });
    let reference_number = |digits: u32| value!({ "type": ["string", "integer"], "description": format!("At most {digits} digits; kept as given") });
    let list_of = |form: &str| value!({ "type": "array", "items": reference(form) });
    value!({
        "Anything": { "type": "object" },
        "Nothing": object(&[], value!({})),
        "Contact": object(&["channel"], value!({
            "source": slug, "source_id": line,
            "channel": { "type": "string", "enum": Channel::ALL.map(Channel::as_str) },
            "received_at": { "type": "string", "format": "date-time", "description": "Default: now; at most 5 min ahead" },
            "occurred_at": instant, "service": slug,
            "tags": { "type": "array", "maxItems": 16, "items": slug },
            "text": words,
            "lat": { "type": "number", "minimum": -90, "maximum": 90, "description": "With lon; WGS 84" },
            "lon": { "type": "number", "minimum": -180, "maximum": 180, "description": "With lat; WGS 84" },
            "easting": { "type": "number", "description": "With northing; metres, EPSG:27700" },
            "northing": { "type": "number", "description": "With easting; metres, EPSG:27700" },
            "grid_ref": { "type": "string", "examples": ["SD 80376 10712"] },
            "postcode": line, "uprn": reference_number(12), "usrn": reference_number(8), "place_text": line,
            "answered": { "type": "boolean", "description": "For calls: false is abandoned" },
            "wait_s": { "type": "number", "minimum": 0, "maximum": 86_400, "description": "For calls: seconds in the queue" },
            "crm_ref": line, "customer_ref": line,
            "needs": { "type": "array", "maxItems": 8, "items": line, "examples": [["bsl"]] },
            "vulnerable": { "type": "boolean" },
            "caller": object(&[], value!({
                "name": line, "phone": line, "email": line,
                "prefers": { "type": "string", "enum": ["email", "sms", "phone", "post", "none"] },
            })),
        })),
        "ContactOrBatch": { "oneOf": [
            reference("Contact"),
            { "type": "array", "minItems": 1, "maxItems": 1000, "items": reference("Contact") },
        ] },
        "Taken": answer_of(&["id", "responsible_body", "counted_towards", "incident"], value!({
            "id": { "type": "string", "examples": ["C-20418"] },
            "responsible_body": { "type": ["string", "null"], "description": "null: not known, never \"nobody\"" },
            "counted_towards": { "type": "array", "items": { "type": "string" }, "examples": [["all", "tag/flooding"]] },
            "incident": { "type": ["string", "null"] },
            "doubts": list_of("Fault"),
        })),
        "TakenOrBatch": { "oneOf": [
            reference("Taken"),
            answer_of(&["contacts"], value!({
                "contacts": list_of("Taken"),
                "replayed": { "type": "integer", "description": "With history=true: how many were known already" },
            })),
        ] },
        "Fault": answer_of(&["pointer", "problem", "remedy"], value!({
            "pointer": { "type": "string", "description": "JSON pointer into what was sent" },
            "position": answer_of(&["byte", "line", "column"], value!({
                "byte": { "type": "integer" }, "line": { "type": "integer" }, "column": { "type": "integer" },
            })),
            "problem": { "type": "string" }, "remedy": { "type": "string" },
        })),
        "Problem": answer_of(&["type", "title", "status", "detail"], value!({
            "type": { "type": "string", "enum": Kind::ALL.iter().map(|kind| format!("urn:callout:problem:{}", kind.code())).collect::<Vec<_>>() },
            "title": { "type": "string" }, "status": { "type": "integer" }, "detail": { "type": "string" },
            "errors": list_of("Fault"),
            "errors_n": { "type": "integer", "description": "How many there are, where not all are listed" },
        })),
        "Incidents": answer_of(&["head", "incidents"], value!({
            "head": { "type": "integer" }, "incidents": list_of("Incident"),
        })),
        "Incident": answer_of(&["id", "topic", "severity", "opened_at", "paging"], value!({
            "id": { "type": "string", "examples": ["INC-42"] }, "topic": { "type": "string" }, "severity": severity,
            "exercise": { "type": "boolean" }, "opened_at": instant, "closed_at": { "type": ["string", "null"] },
            "contacts_n": { "type": "integer" },
            "playbooks": { "type": "array", "items": { "type": "string" } },
            "proposed": { "type": "array", "items": { "type": "string" } },
            "paging": { "type": "string", "enum": ["nobody_paged", "nobody_yet", "acknowledged"] },
            "decisions": { "type": "array", "items": { "type": "object" } },
            "tasks": { "type": "array", "items": { "type": "object" } },
            "call_outs": { "type": "array", "items": { "type": "object" } },
            "timeline": { "type": "array", "items": { "type": "object" } },
        })),
        "OpenIncident": object(&["reason"], value!({
            "topic": slug, "playbook": slug, "severity": severity, "reason": reason, "exercise": { "type": "boolean" },
            "easting": { "type": "number" }, "northing": { "type": "number" }, "grid_ref": { "type": "string" },
        })),
        "Activate": object(&["playbook", "reason"], value!({ "playbook": slug, "reason": reason })),
        "Note": object(&["text"], value!({
            "text": reason,
            "kind": { "type": "string", "enum": ["information", "decision", "action", "request", "offer", "contact", "media", "lesson"] },
            "occurred_at": instant, "role": slug, "source": words, "confidence": confidence, "corrects": corrects,
        })),
        "Decision": object(&["text"], value!({
            "text": reason, "why": words, "options": words, "information": words, "risks": words, "authority": words,
            "advice": words, "dissent": words, "source": words, "occurred_at": instant, "role": slug,
            "confidence": confidence, "corrects": corrects,
            "decided_by": { "type": "string", "description": "The person who decided, where a loggist writes it down; they confirm it" },
            "relies_on": { "type": "array", "maxItems": 50, "items": { "type": "integer", "minimum": 1 } },
            "review_at": instant,
        })),
        "MoveTask": object(&["state"], value!({
            "state": { "type": "string", "enum": ["accepted", "done", "not_done", "open"] },
        })),
        "Reason": object(&["reason"], value!({ "reason": reason })),
        "Warning": object(&["source", "kind", "level", "from", "to", "area"], value!({
            "source": slug, "kind": slug, "level": { "type": "string", "enum": ["yellow", "amber", "red"] },
            "from": instant, "to": instant, "area": line, "remarks": words,
        })),
        "Warnings": answer_of(&["warnings"], value!({ "warnings": { "type": "array", "items": { "type": "object" } } })),
        "TestPage": object(&["person"], value!({ "person": slug })),
        "IncidentId": answer_of(&["incident"], value!({ "incident": { "type": "string" } })),
        "EntryId": answer_of(&["incident", "entry"], value!({ "incident": { "type": "string" }, "entry": { "type": "integer" } })),
        "WarningId": answer_of(&["warning"], value!({ "warning": { "type": "string" } })),
        "CallOutId": answer_of(&["call_out"], value!({ "call_out": { "type": "string" } })),
        "Acknowledgement": answer_of(&["result"], value!({
            "result": { "type": "string", "enum": ["yours", "already_yours", "already_taken", "declined", "closed"] },
            "incident": { "type": ["string", "null"] }, "by": { "type": "string" }, "at": instant,
        })),
        "OnCall": answer_of(&["at", "core_hours", "roles"], value!({
            "at": instant, "core_hours": { "type": "boolean" }, "roles": { "type": "array", "items": { "type": "object" } },
        })),
        "QueueCounts": object(&["queue", "from", "interval_s", "offered", "answered"], value!({
            "source": slug, "queue": slug, "from": instant,
            "interval_s": { "type": "integer", "minimum": 1, "maximum": 86_400 },
            "offered": { "type": "integer", "minimum": 0, "maximum": 1_000_000 },
            "answered": { "type": "integer", "minimum": 0, "maximum": 1_000_000 },
            "abandoned": { "type": "integer", "minimum": 0, "maximum": 1_000_000 },
            "mean_wait_s": { "type": "number", "minimum": 0, "maximum": 86_400, "description": "Of answered calls; needed where any was" },
        })),
        "QueueCountsOrBatch": { "oneOf": [
            reference("QueueCounts"),
            { "type": "array", "minItems": 1, "maxItems": 1000, "items": reference("QueueCounts") },
        ] },
        "QueueCounted": { "type": "object", "description": "queue, from and known of one interval; or intervals, a list of these" },
        "Feeds": answer_of(&["feeds", "queues"], value!({
            "feeds": { "type": "array", "items": { "type": "object" } },
            "queues": { "type": "array", "items": { "type": "object" } },
        })),
        "Playbooks": answer_of(&["playbooks"], value!({ "playbooks": { "type": "array", "items": { "type": "object" } } })),
        "Ready": answer_of(&["ready", "parts", "version"], value!({
            "ready": { "type": "boolean" }, "version": { "type": "string" },
            "parts": { "type": "array", "items": { "type": "object" } },
        })),
    })
}
