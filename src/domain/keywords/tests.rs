//! Texts in, topics out.
#![allow(clippy::unwrap_used)]

use super::*;

fn sample() -> Keywords {
    Keywords::parse(include_str!("../../../config/keywords.toml")).unwrap()
}

/// Each line: the expected tags, a bar, the text.
fn check(rules: &Keywords, lines: &str) {
    let mut wrong = String::new();
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (tags, text) = line.split_once('|').unwrap();
        let found = rules.classify(text);
        let got: Vec<&str> = found.iter().map(|found| found.tag.as_str()).collect();
        let want: Vec<&str> = tags.split_whitespace().collect();
        if got != want {
            let why: Vec<&str> = found.iter().map(|found| found.why.as_str()).collect();
            wrong += &format!("{text}: wanted {want:?}, got {got:?} by {why:?}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn what_residents_say_in_an_emergency_is_recognised() {
    check(
        &sample(),
        "flooding            | The road's FLOODED outside no 14
         flooding            | water is coming in under my back door!!
         flooding            | the drains are overflowing, and it's up to the kerb
         flooding            | manhole cover lifted and sewage is flooding the garden
         flooding            | do you have any sandbags please
         flooding            | river has burst its banks by the mill
         flooding            | #WexmoorFloods getting worse
         flooding            | Mill Street is a river right now
         flooding            | the drains can\u{2019}t cope
         flooding            | bad floding on Mill Street
         flooding            | gully blocked and the surface water isn\u{2019}t draining away
         storm               | there's a tree down across our drive
         storm               | a huge branch has fallen on my car
         storm               | trees have come down on the B4321
         storm               | roof tiles blown off in the wind
         storm power         | fallen tree has brought down power lines
         snow_ice            | the pavement is sheer ice, someone will break a hip
         snow_ice            | our road has not been gritted
         snow_ice            | heavy snow and I am stuck in it
         power               | we've no electric in the whole street
         power               | power's gone off again
         power               | there has been a power cut since 6
         heat                | my elderly neighbour is dehydrated, it is sweltering in there
         heat                | grass fire on the common
         dangerous_structure | the wall is leaning right over the pavement
         dangerous_structure | scaffolding has collapsed
         dangerous_structure | chunks of masonry are falling off the old mill
         road                | there's been a crash at the roundabout
         road                | diesel spill all over the bypass
         road                | a massive sinkhole has opened in the road",
    );
}

#[test]
fn what_only_looks_like_it_is_passed_over() {
    check(
        &sample(),
        "| we've had a flood of emails about bins
         | your colleagues must be flooded with calls today
         | the floodlights at the pitch are on all night
         | flood light out of order
         | I am in floods of tears
         | memories came flooding back
         | question about flood insurance and the flood risk map
         | the ice cream van parks on the corner
         | snowed under with paperwork
         | my heating is broken
         | who do I ask about power of attorney
         | tree preservation order application
         | can I get a grit bin
         | the wall calendar fell
         | crack of dawn bin collection
         | council tax",
    );
}

#[test]
fn a_plain_denial_is_believed_within_its_clause() {
    check(
        &sample(),
        "| there is no flooding here
         | the road is not flooded
         | it isn't flooded
         | we haven't been flooded
         | no sign of any flooding
         | No flood on arrival
         | not aware of any flooding
         | I can't see any flooding
         | the flooding has now subsided
         flooding | No, the road is flooded
         flooding | not sure who to call but we are flooded
         flooding | no one has come, we are flooded
         flooding | no one has come we are flooded
         flooding | we are no longer coping, it is flooded
         danger_to_life flooding | I can't get out because of the flooding
         flooding | there's no way through the flooded road
         flooding | never seen such flooding
         flooding power | no power and the kitchen is flooded
         flooding | Not raining now. House flooded.",
    );
}

#[test]
fn an_exclusion_takes_only_its_own_words() {
    check(
        &sample(),
        "flooding | the flood light fell in the flooded street
         flooding | flooded with calls about the flooding in Mill Street
         flooding | the cellar is flooded with water
         flooding | flooded with sewage
         flooding power | flooding, lights gone out as well
         flooding | it is flooding our back garden
         flooding | Mill Street is flooding, it is over the kerb now
         flooding | the flood has gone into next door's kitchen
         flooding | the water came flooding in
         flooding | Flooding re: 14 Mill Street",
    );
}

#[test]
fn case_apostrophes_and_white_space_do_not_matter() {
    let rules = sample();
    let plain = rules.classify("there's a tree down");
    assert_eq!(plain, rules.classify("THERE\u{2019}S   a\tTREE\u{a0}down"));
    assert_eq!(plain[0].why, "\"{tree} + {tree_falls}\"");
}

#[test]
fn a_long_or_hostile_text_is_cut_and_never_panics() {
    let rules = sample();
    assert!(rules.classify(&"\u{1f30a}".repeat(50_000)).is_empty());
    assert_eq!(rules.classify(&"flooded with emails ".repeat(1_000)).len(), 0);
    assert_eq!(rules.classify("").len(), 0);
    assert_eq!(Keywords::default().classify("flood").len(), 0);
}

#[test]
fn slips_in_the_rules_are_told_all_at_once() {
    let text = "[[topic]]\ntag = \"Flood!\"\nwords = [\"the\", \"a*b\"]\n[[topic]]\ntag = \"ice\"\ntitle = \"Ice\"\n\
                words = [\"ice\", \"{water} + in\", \"a + b ... c\"]\nnot = [\"ice\"]\n\
                    yes = [\"ice\", \"bins\"]\nno = [\"black ice\"]\nwrods = []\n";
    let told: Vec<String> = Keywords::parse(text)
        .unwrap_err()
        .iter()
        .map(|problem| format!("{}:{} {}", problem.line, problem.column, problem.code))
        .collect();
    assert_eq!(
        told,
        [
            "1:1 T003",
            "2:7 T011",
            "3:10 K001",
            "3:17 K001",
            "7:17 K001",
            "7:33 K001",
            "8:8 K002",
            "9:8 K003",
            "9:15 K003",
            "11:1 T002"
        ]
    );
}

fn small(rules: &str) -> Keywords {
    let text = format!(
        "{rules}\n[[topic]]\ntag = \"x\"\ntitle = \"X\"\nwords = [\"never said\"]\nyes = [\"never said\"]\nno = [\"a\"]\n"
    );
    Keywords::parse(&text).unwrap_or_else(|problems| panic!("{problems:?}"))
}

#[test]
fn the_parts_of_a_phrase_stand_near_each_other_in_one_sentence() {
    let rules = small(
        "[set]\ntree = [\"tree\", \"oak\"]\n[[topic]]\ntag = \"t\"\ntitle = \"T\"\nwords = [\"{tree} + fall\", \"water ... house\"]\n\
         not = [\"{tree} + removed\"]\nyes = [\"the oak fell\"]\nno = [\"oak\"]",
    );
    check(
        &rules,
        "t | an oak has fallen on my car
         t | it fell on my car, the old tree
         t | water is all over the house
           | the house has no hot and cold water
           | there is an oak. A roof tile fell
           | there is an oak here but a roof tile fell
           | an oak one two three four five six fell
           | the oak that fell has been removed
           | the oak has not fallen
           | no oak fell",
    );
    assert_eq!(rules.classify("the oak fell")[0].why, "\"{tree} + fall\"");
}

#[test]
fn misspellings_held_letters_and_hashtags_are_understood() {
    let rules = small(
        "[spelling]\nflood = [\"flud\"]\nelectric = [\"leccy\"]\n[[topic]]\ntag = \"t\"\ntitle = \"T\"\nwords = [\"flood\", \"no electric\", \"tree down\"]\n\
         yes = [\"no leccy\"]\nno = [\"a\"]",
    );
    check(
        &rules,
        "t | FLUD in mill st
         t | no leccy all day
         t | flooooood
         t | #TreeDown in Mill Street
         t | #treedown
         t | #Tree_Down
           | treedowns",
    );
}

#[test]
fn a_text_made_to_be_slow_is_not() {
    let rules = sample();
    let text = "tree fall water come in house wall lean person trapped ".repeat(600);
    assert!(rules.classify(&text).len() >= 4);
}

#[test]
fn the_rules_of_the_sample_are_many_and_each_topic_has_its_examples() {
    let rules = sample();
    assert!(rules.phrases_n() >= 500 && rules.examples_n() >= 120, "{} {}", rules.phrases_n(), rules.examples_n());
}
