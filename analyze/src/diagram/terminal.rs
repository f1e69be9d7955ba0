//! A space-time diagram as characters, for terminals: a column for each machine, and a row for each event.

use std::ops::Range;

use super::{Diagram, Order};
use crate::draw::characters::{Line, Span, Tone};
use crate::execution::{Event, Kind, to_s};
use crate::output::table::number;

/// Width of the column with the times, before the first machine.
const TIME_WIDTH: usize = 10;
/// The least width of a machine's column: one character for the mark of an event, and two for an arrow (`─▶`) before the line of the next
/// machine.
const MIN_COLUMN: usize = 3;
/// The least width of a machine's column in which a receive also shows the message's sender and age (the time since its send).
const MIN_DETAIL_COLUMN: usize = 17;

/// The lines of the diagram.
pub(super) fn lines(diagram: &Diagram<'_>, width: usize) -> Vec<Line> {
    let machines = diagram.drawn.machines.as_slice();
    let max_machines = (width.saturating_sub(TIME_WIDTH) / MIN_COLUMN).max(1);
    let shown = &machines[..machines.len().min(max_machines)];
    let grid = Grid {
        diagram,
        machines: shown,
        column_width: (width.saturating_sub(TIME_WIDTH) / shown.len().max(1)).max(MIN_COLUMN),
    };
    let mut lines = vec![plain(&diagram.title()), plain(""), grid.header()];
    let events = diagram.drawn.events.iter().copied();
    let is_shown = |index: &usize| {
        grid.position_of(diagram.execution.events()[*index].machine)
            .is_some()
    };
    lines.extend(
        events
            .into_iter()
            .filter(is_shown)
            .map(|index| grid.row(index)),
    );
    lines.push(plain(""));
    lines.extend(legend(diagram).iter().map(|words| muted(words)));
    if shown.len() < machines.len() {
        lines.push(muted(&format!(
            "{} machines do not fit in {width} columns; choose with --machines",
            machines.len() - shown.len()
        )));
    }
    // Here `mark` is the option --mark: the user's text for the event that --around names. The text and the event's symbol have the same
    // colour.
    if let Some(words) = &diagram.options.mark {
        lines.push(vec![Span {
            text: format!("! {words}"),
            tone: Tone::Alarm,
        }]);
    }
    lines
}

fn plain(text: &str) -> Line {
    vec![Span {
        text: text.to_owned(),
        tone: Tone::Plain,
    }]
}

fn muted(text: &str) -> Line {
    vec![Span {
        text: text.to_owned(),
        tone: Tone::Muted,
    }]
}

fn legend(diagram: &Diagram<'_>) -> Vec<String> {
    let mut words = vec![
        "each row is an event: ● send  ◆ receive  ○ internal, then the clock's value".to_owned(),
        "─▶ message that is received later  ─▷ not received before the end".to_owned(),
        "←2 1.5s: received from machine 2, 1.5 s after it was sent".to_owned(),
    ];
    if diagram.options.order == Order::Lamport {
        words.push("rows are in the order of the Lamport clock, not of time".to_owned());
    }
    if diagram.cut.is_some() {
        words.push("│ before the cut  ┊ after the cut".to_owned());
    }
    words
}

/// The columns of the machines that are shown.
struct Grid<'d, 'e> {
    diagram: &'d Diagram<'e>,
    machines: &'d [u32],
    /// Width of a machine's column, in characters.
    column_width: usize,
}

/// The characters of a row, with their colours.
struct Cells(Vec<(char, Tone)>);

impl Cells {
    /// Writes a text over the characters from `at` on. What does not fit is left out.
    fn put(&mut self, at: usize, text: &str, tone: Tone) {
        for (offset, letter) in text.chars().enumerate() {
            if let Some(cell) = self.0.get_mut(at + offset) {
                *cell = (letter, tone);
            }
        }
    }

