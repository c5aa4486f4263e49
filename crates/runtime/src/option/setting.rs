//! The settings of a pattern, as the option table hands them over.

/// One change of a pattern's behaviour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Setting<'a> {
    Subscribe(&'a [u8]),
    Unsubscribe(&'a [u8]),
    RouterMandatory(bool),
    RouterRaw(bool),
    RouterHandover(bool),
    RouterNotify(u8),
    ProbeRouter(bool),
    ReqCorrelate(bool),
    ReqRelaxed(bool),
    XpubVerbose(bool),
    XpubVerboser(bool),
    XpubManual(bool),
    XpubManualLastValue(bool),
    XpubNodrop(bool),
    XpubWelcome(&'a [u8]),
    OnlyFirstSubscribe(bool),
    InvertMatching(bool),
    StreamNotify(bool),
    XsubVerboseUnsubscribe(bool),
    Conflate(bool),
}
