//! The audit distinguishes the variants of the model, such as the topologies: logs of one variant fail the audit if the journal
//! (`runs.csv`, a row for each run) names another variant.

use analyze::audit::{self, Audit, Check};
use sim::engine::{Control, virtual_time};
use sim::sweep::{self, Options, Progress};

use crate::fixture;

/// The experiment file of a variant. `parameters` are the lines that make the variant. If they do not set `rates` or `internal`, this
/// function adds a default. With both defaults, machine 0 of a mesh is overloaded, so messages wait in its queue. Without waiting
/// messages, logs of `receive = "one"` and of `receive = "all"` would be the same.
///
/// In every variant the first ticks of all machines are at time 0, because the phase is `aligned`. So a journal that names another variant
/// still has the right phases.
fn experiment_text(parameters: &str) -> String {
    let rates = if parameters.contains("rates") {
        ""
    } else {
        "rates = [1, 6, 3, 5, 6]\n"
    };
    let internal = if parameters.contains("internal") {
        ""
    } else {
        "internal = 0.4\n"
    };
    format!(
        "seed = 3\nrepetitions = 4\nduration_s = 60\nengine = \"virtual\"\n[parameters]\nphase = \"aligned\"\n{rates}{internal}{parameters}"
    )
}

/// Simulates the variant `ran`, but writes its logs with a journal that claims the variant `claimed`. Audits this dataset.
fn audit_of(ran: &str, claimed: &str) -> Audit {
    let (ran, claimed) = (
        fixture::experiment(&experiment_text(ran)),
        fixture::experiment(&experiment_text(claimed)),
    );
    let runs = std::iter::zip(ran.runs(), claimed.runs());
    let runs = runs.map(|(ran_run, claimed_run)| {
        let log = virtual_time::run(&ran_run, ran.seed);
        fixture::finished(&claimed, &claimed_run, &log.machines)
    });
    let folder = tempfile::tempdir().unwrap();
    fixture::write(folder.path(), &claimed, runs.collect());
    Audit::run(&[folder.path().to_owned()]).unwrap()
}

// The lines of the experiment file that make each variant. Without such a line, the topology is a mesh, a tick receives one message, and a
// send goes to one machine or to all.
const PLAIN: &str = "";
const RECEIVE_ALL: &str = "receive = \"all\"";
const RING: &str = "topology = \"ring\"";
const STAR: &str = "topology = \"star\"";
const TIME_KEEPER: &str = "topology = \"time-keeper\"";
const UNICAST: &str = "sends = \"unicast\"";
const BROADCAST: &str = "sends = \"broadcast\"";
const TO_TWO: &str = "sends = { multicast = 2 }";
const TO_THREE: &str = "sends = { multicast = 3 }";
const BY_MACHINE: &str = "internal = [[0.4, 0.4, 0.9, 0.4, 0.1]]";
const DECIMALS: &str = "rates = [1.25, 6, 3, 5, 6]";

/// Each entry has the variant that is simulated, another variant that the journal claims, and a check that must then fail.
const WRONG_CLAIMS: [(&str, &str, Check); 17] = [
    // The simulated ticks receive one message and can leave others in the queue. With `receive = "all"`, no tick may leave a message.
    (PLAIN, RECEIVE_ALL, Check::Idle),
    // Several simulated receives can have the same tick. With `receive = "one"`, each receive must have its own tick.
    (RECEIVE_ALL, PLAIN, Check::Ticks),
    // In a ring or a star, some machines cannot send to each other. The simulated mesh has messages between these machines.
    (PLAIN, RING, Check::Rows),
    (PLAIN, STAR, Check::Rows),
    // With a time keeper, no other machine sends. So every tick of another machine must be a receive or an internal event. The simulated
    // machines have a smaller share of internal events, because they send.
    (PLAIN, TIME_KEEPER, Check::InternalShare),
    // In the ring, a send to all has two recipients. In the mesh it would have four, so messages are missing.
    (RING, PLAIN, Check::Conservation),
    // In the star, machines 1 to 4 send only to machine 0. In the mesh they would send to all other machines equally often.
    (STAR, PLAIN, Check::Recipients),
    (TIME_KEEPER, PLAIN, Check::InternalShare),
    (PLAIN, UNICAST, Check::Recipients),
    (UNICAST, PLAIN, Check::Recipients),
    (PLAIN, BROADCAST, Check::Recipients),
    (TO_TWO, TO_THREE, Check::Recipients),
    (TO_TWO, UNICAST, Check::Recipients),
    (PLAIN, BY_MACHINE, Check::InternalShare),
    (BY_MACHINE, PLAIN, Check::InternalShare),
    (PLAIN, DECIMALS, Check::Times),
    (DECIMALS, PLAIN, Check::Times),
];

#[test]
fn logs_of_another_variant_than_in_the_journal_fail_the_audit() {
    for (ran, claimed, check) in WRONG_CLAIMS {
        let audit = audit_of(ran, claimed);
        let words = audit::words(&audit);
        let (_, violations) = audit.counts(check);
        assert!(
            violations > 0,
            "ran {ran:?}, claimed {claimed:?}: {words:#?}"
        );
    }
}

#[test]
fn each_variant_passes_the_audit() {
    for variant in WRONG_CLAIMS
        .iter()
        .flat_map(|(ran, claimed, _)| [ran, claimed])
    {
        let audit = audit_of(variant, variant);
        assert!(audit.is_clean(), "{variant:?}: {:#?}", audit::words(&audit));
    }
}

/// The runs end before the first tick of any machine.
#[test]
fn runs_without_an_event_pass_the_audit() {
    let folder = tempfile::tempdir().unwrap();
    let text = "seed = 1\nduration_s = 0.001\nengine = \"virtual\"\n[parameters]\nrates = [[0.001, 0.002]]\ninternal = 0.5";
    fixture::simulated(folder.path(), text);
    let audit = Audit::run(&[folder.path().to_owned()]).unwrap();
    assert!(audit.is_clean(), "{:#?}", audit::words(&audit));
    assert_eq!(audit.datasets[0].events, 0);
}

/// These runs use real sockets. Half of the runs open a new connection for each message. The runs are so fast that ticks are late.
#[test]
fn variants_over_real_tcp_pass_the_audit() {
    let text = "seed = 262\nrepetitions = 2\nduration_s = 20\ntime_scale = 20\n[parameters]\nrates = [[1, 3, 6], [1.5, 20, 7]]\n\
                internal = 0.4\nreceive = [\"one\", \"all\"]\ntopology = [\"mesh\", \"ring\", \"star\"]\nconnection = [\"persistent\", \"per-message\"]";
    let folder = tempfile::tempdir().unwrap();
    let experiment = fixture::experiment(text);
    let (control, mut progress) = (Control::default(), Progress::quiet());
    let summary = sweep::run(
        &experiment,
        folder.path(),
        &Options::default(),
        &control,
        &mut progress,
    )
    .unwrap();
    // Two repetitions of 24 configurations: 2 rate sets, 2 values of `receive`, 3 topologies, 2 kinds of connections.
    assert_eq!((summary.ok, summary.failed), (48, 0));
    let audit = Audit::run(&[folder.path().to_owned()]).unwrap();
    assert!(audit.is_clean(), "{:#?}", audit::words(&audit));
}
