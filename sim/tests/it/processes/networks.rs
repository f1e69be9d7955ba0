//! A test of two machines on separate networks, which are network namespaces of Linux.

use super::*;

/// The two machines run in two network namespaces, which are as separate as the networks of two computers. Each packet
/// between them is delayed by 10 ms. If the system cannot delay packets, the test runs without this delay.
#[test]
#[ignore = "needs the right to make network namespaces"]
fn machines_on_separate_networks_equal_the_virtual_run() {
    let experiment = "seed = 7\nduration_s = 5\n[parameters]\nrates = [2, 3]\ninternal = 0.4\n";
    let folder = folder_with(experiment);
    let networks = Networks::new().expect("network namespaces");
    let addresses = "10.213.0.1:20000,10.213.0.2:20000";
    check_machines_equal_virtual_run(experiment, |time_scale| {
        // The `map` of an array is not lazy: the first `map` starts both machines, and only then the second `map` waits for them.
        [0, 1]
            .map(|index| {
                let mut command = Command::new("ip");
                command
                    .args([
                        "netns",
                        "exec",
                        &networks.names[index],
                        SIM,
                        "machine",
                        "e.toml",
                    ])
                    .args([
                        "--run",
                        "0",
                        "--machine",
                        &index.to_string(),
                        "--addresses",
                        addresses,
                        "--time-scale",
                        time_scale,
                    ])
                    .current_dir(folder.path())
                    .env("SIM_TOKEN", TOKEN)
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped());
                command.spawn().expect("it runs")
            })
            .map(|child| child.wait_with_output().expect("it ends"))
    });
}

/// Two network namespaces and the link between them. They are removed when the value is dropped.
struct Networks {
    names: [String; 2],
}

impl Networks {
    fn new() -> Result<Self, String> {
        // "lcl" stands for logical clock lab.
        let names = ["a", "b"].map(|letter| format!("lcl{}{letter}", std::process::id()));
        // `networks` is made before the namespaces. If a command below fails, `networks` is dropped, and `drop` removes the namespaces that
        // already exist.
        let networks = Self { names };
        let [a, b] = &networks.names;
        ip(&format!("netns add {a}"))?;
        ip(&format!("netns add {b}"))?;
        ip(&format!(
            "link add va netns {a} type veth peer name vb netns {b}"
        ))?;
        for (name, device, address) in [(a, "va", "10.213.0.1/24"), (b, "vb", "10.213.0.2/24")] {
            ip(&format!("-n {name} address add {address} dev {device}"))?;
            ip(&format!("-n {name} link set {device} up"))?;
            let delay =
                format!("netns exec {name} tc qdisc add dev {device} root netem delay 10ms");
            if let Err(problem) = ip(&delay) {
                println!("without added delay: {problem}");
            }
        }
        Ok(networks)
    }
}

impl Drop for Networks {
    fn drop(&mut self) {
        for name in &self.names {
            let _ = ip(&format!("netns delete {name}"));
        }
    }
}

/// Runs the program `ip`. The arguments are separated by spaces. Fails with the message of `ip`.
fn ip(arguments: &str) -> Result<(), String> {
    let output = Command::new("ip").args(arguments.split(' ')).output();
    let output = output.map_err(|error| format!("ip: {error}"))?;
    output
        .status
        .success()
        .then_some(())
        .ok_or_else(|| text(&output.stderr))
}
