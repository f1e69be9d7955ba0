//! Space-time diagrams of a run: a horizontal line for each machine, with time from left to right, and an arrow for each message
//! (Lamport 1978). `analyze diagram` draws them.
//!
//! # Layout
//!
//! - [`layout`]: the positions of everything
//! - [`frame`]: title, axis, names of machines, legend
//! - [`arrows`]: the messages
//! - [`marks`]: the events and their clocks
//! - [`bands`]: the queue lengths and lags below the machines' lines
//! - [`overlay`]: the consistent cut, rings around events, and a text beside one event
//! - [`density`]: if the window (the part of the run that the user chose) has too many events, this module chooses the part of the window
//!   that is drawn. It also draws a strip that shows how many events the whole window has at each time
//! - [`terminal`]: the diagram as characters

mod arrows;
mod bands;
mod density;
mod frame;
mod layout;
mod marks;
mod overlay;
mod terminal;

use std::collections::BTreeSet;

use sim::sweep::words::grouped;

use crate::draw::image::{self, ImageError};
use crate::draw::palette::{Colours, Theme, style_sheet};
use crate::draw::svg::{Form, Labels, Svg};
use crate::error::Error;
use crate::execution::causality::Members;
use crate::execution::window::Window;
use crate::execution::{EventName, Execution, Message, to_s};
use crate::output::table::number;
use crate::output::words::counted;
use layout::Layout;

pub use crate::draw::characters::{Line, Span, Tone};

/// The largest number of events plus messages that are drawn (with [`Order::Lamport`], twice as many). If the window has more, only a part
/// of the window is drawn, below a strip that shows how many events there are at each time of the window.
pub const MAX_MARKS: usize = 2_000;

/// What the position along a machine's line means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Model time.
    #[default]
    Time,
    /// The logical clock after the event.
    Lamport,
}

/// Where the arrow of a received message ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Arrows {
    /// At the event that received the message.
    #[default]
    Receipt,
    /// At the time at which the message entered the recipient's queue. From there to the receive, a thick pale line shows the wait. If the
    /// arrival is not known, the arrow ends at the receive.
    Arrival,
}

/// How a diagram is drawn.
#[derive(Clone, Debug)]
pub struct Options {
    /// What the position along a line means.
    pub order: Order,
    /// Where arrows end.
    pub arrows: Arrows,
    /// The causal past of these events is shown in colour: these events, and all events that happened before at least one of them.
    pub past_of: Vec<EventName>,
    /// The causal future of these events is shown in colour. If `past_of` or `future_of` has events, all events that are in neither the past
    /// nor the future are faded.
    pub future_of: Vec<EventName>,
    /// Draw the smallest consistent cut that contains these events. A cut is consistent if, for each receive in the cut, the send is in
    /// the cut too.
    pub cut: Vec<EventName>,
    /// The event in the middle of the drawn part, if only a part of the window can be drawn.
    pub around: Option<EventName>,
    /// Write this text beside the event `around`.
    pub mark: Option<String>,
    /// Width of the picture in pixels.
    pub width: f64,
    /// The colours.
    pub theme: Theme,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            order: Order::Time,
            arrows: Arrows::Receipt,
            past_of: vec![],
            future_of: vec![],
            cut: vec![],
            around: None,
            mark: None,
            width: 1200.0,
            theme: Theme::Auto,
        }
    }
}

/// A space-time diagram of a part of a run.
#[derive(Debug)]
pub struct Diagram<'e> {
    execution: &'e Execution,
    options: Options,
    /// The window that the user chose.
    asked: Window,
    /// The part of `asked` that is drawn. With [`Order::Lamport`] the axis shows clocks, not times, so `drawn.events` is chosen by clocks.
    /// Example: the events from `drawn.from_ns` to `drawn.to_ns` have clocks from 10 to 20. Then `drawn.events` has all events of the drawn
    /// machines with clocks from 10 to 20, whatever their times are. (If they are too many, it has only those of the window.)
    drawn: Window,
    /// Whether only a part of the window is drawn.
    is_trimmed: bool,
    /// For each event of the run, whether it is drawn.
    is_drawn: Members,
    /// The events in colour: those in the causal past or future for which the user asked. All other events are faded. `None` if the user
    /// asked for neither. (In physics, the past and future of an event are called its light cone.)
    cone: Option<Members>,
    /// For each machine, how many of its events the cut contains. These are always the machine's first events. The cut is drawn as a line
    /// to the right of them. `None` if no cut is drawn.
    cut: Option<Vec<usize>>,
    /// The events with a ring: those whose past or future is in colour, and the one with a text beside it.
    ringed: BTreeSet<usize>,
}