    /// The characters as a line. Neighbours of the same colour become one span, and spaces at the end are left out.
    fn into_line(self) -> Line {
        let mut line: Line = vec![];
        for (letter, tone) in self.0 {
            match line.last_mut() {
                Some(span) if span.tone == tone => span.text.push(letter),
                _ => line.push(Span {
                    text: letter.to_string(),
                    tone,
                }),
            }
        }
        if let Some(last) = line.last_mut() {
            last.text.truncate(last.text.trim_end().len());
        }
        line
    }
}

impl Grid<'_, '_> {
    /// The position of a machine's line, in characters from the left. `None` if the machine is not shown.
    fn position_of(&self, machine: u32) -> Option<usize> {
        let index = self.machines.binary_search(&machine).ok()?;
        Some(TIME_WIDTH + index * self.column_width)
    }

    /// A row of spaces.
    fn empty_row(&self) -> Cells {
        Cells(vec![
            (' ', Tone::Plain);
            TIME_WIDTH + self.machines.len() * self.column_width
        ])
    }

    fn header(&self) -> Line {
        let mut cells = self.empty_row();
        let name = match self.diagram.options.order {
            Order::Time => "time (s)",
            Order::Lamport => "clock",
        };
        cells.put(0, &format!("{name:>8}"), Tone::Muted);
        for &machine in self.machines {
            let rate = self.diagram.execution.rates[machine as usize];
            let names = [
                format!("machine {machine}, {rate}/s"),
                format!("machine {machine}"),
                machine.to_string(),
            ];
            let fits = |name: &&String| name.chars().count() < self.column_width;
            let name = names.iter().find(fits).unwrap_or(&names[2]);
            let tone = Tone::Machine(machine as usize);
            if let Some(at) = self.position_of(machine) {
                cells.put(at, name, tone);
            }
        }
        cells.into_line()
    }

    fn row(&self, index: usize) -> Line {
        let event = &self.diagram.execution.events()[index];
        let mut cells = self.empty_row();
        let value = match self.diagram.options.order {
            Order::Time => number(to_s(event.time_ns), 3),
            Order::Lamport => event.clock.to_string(),
        };
        cells.put(0, &format!("{value:>8}"), Tone::Muted);
        self.put_vertical_lines(index, &mut cells);
        // `ringed` has the events whose past or future the user asked for, and the event for which the user gave a text. Pictures show
        // these events with a ring. A terminal shows them in the colour `Alarm`.
        let tone = if self.diagram.ringed.contains(&index) {
            Tone::Alarm
        } else if self.diagram.is_faded(index) {
            Tone::Muted
        } else {
            Tone::Machine(event.machine as usize)
        };
        let Some(at) = self.position_of(event.machine) else {
            return cells.into_line();
        };
        let mark = self.mark(event);
        let mark_end = at + mark.chars().count();
        self.put_messages(index, at..mark_end, tone, &mut cells);
        cells.put(at, &mark, tone);
        self.put_detail(index, mark_end + 1, &mut cells);
        cells.into_line()
    }

    /// Writes the vertical lines of all machines in the row of the event `index`. The part of a line after the cut is dotted. The event's
    /// mark is written later, over the line of its own machine.
    fn put_vertical_lines(&self, index: usize, cells: &mut Cells) {
        for &machine in self.machines {
            let Some(at) = self.position_of(machine) else {
                continue;
            };
            let range = self.diagram.execution.range_of(machine);
            let is_after = self.diagram.cut.as_ref().is_some_and(|cut| {
                // The first `cut[machine]` events of the machine are before the cut. In all rows below the last of them, the machine's line
                // is after the cut.
                let before_cut = range.start..range.start + cut[machine as usize];
                before_cut.is_empty() || self.rank(before_cut.end - 1) < self.rank(index)
            });
            let line = if is_after { "┊" } else { "│" };
            cells.put(at, line, Tone::Muted);
        }
    }

