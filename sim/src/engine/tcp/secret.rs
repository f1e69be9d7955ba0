//! What only a run's own machines can say: proofs that they know its token, and nonces.

use crate::machine::MachineIndex;
use crate::wire::{Hello, HelloKind, Nonce, Proof, RunToken};

/// What the keys are for, so that no other use of a token makes the same.
const CONTEXT: &str = "logical-clock-lab 2026-11-25 handshake of a run";

/// A key for proofs, made of a run's token and of what run it is.
#[derive(Clone)]
pub(super) struct Secret {
    key: [u8; 32],
}

impl Secret {
    /// The key of those who know `token` and mean the same run of the same experiment. (A token may serve for several runs.)
    pub(super) fn new(token: &RunToken, seed: u64, run_key: &str) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
        hasher.update(token).update(&seed.to_be_bytes());
        hasher.update(run_key.as_bytes());
        Self {
            key: *hasher.finalize().as_bytes(),
        }
    }

    /// The proof of `hello`, which its machine says to `to` after `before` was said.
    fn proof(&self, hello: &Hello, to: MachineIndex, before: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(&[hello.kind.number()]);
        hasher.update(&hello.machine.to_be_bytes());
        hasher.update(&to.to_be_bytes());
        hasher.update(&hello.nonce);
        hasher.update(&hello.time_ns.to_be_bytes());
        hasher.update(before);
        hasher.finalize()
    }

    /// `hello` with its proof.
    pub(super) fn signed(&self, hello: Hello, to: MachineIndex, before: &[u8]) -> Hello {
        let proof: Proof = *self.proof(&hello, to, before).as_bytes();
        Hello { proof, ..hello }
    }

    /// Whether who said `hello` to `to` knows the secret. Takes the same time whatever the proof.
    pub(super) fn is_proven(&self, hello: &Hello, to: MachineIndex, before: &[u8]) -> bool {
        self.proof(hello, to, before) == blake3::Hash::from_bytes(hello.proof)
    }
}

/// Nonces that nobody can foresee.
pub(super) struct Nonces {
    key: [u8; 32],
    next: u64,
}

impl Nonces {
    /// Of a new key, from the system's randomness.
    pub(super) fn new() -> std::io::Result<Self> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(std::io::Error::other)?;
        Ok(Self { key, next: 0 })
    }

    pub(super) fn next(&mut self) -> Nonce {
        self.next += 1;
        let hash = blake3::keyed_hash(&self.key, &self.next.to_be_bytes());
        let mut nonce = Nonce::default();
        nonce.copy_from_slice(&hash.as_bytes()[..16]);
        nonce
    }
}

/// A message's number where a nonce is written.
pub(super) fn numbered(number: u64) -> Nonce {
    u128::from(number).to_be_bytes()
}

/// The step of a handshake that `machine` takes with `nonce`, not proven yet.
pub(super) fn step(kind: HelloKind, machine: MachineIndex, nonce: Nonce, time_ns: u64) -> Hello {
    Hello {
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
    fn a_proof_is_of_one_step_between_two_machines_after_what_was_said() {
        let secret = Secret::new(&[7; 16], 1, "a");
        let hello = secret.signed(step(HelloKind::Dial, 1, [3; 16], 5), 0, b"before");
        assert!(secret.is_proven(&hello, 0, b"before"));
        assert!(!secret.is_proven(&hello, 2, b"before"), "to another");
        assert!(!secret.is_proven(&hello, 0, b"otherwise"), "replayed");
        for changed in [
            Hello {
                kind: HelloKind::Answer,
                ..hello
            },
            Hello {
                machine: 2,
                ..hello
            },
            Hello {
                nonce: [4; 16],
                ..hello
            },
            Hello {
                time_ns: 6,
                ..hello
            },
        ] {
            assert!(!secret.is_proven(&changed, 0, b"before"), "{changed:?}");
        }
        for other in [
            Secret::new(&[8; 16], 1, "a"),
            Secret::new(&[7; 16], 2, "a"),
            Secret::new(&[7; 16], 1, "b"),
        ] {
            assert!(!other.is_proven(&hello, 0, b"before"));
        }
    }

    #[test]
    fn nonces_are_used_once() {
        let (mut one, mut other) = (Nonces::new().expect("one"), Nonces::new().expect("other"));
        let nonces: std::collections::BTreeSet<_> =
            (0..100).flat_map(|_| [one.next(), other.next()]).collect();
        assert_eq!(nonces.len(), 200);
    }
}