impl<'e> Diagram<'e> {
    /// Prepares the diagram of `window`.
    ///
    /// # Errors
    ///
    /// [`Error::Choice`] if the run has no event with a name that `options` contains.
    pub fn new(execution: &'e Execution, window: Window, options: Options) -> Result<Self, Error> {
        // A name is a machine and a tick. In some experiments a tick can receive several messages, so a name can stand for several events.
        // `execution.find` returns the range of their indices. The causal past of the last of these events contains the pasts of the
        // others. The causal future of the first contains the futures of the others. So the last event (`end - 1`) is enough for a past
        // and for a cut, and the first event (`start`) for a future.
        let find = |names: &[EventName]| -> Result<Vec<_>, Error> {
            names.iter().map(|&name| execution.find(name)).collect()
        };
        let (past_of, future_of) = (find(&options.past_of)?, find(&options.future_of)?);
        let cut = find(&options.cut)?;
        let mut cone = None;
        if !past_of.is_empty() {
            cone = Some(execution.past_of(past_of.iter().map(|events| events.end - 1)));
        }
        if !future_of.is_empty() {
            let future = execution.future_of(future_of.iter().map(|events| events.start));
            cone = Some(match cone {
                Some(past) => std::iter::zip(past, future)
                    .map(|(is_in_past, is_in_future)| is_in_past || is_in_future)
                    .collect(),
                None => future,
            });
        }
        let centre = options
            .around
            .map(|name| execution.find(name))
            .transpose()?;
        let mut ringed: BTreeSet<usize> = past_of.into_iter().chain(future_of).flatten().collect();
        if options.mark.is_some() {
            ringed.extend(centre.clone().into_iter().flatten());
        }
        let mut drawn =
            density::drawable_part(execution, &window, centre.map(|events| events.start));
        let is_trimmed = drawn != window;
        if options.order == Order::Lamport {
            drawn.events = events_in_clock_range(execution, &drawn);
        }
        let mut is_drawn = vec![false; execution.events().len()];
        drawn
            .events
            .iter()
            .for_each(|&index| is_drawn[index] = true);
        Ok(Self {
            is_trimmed,
            is_drawn,
            cut: (!cut.is_empty()).then(|| execution.cut(cut.iter().map(|events| events.end - 1))),
            execution,
            options,
            asked: window,
            drawn,
            cone,
            ringed,
        })
    }

    /// If the window has too many events to draw them all, says which part of the window is drawn. `has_strip` says whether the picture has a
    /// strip that shows the whole window; diagrams of characters have none.
    pub fn left_out(&self, has_strip: bool) -> Option<String> {
        self.is_trimmed.then(|| {
            format!(
                "{} from {} s to {} s are too many to draw one by one: only {} s to {} s are drawn{}; choose another part with --from and --to",
                counted(self.asked.events.len(), "event"),
                seconds(self.asked.from_ns),
                seconds(self.asked.to_ns),
                seconds(self.drawn.from_ns),
                seconds(self.drawn.to_ns),
                match has_strip {
                    true => ", and a strip at the top shows where the others are",
                    false => "",
                }
            )
        })
    }

    /// The diagram as SVG.
    pub fn svg(&self) -> String {
        self.draw(Form {
            labels: Labels::Text,
            theme: self.options.theme,
        })
    }

    /// The diagram as PNG. It is twice as wide and as high as the SVG, unless the SVG is very large (see [`image::png`]).
    ///
    /// # Errors
    ///
    /// [`ImageError`] if the image is too large.
    pub fn png(&self) -> Result<Vec<u8>, ImageError> {
        image::png(&self.draw(Form::fixed(self.options.theme)))
    }

    /// The diagram as PDF, on a page of its size.
    ///
    /// # Errors
    ///
    /// [`ImageError`] if the drawing cannot be converted.
    pub fn pdf(&self) -> Result<Vec<u8>, ImageError> {
        image::pdf(&self.draw(Form::fixed(self.options.theme)))
    }

    /// The diagram as lines of characters, at most `width` wide.
    pub fn terminal(&self, width: usize) -> Vec<Line> {
        terminal::lines(self, width)
    }

    /// The diagram as SVG. `form` says how the labels are written (as text or as outlines), and in which colours.
    pub fn draw(&self, form: Form) -> String {
        let layout = Layout::new(self);
        let mut svg = Svg::new(form.labels);
        frame::draw(self, &layout, &mut svg);
        density::draw(self, &layout, &mut svg);
        bands::draw(self, &layout, &mut svg);
        arrows::draw(self, &layout, &mut svg);
        marks::draw(self, &layout, &mut svg);
        overlay::draw(self, &layout, &mut svg);
        svg.finish(
            (layout.width, layout.height),
            &self.title(),
            &self.description(),
            &style_sheet(form.theme, rules),
        )
    }

    fn title(&self) -> String {
        format!("Run {} of {}", self.execution.run, self.execution.dataset)
    }

