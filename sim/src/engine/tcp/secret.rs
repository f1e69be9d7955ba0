//! Proofs that a machine knows its run's token, and nonces.

use crate::machine::MachineIndex;
use crate::wire::{Hello, HelloKind, Nonce, Proof, RunToken};

/// A text that makes the keys different from keys for other purposes.
const CONTEXT: &str = "logical-clock-lab 2026-11-25 handshake of a run";

/// A key for proofs. It depends on the run's token and on the run.
#[derive(Clone)]
pub(super) struct Secret {
    key: [u8; 32],
}

impl Secret {
    /// Creates the key of the machines that know `token` and take part in the same run of the same experiment. (Several runs may
    /// use one token.)
    pub(super) fn new(token: &RunToken, seed: u64, run_key: &str) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
        hasher.update(token).update(&seed.to_be_bytes());
        hasher.update(run_key.as_bytes());
        Self {
            key: *hasher.finalize().as_bytes(),
        }
    }

    /// Returns the proof for `hello`. A machine sends `hello` to machine `to` after the bytes `before` were sent.
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

    /// Returns `hello` with its proof.
    pub(super) fn signed(&self, hello: Hello, to: MachineIndex, before: &[u8]) -> Hello {
        let proof: Proof = *self.proof(&hello, to, before).as_bytes();
        Hello { proof, ..hello }
    }

    /// Returns whether the sender of `hello` to `to` knows the secret. The check takes the same time for every proof.
    pub(super) fn is_proven(&self, hello: &Hello, to: MachineIndex, before: &[u8]) -> bool {
        self.proof(hello, to, before) == blake3::Hash::from_bytes(hello.proof)
    }
}

/// Nonces that cannot be predicted.
pub(super) struct Nonces {
    key: [u8; 32],
    next: u64,
}

impl Nonces {
    /// Starts with a new random key from the system.
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

/// Writes a message's number in place of a nonce.
pub(super) fn number_as_nonce(number: u64) -> Nonce {
    u128::from(number).to_be_bytes()
}

/// Creates a step of the handshake by `machine` with `nonce`. The proof is added later.
pub(super) fn new_step(
    kind: HelloKind,
    machine: MachineIndex,
    nonce: Nonce,
    time_ns: u64,
) -> Hello {
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
    fn a_proof_is_valid_only_for_its_step_and_its_two_machines() {
        let secret = Secret::new(&[7; 16], 1, "a");
        let hello = secret.signed(new_step(HelloKind::Dial, 1, [3; 16], 5), 0, b"before");
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
    fn nonces_never_repeat() {
        let (mut one, mut other) = (Nonces::new().expect("one"), Nonces::new().expect("other"));
        let nonces: std::collections::BTreeSet<_> =
            (0..100).flat_map(|_| [one.next(), other.next()]).collect();
        assert_eq!(nonces.len(), 200);
    }
}
