//! Proofs that a machine knows the token (the secret) of its run, and nonces: random numbers that are used only once.
//!
//! A proof is a hash with a key that only machines with the token have. The machines of a connection send each other nonces and system
//! times. The nonces and times that were sent before a proof are part of the hashed bytes. Each connection has nonces of its own, so a copy
//! of the proof is not valid on another connection. (A connection for a single message uses the message's number instead of nonces.)

use crate::machine::MachineIndex;
use crate::wire::{HandshakeStep, Nonce, Proof, RunToken, StepKind};

/// A text that says what the keys are for. It goes into each key, so that keys for another purpose differ, even with the same token.
const CONTEXT: &str = "logical-clock-lab 2026-11-25 handshake of a run";

/// A key for proofs. Each run has a key of its own, even if several runs have the same token.
#[derive(Clone)]
pub(super) struct Secret {
    key: [u8; 32],
}

impl Secret {
    /// Creates the key for the proofs of a run. `run_key` is the name of the run: the text of its configuration and repetition. Machines
    /// get the same key only if all four arguments are equal.
    pub(super) fn new(token: &RunToken, seed: u64, time_scale: f64, run_key: &str) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
        hasher.update(token).update(&seed.to_be_bytes());
        hasher.update(&time_scale.to_bits().to_be_bytes());
        hasher.update(run_key.as_bytes());
        Self {
            key: *hasher.finalize().as_bytes(),
        }
    }

    /// Returns the proof for `step`, a step of the handshake that is sent to machine `recipient`. `before` are the nonces and times that
    /// were sent before `step`.
    fn proof(&self, step: &HandshakeStep, recipient: MachineIndex, before: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(&[step.kind.number()]);
        hasher.update(&step.machine.to_be_bytes());
        hasher.update(&recipient.to_be_bytes());
        hasher.update(&step.nonce);
        hasher.update(&step.time_ns.to_be_bytes());
        hasher.update(before);
        hasher.finalize()
    }

    /// Returns `step` with its proof.
    pub(super) fn signed(
        &self,
        step: HandshakeStep,
        recipient: MachineIndex,
        before: &[u8],
    ) -> HandshakeStep {
        let proof: Proof = *self.proof(&step, recipient, before).as_bytes();
        HandshakeStep { proof, ..step }
    }

    /// Returns whether the sender of `step` to `recipient` knows the secret. The comparison of two values of [`blake3::Hash`] always takes
    /// the same time. If it stopped at the first wrong byte, other programs could learn from the time how many bytes of a proof are right.
    pub(super) fn is_proven(
        &self,
        step: &HandshakeStep,
        recipient: MachineIndex,
        before: &[u8],
    ) -> bool {
        self.proof(step, recipient, before) == blake3::Hash::from_bytes(step.proof)
    }
}

/// Nonces that cannot be predicted.
pub(super) struct Nonces {
    key: [u8; 32],
    /// How many nonces were made.
    count: u64,
}

impl Nonces {
    /// Starts with a new random key from the system.
    pub(super) fn new() -> std::io::Result<Self> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(std::io::Error::other)?;
        Ok(Self { key, count: 0 })
    }

    /// Makes a new nonce: a hash of its number with the random key.
    pub(super) fn next(&mut self) -> Nonce {
        self.count += 1;
        let hash = blake3::keyed_hash(&self.key, &self.count.to_be_bytes());
        let mut nonce = Nonce::default();
        nonce.copy_from_slice(&hash.as_bytes()[..16]);
        nonce
    }
}

/// Returns the number of a message in the form of a nonce. With `connection = "per-message"`, each message has its own connection. The
/// handshake of such a connection contains the message's number instead of a nonce. This is possible because no two messages from the same
/// sender to the same recipient have the same number.
pub(super) fn number_as_nonce(number: u64) -> Nonce {
    u128::from(number).to_be_bytes()
}

/// Creates a step of the handshake that `machine` sends, without a proof. [`Secret::signed`] adds the proof.
pub(super) fn new_step(
    kind: StepKind,
    machine: MachineIndex,
    nonce: Nonce,
    time_ns: u64,
) -> HandshakeStep {
    HandshakeStep {
        kind,
        machine,
        nonce,
        time_ns,
        proof: Proof::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_valid_only_for_its_step_its_machines_and_its_run() {
        let secret = Secret::new(&[7; 16], 1, 6.0, "a");
        let step = secret.signed(new_step(StepKind::Dial, 1, [3; 16], 5), 0, b"before");
        assert!(secret.is_proven(&step, 0, b"before"));
        assert!(!secret.is_proven(&step, 2, b"before"), "to another machine");
        assert!(
            !secret.is_proven(&step, 0, b"otherwise"),
            "on another connection"
        );
        for changed in [
            HandshakeStep {
                kind: StepKind::Answer,
                ..step
            },
            HandshakeStep { machine: 2, ..step },
            HandshakeStep {
                nonce: [4; 16],
                ..step
            },
            HandshakeStep { time_ns: 6, ..step },
        ] {
            assert!(!secret.is_proven(&changed, 0, b"before"), "{changed:?}");
        }
        // Another token, another seed, another time scale and another run.
        for other in [
            Secret::new(&[8; 16], 1, 6.0, "a"),
            Secret::new(&[7; 16], 2, 6.0, "a"),
            Secret::new(&[7; 16], 1, 5.0, "a"),
            Secret::new(&[7; 16], 1, 6.0, "b"),
        ] {
            assert!(!other.is_proven(&step, 0, b"before"));
        }
    }

    #[test]
    fn all_nonces_of_two_generators_differ() {
        let (mut one, mut other) = (Nonces::new().expect("one"), Nonces::new().expect("other"));
        let nonces: std::collections::BTreeSet<_> =
            (0..100).flat_map(|_| [one.next(), other.next()]).collect();
        assert_eq!(nonces.len(), 200);
    }
}
