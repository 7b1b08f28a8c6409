//! What people say to the council of Wexmoor, on ordinary days and in the storm.
//!
//! The sentences are ours, in the way people speak at a counter: no report forms. `{street}` stands for the street's
//! name. Some are there to be misunderstood: floodlights, a power of attorney, "no flooding here".

/// One subject of ordinary days.
#[derive(Debug, Clone, Copy)]
pub struct Topic {
    /// The service it goes to.
    pub service: &'static str,
    /// The tag an advisor would give; most subjects have none.
    pub tag: Option<&'static str>,
    /// How common in core hours...
    pub core: f64,
    /// ...and outside them.
    pub out_of_hours: f64,
    /// Whether it is about a place.
    pub placed: bool,
    /// What people say.
    pub texts: &'static [&'static str],
}

const fn topic(
    service: &'static str,
    tag: Option<&'static str>,
    (core, out_of_hours): (f64, f64),
    placed: bool,
    texts: &'static [&'static str],
) -> Topic {
    Topic { service, tag, core, out_of_hours, placed, texts }
}

/// The subjects of ordinary days with their shares (they need not add up to anything).
pub const ORDINARY: &[Topic] = &[
    topic(
        "waste",
        None,
        (19.0, 9.0),
        true,
        &[
            "My brown bin was not emptied today and everyone else's was",
            "When is the garden waste collection in {street} over the holidays?",
            "The recycling crew left glass all over the pavement",
            "I need a bigger bin, we are six in the house",
            "Somebody has taken our bin",
        ],
    ),
    topic(
        "council_tax",
        None,
        (17.0, 2.0),
        false,
        &[
            "I have moved and the bill still comes in both names",
            "I would like to pay by direct debit on the 15th",
            "Why has my council tax gone up by so much?",
            "I live alone now, can I have the discount?",
        ],
    ),
    topic(
        "housing",
        None,
        (14.0, 20.0),
        true,
        &[
            "The boiler has lost pressure again and there is no hot water",
            "The lock on our front door is broken and we cannot get in",
            "There is mould coming back in the bathroom",
            "The tap in the kitchen will not stop dripping",
            "How long is the waiting list for two bedrooms?",
        ],
    ),
    topic(
        "benefits",
        None,
        (8.0, 1.0),
        false,
        &[
            "What do you need from me for housing benefit?",
            "I have sent my wage slips twice now",
            "Do I need a power of attorney to talk to you for my mother?",
        ],
    ),
    topic(
        "planning",
        None,
        (6.0, 1.0),
        true,
        &[
            "Can I look at the plans for the houses behind {street}?",
            "Do I need permission for a fence by the road?",
            "When is the decision on the floodlights for the football pitch?",
        ],
    ),
    topic(
        "parking",
        None,
        (7.0, 4.0),
        true,
        &[
            "I paid and still have a ticket on my windscreen",
            "There is a van across my drive in {street}",
            "How do I renew my permit?",
        ],
    ),
    topic(
        "highways",
        None,
        (8.0, 8.0),
        true,
        &[
            "There is a pothole in {street} deep enough to lose a wheel in",
            "The street light outside my house flickers all night",
            "The paving is loose by the bus stop and somebody will fall",
            "The white lines on {street} have worn off",
        ],
    ),
    topic(
        "environmental_health",
        None,
        (5.0, 16.0),
        true,
        &[
            "The neighbours have had music on since yesterday",
            "There are rats by the bins behind the shops",
            "Somebody has dumped a sofa and paint tins at the end of {street}",
            "A dog has been barking in a garden in {street} for hours",
        ],
    ),
    topic(
        "registrars",
        None,
        (4.0, 0.5),
        false,
        &["I need to register a birth, what do I bring?", "Could I have a copy of a death certificate, please?"],
    ),
    topic(
        "parks",
        None,
        (3.0, 2.0),
        true,
        &[
            "The swing in the playground has been broken for weeks",
            "The floodlights at the recreation ground are still on at midnight",
            "Can we book the bandstand for June?",
        ],
    ),
    topic(
        "social_care",
        None,
        (5.0, 7.0),
        false,
        &[
            "My father's carer has not come this morning",
            "Could somebody look at a rail for the stairs?",
            "I am worried about an elderly neighbour who is not answering her door",
        ],
    ),
    topic(
        "contact_centre",
        None,
        (6.0, 3.0),
        false,
        &[
            "Could you put me through to the registrar?",
            "What time do you open on Saturday?",
            "I would like to make a complaint about how I was spoken to",
        ],
    ),
    topic(
        "highways",
        Some("flooding"),
        (0.7, 0.9),
        true,
        &[
            "The drain outside us is blocked again and there is a big puddle when it rains",
            "There is standing water by the bus stop in {street}",
            "A gully is blocked with leaves in {street}",
        ],
    ),
    topic(
        "highways",
        None,
        (0.3, 0.2),
        true,
        &[
            "There is no flooding here now, I only want to know where to get sandbags",
            "I am buying a house in {street}, is it in a flood zone?",
        ],
    ),
    topic(
        "parks",
        Some("storm"),
        (0.5, 0.5),
        true,
        &["A branch has come down on the footpath in {street}", "A tree is leaning over our fence from the park"],
    ),
    topic(
        "highways",
        Some("road"),
        (0.3, 0.6),
        true,
        &[
            "There has been a car crash at the end of {street}, the police are there",
            "There is oil on the road in {street} and it is slippery",
        ],
    ),
    topic("emergency_planning", Some("power"), (0.1, 0.4), true, &["We have a power cut in {street}, is it just us?"]),
];

