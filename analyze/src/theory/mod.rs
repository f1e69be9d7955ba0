//! What theory predicts of each machine of a configuration, and the measurements beside it.
//!
//! Nothing here looks at an event: rates, probability and duration go in, expected values come out. Where the derivation neglects
//! something that matters for a measure, the prediction of that measure says so ([`Caveat`]).
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
//! **Variants.** Other sends, topologies, probabilities for each machine and decimal rates are the same with an s of its own for each
//! pair of machines ([`links`]); machines that take all that waits have no queue ([`batch_service`]). With a delay d nothing arrives before d, and all that
//! is learned of other clocks is older by d. What a warm-up leaves out is the same prediction for its end, subtracted. Where no derivation holds, nothing is
//! predicted: nothing at all where neighbours can silence each other and chance decides which ([`fluid`]); no clock of an overloaded
//! machine that hears of clocks of different rates, or of one that hears of the fastest over a critical machine ([`sources`]); no
//! clocks where a slow machine that takes all that waits counts messages about as fast as the fastest ticks ([`clocks`]).
//!
//! Three layers, each a correction to the one before:
//!
//! 1. **Fluid** ([`fluid`]): messages as a liquid, which gives the rates in the long run, exactly, and who is overloaded.
//! 2. **Diffusion** ([`noise`], [`diffusion`], [`flow`]): the queue as a Brownian motion reflected at zero, with the fluid's drift
//!    and the variance of the draws. This gives what a finite T and a machine near the critical load add.
//! 3. **Clocks** ([`clocks`]): how fast the fastest clocks run, how old the news is that the others have of them.
//!
//! # How good it is
//!
//! `experiments/bench/theory.py` draws random configurations with all variants - topology, sends, receive rule, stamp, phase, delay,
//! warm-up, a probability for each machine, 2 to 8 machines, rates from 0.5 to 10 - and compares means of virtual runs with predictions. One
//! is *off* if the difference is more than 5 standard errors and more than 3 %. With `--seed 4001 --configurations 200 --repetitions 300`,
//! a seed that nothing was chosen with:
//!
//! | measure | predictions | with a caveat | of these off | without, off |
//! | --- | ---: | ---: | ---: | ---: |
//! | backlog growth | 928 | 11.7 % | 5.5 % | 0.1 % |
//! | final backlog | 928 | 14.7 % | 11.8 % | 0.5 % |
//! | receive share | 928 | 46.1 % | 32.7 % | 0.6 % |
//! | logical rate | 791 | 37.2 % | 20.1 % | 1.6 % |
//! | lag slope | 791 | 38.4 % | 23.7 % | 1.6 % |
//! | final lag | 791 | 74.1 % | 29.4 % | 1.0 % |
//! | mean jump | 791 | 42.1 % | 18.3 % | 0.9 % |
//! | all | 5,948 | 36.8 % | 24.0 % | 0.8 % |
//!
//! Configurations differ: with other seeds 0.4 to 0.9 % of the predictions without a caveat were off, and 33 to 39 % had one.
//!
//! Known reasons for what is left, and for what the caveats mark:
//!
//! - a machine that hears of an overloaded one gets its few messages mostly at the start, in a number that the diffusion knows badly;
//! - machines that take all are busy at the same times: the receive share of those that hear more than they tick is off by up to 0.15;
//! - three or four equally fast machines that send often (s from 0.25 on) gain less than estimated: R is too high by up to 3 %, and by
//!   more in rings and with delays, where two machines gain next to nothing once the delay exceeds the time between their ticks;
//! - slopes that differ from 0 only because of where the first ticks lie: a thousandth of a message or tick a second at most;
//! - the receive share of an overloaded machine is too low by a few tenths of a tick over the whole run, because the walk of a queue
//!   has steps and the diffusion has none.
//!
//! # Layout
//!
//! - [`system`]: what is predicted about, from a configuration's parameters
//! - [`links`], [`sources`]: who sends to whom, and whose clock a machine follows
//! - [`fluid`], [`batch_service`], [`noise`], [`diffusion`], [`flow`]: the derivations for the queues, as above
//! - [`clocks`], [`gains`], [`pair`], [`leads`], [`news`]: those for the clocks
//! - [`root`], [`fixed_point`]: where a function is zero, and where each value follows from the others
//! - [`regime`]: stable, critical or overloaded
//! - [`circumstances`], [`caveat`]: where the derivations neglect something, as numbers and in words
//! - [`quantity`], [`prediction`]: the measures that are predicted, and all together
//! - [`comparison`]: the measurement beside the prediction
//! - [`tables`]: how that is shown

mod batch_service;
mod caveat;
mod circumstances;
mod clocks;
mod comparison;
mod diffusion;
mod fixed_point;
mod flow;
mod fluid;
mod gains;
mod leads;
mod links;
mod news;
mod noise;
mod pair;
mod prediction;
mod quantity;
mod regime;
mod root;
mod sources;
mod system;
mod tables;

pub use caveat::Caveat;
pub use comparison::{Compared, PredictionComparison, compare};
pub use diffusion::Reflected;
pub use fluid::Fluid;
pub use prediction::{Prediction, predict};
pub use quantity::Quantity;
pub use regime::Regime;
pub use system::System;
pub use tables::{records, table};