    /// Says in words what the diagram shows, for people who cannot see it.
    fn description(&self) -> String {
        let messages = self.messages();
        let is_not_received = |message: &&&Message| message.receive.is_none();
        let not_received = messages.iter().filter(is_not_received).count();
        let machines: Vec<String> = self
            .drawn
            .machines
            .iter()
            .map(|&machine| format!("machine {machine} with {}", rate(self.execution, machine)))
            .collect();
        format!(
            "A space-time diagram of {} from {} s to {} s of model time: {}. It has {} and {}, of which {} not received before the run \
             ends.",
            counted(machines.len(), "machine"),
            seconds(self.drawn.from_ns),
            seconds(self.drawn.to_ns),
            machines.join(", "),
            counted(self.drawn.events.len(), "event"),
            counted(messages.len(), "message"),
            match not_received {
                1 => "1 is".to_owned(),
                count => format!("{} are", grouped(count as u64)),
            }
        )
    }

    /// The messages that are drawn. Sender and recipient are both drawn machines, and the send or the receive is a drawn event.
    fn messages(&self) -> Vec<&'e Message> {
        let mut messages = vec![];
        for &index in &self.drawn.events {
            let sent = self.execution.messages_of(index).iter();
            messages.extend(sent.filter(|message| self.drawn.has_machine(message.recipient)));
            // A received message is added here only if its send is not drawn. Otherwise it is added at its send.
            if let Some(message) = self.execution.received_by(index)
                && !self.is_drawn[message.send]
                && self
                    .drawn
                    .has_machine(self.execution.events()[message.send].machine)
            {
                messages.push(message);
            }
        }
        messages
    }

    /// Whether the event is faded: a causal past or future was asked for (see `cone`), and the event is in neither.
    fn is_faded(&self, index: usize) -> bool {
        self.cone.as_ref().is_some_and(|cone| !cone[index])
    }

    /// The value that determines the place of an event on its machine's line: its time in model seconds, or its clock.
    fn value(&self, index: usize) -> f64 {
        let event = &self.execution.events()[index];
        match self.options.order {
            Order::Time => to_s(event.time_ns),
            Order::Lamport => event.clock as f64,
        }
    }
}

/// Finds the smallest and the largest clock of the window's events. Returns all events with clocks in this range, in the order of clocks.
/// They are events of the window's machines, but their times can be before or after the window.
///
/// If clocks have drifted far apart, the range can contain very many more events than the window. With more than twice [`MAX_MARKS`] events
/// and messages, only the events of the window are returned.
fn events_in_clock_range(execution: &Execution, window: &Window) -> Vec<usize> {
    let events = execution.events();
    let clocks = || window.events.iter().map(|&index| events[index].clock);
    let (Some(smallest), Some(largest)) = (clocks().min(), clocks().max()) else {
        return vec![];
    };
    let is_between = |index: &usize| {
        let event = &events[*index];
        window.has_machine(event.machine) && (smallest..=largest).contains(&event.clock)
    };
    let mut in_range: Vec<usize> = (0..events.len()).filter(is_between).collect();
    let drawn_messages = |&index: &usize| {
        let messages = execution.messages_of(index).iter();
        let drawn = messages.filter(|message| window.has_machine(message.recipient));
        drawn.count()
    };
    let marks = in_range.len() + in_range.iter().map(drawn_messages).sum::<usize>();
    if marks > 2 * MAX_MARKS {
        in_range.clone_from(&window.events);
    }
    in_range.sort_by_key(|&index| events[index].clock);
    in_range
}

/// The CSS rules of diagrams in these colours.
pub fn rules(colours: &Colours) -> String {
    let Colours {
        ground,
        muted,
        alarm,
        ink,
        ..
    } = colours;
    // If an element has several classes, the last rule counts. So `.open{fill:none}` comes again at the end, for an arrow in the legend that
    // is both `sample` and `open`.
    format!(
        ".line{{stroke-width:1.5;fill:none}}.message{{stroke-width:1;stroke-opacity:.65;fill-opacity:.65}}.open{{stroke-dasharray:4 3;\
         fill:none}}.wait{{stroke-width:4;stroke-opacity:.16;fill:none}}.send,.receive{{stroke:none}}\
         .queue{{stroke:none;fill-opacity:.28}}.lag{{stroke:none;fill:{ink}}}.faded{{opacity:.16}}\
         .ring,.point{{fill:none;stroke:{alarm};stroke-width:2}}.alarm{{fill:{alarm};stroke:{ground};stroke-width:3;paint-order:stroke;\
         stroke-linejoin:round}}.cut{{fill:none;stroke:{ink};stroke-width:2;stroke-dasharray:7 4}}.density{{stroke:none}}\
         .part{{fill:none;stroke:{ink};stroke-width:1.5}}.sample{{stroke:{muted};fill:{muted}}}\
         .internal{{fill:{ground};stroke-width:1}}.open{{fill:none}}"
    )
}

/// A time in model seconds, with up to three decimal places.
fn seconds(ns: i64) -> String {
    let text = number(to_s(ns), 3);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The rate of a machine, such as `3 ticks/s`.
fn rate(execution: &Execution, machine: u32) -> String {
    let rate = execution.rates[machine as usize];
    let ticks = if rate.hertz() == 1.0 { "tick" } else { "ticks" };
    format!("{rate} {ticks}/s")
}