    /// The key by which the rows are ordered. In the order of the Lamport clock the time does not count, so the key has 0 instead.
    fn rank(&self, index: usize) -> (i64, u64, usize) {
        let event = &self.diagram.execution.events()[index];
        match self.diagram.options.order {
            Order::Time => (event.time_ns, event.clock, index),
            Order::Lamport => (0, event.clock, index),
        }
    }

    /// The event's symbol, and its clock if there is room.
    fn mark(&self, event: &Event) -> String {
        let symbol = match event.kind {
            Kind::Internal => '○',
            Kind::Send { .. } => '●',
            Kind::Receive { .. } => '◆',
        };
        let clock = event.clock.to_string();
        // Beside the clock there must be room for the symbol (1 character) and an arrow (2: `─▶`) before the line of the next machine.
        match clock.len() + 3 <= self.column_width {
            true => format!("{symbol}{clock}"),
            false => symbol.to_string(),
        }
    }

    /// Writes the arrows of the messages that the event `index` sends. `mark` is the range of characters that the event's mark takes. A
    /// line to the right goes to the farthest recipient on the right, and a line to the left to the farthest one on the left. Each
    /// recipient gets an arrowhead.
    fn put_messages(&self, index: usize, mark: Range<usize>, tone: Tone, cells: &mut Cells) {
        let messages = self.diagram.execution.messages_of(index);
        let recipients: Vec<(usize, bool)> = messages
            .iter()
            .filter_map(|message| {
                let at = self.position_of(message.recipient)?;
                Some((at, message.receive.is_some()))
            })
            .collect();
        let positions = || recipients.iter().map(|(at, _)| *at);
        let rightmost = positions().filter(|at| *at > mark.start).max();
        let leftmost = positions().filter(|at| *at < mark.start).min();
        if let Some(rightmost) = rightmost {
            self.put_horizontal_line(mark.end..rightmost, tone, cells);
        }
        if let Some(leftmost) = leftmost {
            self.put_horizontal_line(leftmost + 1..mark.start, tone, cells);
        }
        for (at, is_received) in recipients {
            let (head, head_at) = match (at > mark.start, is_received) {
                (true, true) => ("▶", at - 1),
                (true, false) => ("▷", at - 1),
                (false, true) => ("◀", at + 1),
                (false, false) => ("◁", at + 1),
            };
            cells.put(head_at, head, tone);
        }
    }

    /// Writes a horizontal line. Each character that is already there is replaced by a crossing (`┼`).
    fn put_horizontal_line(&self, range: Range<usize>, tone: Tone, cells: &mut Cells) {
        for at in range {
            let crosses = cells.0.get(at).is_some_and(|(letter, _)| *letter != ' ');
            cells.put(at, if crosses { "┼" } else { "─" }, tone);
        }
    }

    /// If the event `index` is a receive, writes the sender and the age of its message. The text starts at position `at`.
    fn put_detail(&self, index: usize, at: usize, cells: &mut Cells) {
        if self.column_width < MIN_DETAIL_COLUMN {
            return;
        }
        let events = self.diagram.execution.events();
        let Kind::Receive { sender, .. } = events[index].kind else {
            return;
        };
        let sender = sender.map_or("?".to_owned(), |sender| sender.to_string());
        let age = self.diagram.execution.send_of(index).map(|send| {
            let age_ns = events[index].time_ns - events[send].time_ns;
            format!(" {}s", number(to_s(age_ns), 1))
        });
        let detail = format!("←{sender}{}", age.unwrap_or_default());
        // Two spaces must remain between the text and the line of the next machine.
        let start_in_column = at.saturating_sub(TIME_WIDTH) % self.column_width;
        let max_length = self.column_width.saturating_sub(start_in_column + 2);
        let detail: String = detail.chars().take(max_length).collect();
        cells.put(at, &detail, Tone::Muted);
    }
}
