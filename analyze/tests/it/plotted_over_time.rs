//! Tests of the plots of `analyze plot` that show values against time: clocks, queue lengths and mean jumps.

use std::fs;

use analyze::Dataset;
use analyze::import::{self, Mapping};
use analyze::measures;
use analyze::plot::{Kind, Options};
use analyze::stats::repetitions;
use resvg::usvg::roxmltree::{Document, Node};

use crate::plotted::{assert_close, draw, numbers, of_class, with_small};
use crate::shown::{by_hand, execution};

/// The last point of each line shows the mean of the machine's final clocks, and the interval of this mean.
#[test]
fn a_line_ends_at_the_mean_of_the_final_clocks() {
    let folder = with_small();
    let root = folder.path().join("small");
    let dataset = Dataset::open(&root).unwrap();
    let measure = measures::named("clock_final");
    let groups = repetitions::groups_with(std::slice::from_ref(&dataset), &[measure]).unwrap();
    let svg = draw(&root, Kind::Clock, &Options::default());
    let document = Document::parse(&svg).unwrap();
    let curves = curves(&document);
    // Two configurations with three machines each.
    assert_eq!((curves.len(), groups.len()), (6, 6));
    for (curve, group) in curves.iter().zip(&groups) {
        let estimate = group.estimate(measure).unwrap();
        let last = |name: &str| *numbers(curve, name).last().unwrap();
        // The line has a point at the start, and one at the end of each of 120 intervals of time. The runs last 20 s.
        assert_eq!(
            (numbers(curve, "data-x").len(), last("data-x")),
            (121, 20.0)
        );
        assert_close(last("data-y"), estimate.mean);
        // At a point without a confidence interval, `data-low` and `data-high` are both the mean. If no point of a line has a confidence
        // interval, the line has neither of these attributes.
        let (low, high) = estimate
            .interval()
            .unwrap_or((estimate.mean, estimate.mean));
        if curve.has_attribute("data-low") {
            assert_close(last("data-low"), low);
            assert_close(last("data-high"), high);
        }
        // Each machine has a colour (hue) of its own: machine 0 has the class `h0`.
        let class = curve.attribute("class").unwrap();
        assert_eq!(class, format!("curve h{}", group.machine));
    }
}

/// With `--run`, the lines have the clock or the queue length after each event of this run, and 0 at the start.
#[test]
fn a_single_run_has_a_step_at_each_event() {
    let folder = by_hand();
    let root = folder.path().join("by-hand");
    let execution = execution(&root);
    for kind in [Kind::Clock, Kind::Queue] {
        let options = Options {
            run: Some("0".to_owned()),
            ..Options::default()
        };
        let svg = draw(&root, kind, &options);
        let document = Document::parse(&svg).unwrap();
        for (machine, curve) in curves(&document).iter().enumerate() {
            let events = &execution.events()[execution.range_of(machine as u32)];
            let values = events.iter().map(|event| match kind {
                Kind::Clock => event.clock as f64,
                _ => event.queue.unwrap() as f64,
            });
            let values: Vec<f64> = std::iter::once(0.0).chain(values).collect();
            assert_eq!(numbers(curve, "data-y"), values);
            let times = events.iter().map(|event| event.time_ns as f64 / 1e9);
            let times: Vec<f64> = std::iter::once(0.0).chain(times).collect();
            assert_eq!(numbers(curve, "data-x"), times);
        }
    }
}

/// Two imported runs are drawn together. Their last events are at 10 s and at 20 s. A run ends one tick (1 s) after its last event, so the
/// shorter run ends at 11 s. Each clock moves by 1 at each event up to 11 s, and by 100 or more at later events. The plot must end at 11 s,
/// so no mean jump in it is above 1.
#[test]
fn jumps_after_the_end_of_the_shortest_run_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let [short, long, root] = ["short", "long", "dataset"].map(|name| folder.path().join(name));
    for (run, end_s) in [(&short, 10), (&long, 20)] {
        fs::create_dir(run).unwrap();
        let mut log = "time,event,clock\n".to_owned();
        for time_s in 0..=end_s {
            let clock = if time_s <= 11 {
                time_s + 1
            } else {
                100 * time_s
            };
            log += &format!("{time_s}.0,internal,{clock}\n");
        }
        fs::write(run.join("vm1.csv"), &log).unwrap();
        fs::write(run.join("vm2.csv"), log).unwrap();
    }
    import::import(&[short, long], &Mapping::default(), &root).unwrap();
    // The runs have different durations, so they belong to different configurations. Grouped by `rates`, they are drawn together.
    let options = Options {
        by: vec!["rates"],
        ..Options::default()
    };
    let svg = draw(&root, Kind::JumpsOverTime, &options);
    let document = Document::parse(&svg).unwrap();
    let curves = curves(&document);
    // One line for each machine.
    assert_eq!(curves.len(), 2);
    for curve in &curves {
        // The time up to 11 s is cut into 30 intervals. Each interval with events has a point in its middle. The last interval has a point,
        // because the longer run has an event at 11 s. The middle of this interval is at 29.5 / 30 of 11 s.
        let times = numbers(curve, "data-x");
        assert_close(*times.last().unwrap(), 11.0 * 29.5 / 30.0);
        let jumps = numbers(curve, "data-y");
        assert!(jumps.iter().all(|jump| *jump == 1.0), "{jumps:?}");
    }
}

/// The lines of a picture that have data. Other lines, such as those in the key (the legend), have the same class, but no data.
fn curves<'d>(document: &'d Document<'d>) -> Vec<Node<'d, 'd>> {
    let curves = of_class(document.root(), "curve").into_iter();
    curves
        .filter(|curve| curve.has_attribute("data-x"))
        .collect()
}
