//! Detection: from records and a deadline to signals with evidence in words.
