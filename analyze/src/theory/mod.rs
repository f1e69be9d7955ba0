//! What theory predicts of each machine of a configuration, and the measurements beside it.
//!
//! Nothing here looks at an event: rates, probability and duration go in, expected values come out. Where the derivation neglects
//! something that matters for a configuration, the prediction says so ([`Crude`]).
//!
//! # The model
//!
//! N machines tick r_i times a second. A tick that finds a message takes it; an *idle* tick finds none and draws. It is internal
//! with probability p, otherwise one of N equally likely sends: to one of the N - 1 peers, or to all. Of these N outcomes two
//! reach a given peer, the message to it alone and the one to all, and no outcome reaches it twice. So an idle tick puts a message
//! in a given peer's queue with probability
//!
//! > s = 2 (1 - p) / N,
//!
//! which is 1 - p for two machines and never more than 2/3 for three or more. The messages to *two* given peers come together with
//! probability s/2, that of the one to all.
//!
//! Three layers, each a correction to the one before:
//!
//! 1. **Fluid** ([`fluid`]): messages as a liquid, which gives the rates in the long run, exactly, and who is overloaded.
//! 2. **Diffusion** ([`noise`], [`diffusion`], [`flow`]): the queue as a Brownian motion reflected at zero, with the fluid's drift
//!    and the variance of the draws. This gives what a finite T and a machine near the critical load add.
//! 3. **Clocks** ([`clocks`]): how fast the fastest clocks run, how old the news is that the others have of them.
//!
//! # Layout
//!
//! - [`system`]: what is predicted about, from a configuration's parameters
//! - [`fluid`], [`noise`], [`diffusion`], [`flow`], [`clocks`]: the derivations, as above; [`root`] finds where a function is zero
//! - [`crude`]: where the derivations neglect something, in words
//! - [`prediction`]: all together
//! - [`beside`]: the measurement beside the prediction
//! - [`tables`]: how that is shown

mod beside;
mod clocks;
mod crude;
mod diffusion;
mod flow;
mod fluid;
mod noise;
mod prediction;
mod root;
mod system;
mod tables;

pub use beside::{Beside, Compared, beside};
pub use crude::Crude;
pub use diffusion::Reflected;
pub use fluid::Fluid;
pub use prediction::{Prediction, Regime, predict};
pub use system::System;
pub use tables::{records, table};
