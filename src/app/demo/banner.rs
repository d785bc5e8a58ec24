//! What the demo says when it is ready.

use std::io::{self, Write as _};

use super::Demo;

pub(super) fn print(demo: &Demo) {
    // Nobody to read it is no reason to stop.
    let _ = io::stdout().write_all(text(demo).as_bytes());
}

fn text(demo: &Demo) -> String {
    format!(
        "
  eidas-gateway demo

  Open   {shop}
  and log in with the eID of another country. Try:

    - Alpinia or Borealia, and one of their citizens: names in Greek script, an identifier full of
      punctuation, a birthday of which only the year is known
    - a company, and a person who acts for one
    - a level of assurance that is too low, \"Cancel\", and a technical failure

  The parts, each under a name of its own:

    relying party    {shop}
    gateway          {issuer}/.well-known/openid-configuration
                     {issuer}/saml/metadata
    member states    {xa}
                     {xb}

  Keys were made just now and nothing is kept. Stop with Ctrl-C.

",
        shop = demo.shop,
        issuer = demo.issuer,
        xa = demo.nodes[0],
        xb = demo.nodes[1],
    )
}
