//! What browsers and brokers see: HTTP in, HTTP out. Extract, call, render; it never sees XML.

pub mod pages;
