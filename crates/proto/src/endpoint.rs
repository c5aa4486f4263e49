//! placeholder
#[derive(Debug)]
pub enum Endpoint {}
#[derive(Debug)]
pub struct EndpointError {}
