//! Map layers, and the lookup of whose land a point is on.