/// The first calls of the evening: wind, nothing much.
pub const WINDY: &[&str] = &[
    "My bin has blown down the road",
    "It is blowing hard up here, will the market be on tomorrow?",
    "A sign is banging outside the shop in {street} and nobody can sleep",
    "Next door's trampoline is against our fence",
    "The gate of the recreation ground is banging, can somebody shut it?",
    "Are the schools open tomorrow with this wind?",
    "A recycling box has hit my car",
];

/// Water, as it is reported.
pub const FLOODING: &[&str] = &[
    "Water is coming up through the drains outside us in {street}",
    "{street} is flooding, it is over the kerb now",
    "The water is coming in under our front door",
    "There is water in the cellar and it is rising",
    "The gully is blocked and the water is running down {street} like a stream",
    "Cars are driving through it and the wave comes into the shop",
    "The manhole cover has lifted and water is pouring out",
    "We are flooded downstairs, what do we do?",
    "Have you got any sandbags? The water is at the step",
    "The road is under water by the bridge",
    "It is ankle deep in {street}, I have just walked through it",
    "The drains cannot take it, it is all coming back up",
    "Dirty water is coming up in the downstairs toilet, I think the sewer is overflowing",
    "The meadow is under water and it is coming towards the houses",
    "The car park is a lake, there is a car stuck in the water",
    "The water is coming in the back and I cannot lift things up on my own",
];

/// Water where somebody is in danger, or nearly.
pub const FLOODING_VULNERABLE: &[&str] = &[
    "My mother is 88 and on oxygen, the water is coming in and she cannot get upstairs",
    "We have a newborn baby here and the water is rising in the hall",
    "I use a wheelchair and the water is coming in over the step",
    "My neighbour is bed-bound and her ground floor is flooding",
];

/// Wind, later in the evening.
pub const TREES: &[&str] = &[
    "A tree is down across {street}, nobody can get through",
    "A big branch has come down on a parked car in {street}",
    "There is a tree leaning over the road in {street}, it is going to go",
    "Slates are coming off the roof opposite and falling on the pavement",
    "A fallen tree has taken the fence with it and it is in the road",
    "The tree by the chapel is down and it has brought the wires down with it",
    "A fence has blown down and it is in the middle of {street}",
];

/// No lights.
pub const POWER: &[&str] = &[
    "The power has gone in the whole of {street}",
    "We have no electricity and my husband's breathing machine is on battery",
    "Power cut in {street}, do you know how long?",
    "All the lights have gone out down here",
    "No power on the estate and the lift is stuck between floors",
];

/// What somebody says who rings a second time about water.
pub const AGAIN: &[&str] = &[
    "I rang before about {street}, the water is still rising and nobody has come",
    "It is me again from {street}, the water has come into the hall now",
    "You said that somebody is on the way, the cellar is flooded to the third step",
];

/// Of those who write on the social networks about water.
pub const SOCIAL: &[&str] = &[
    "@WexmoorCouncil Mill Street is a river, there are cars under water. Where are you?",
    "Anyone know if {street} is closed? Water everywhere",
    "Flooded again. Same gully, same street, same council #wexmoor",
    "flooding on {street} again, you said it was sorted last year!!",
    "My nan's kitchen is under water in {street}, nobody answers the phone",
];

/// Calls that use the words and mean something else.
pub const MISLEADING: &[&str] = &[
    "The floodlights at the recreation ground are swinging in the wind",
    "No flooding here, I am ringing to say that the water has not reached {street}",
    "I have been on to my insurance and they want your flood risk map",
];

/// The sentence with its street.
pub fn fill(text: &str, street: &str) -> String {
    text.replace("{street}", street)
}
