//! The diagram as characters: a column for each machine, and a row for each event.

use std::ops::Range;

use super::{Diagram, Order};
use crate::draw::characters::{Line, Span, Tone};
use crate::execution::{Event, Kind, to_s};
use crate::output::table::number;

/// Columns before the first machine.
const TIME: usize = 10;
/// The narrowest column in which a machine's events can be told apart.
const LEAST_COLUMN: usize = 3;
/// A column needs this width to tell the sender and the age of a received message.
const DETAIL_COLUMN: usize = 17;

/// The lines of the diagram.
pub(super) fn lines(diagram: &Diagram<'_>, width: usize) -> Vec<Line> {
    let machines = diagram.drawn.machines.as_slice();
    let most = (width.saturating_sub(TIME) / LEAST_COLUMN).max(1);
    let shown = &machines[..machines.len().min(most)];
    let grid = Grid {
        diagram,
        machines: shown,
        column: (width.saturating_sub(TIME) / shown.len().max(1)).max(LEAST_COLUMN),
    };
    let mut lines = vec![plain(&diagram.title()), plain(""), grid.header()];
    let events = diagram.drawn.events.iter().copied();
    let is_shown = |index: &usize| {
        grid.column_of(diagram.execution.events()[*index].machine)
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
    if let Some(mark) = &diagram.options.mark {
        lines.push(vec![Span {
            text: format!("! {mark}"),
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
        "● send  ◆ receive  ○ internal, with the clock after it; each row is an event".to_owned(),
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

/// Where the columns are.
struct Grid<'d, 'e> {
    diagram: &'d Diagram<'e>,
    machines: &'d [u32],
    column: usize,
}

/// The characters of a row, with their colours.
struct Cells(Vec<(char, Tone)>);

impl Cells {
    fn put(&mut self, at: usize, text: &str, tone: Tone) {
        for (offset, letter) in text.chars().enumerate() {
            if let Some(cell) = self.0.get_mut(at + offset) {
                *cell = (letter, tone);
            }
        }
    }

    fn line(self) -> Line {
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
    /// The column of a machine's line.
    fn column_of(&self, machine: u32) -> Option<usize> {
        let row = self.machines.binary_search(&machine).ok()?;
        Some(TIME + row * self.column)
    }

    fn cells(&self) -> Cells {
        Cells(vec![
            (' ', Tone::Plain);
            TIME + self.machines.len() * self.column
        ])
    }

    fn header(&self) -> Line {
        let mut cells = self.cells();
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
            let fits = |name: &&String| name.chars().count() < self.column;
            let name = names.iter().find(fits).unwrap_or(&names[2]);
            let tone = Tone::Machine(machine as usize);
            if let Some(at) = self.column_of(machine) {
                cells.put(at, name, tone);
            }
        }
        cells.line()
    }

    fn row(&self, index: usize) -> Line {
        let event = &self.diagram.execution.events()[index];
        let mut cells = self.cells();
        let value = match self.diagram.options.order {
            Order::Time => number(to_s(event.time_ns), 3),
            Order::Lamport => event.clock.to_string(),
        };
        cells.put(0, &format!("{value:>8}"), Tone::Muted);
        self.put_lines(index, &mut cells);
        let tone = match () {
            () if self.diagram.ringed.contains(&index) => Tone::Alarm,
            () if self.diagram.is_faded(index) => Tone::Muted,
            () => Tone::Machine(event.machine as usize),
        };
        let Some(at) = self.column_of(event.machine) else {
            return cells.line();
        };
        let own = self.own(event);
        self.put_messages(index, at..at + own.chars().count(), tone, &mut cells);
        cells.put(at, &own, tone);
        self.put_detail(index, at + own.chars().count() + 1, &mut cells);
        cells.line()
    }

    /// The lines of all machines. After the cut they are dotted.
    fn put_lines(&self, index: usize, cells: &mut Cells) {
        let events = self.diagram.execution.events();
        for &machine in self.machines {
            let (Some(at), range) = (
                self.column_of(machine),
                self.diagram.execution.range_of(machine),
            ) else {
                continue;
            };
            let is_after = self.diagram.cut.as_ref().is_some_and(|cut| {
                let past = range.start..range.start + cut[machine as usize];
                past.end == past.start || self.key(past.end - 1) < self.key(index)
            });
            let own = events[index].machine == machine;
            let line = if is_after && !own { "┊" } else { "│" };
            cells.put(at, line, Tone::Muted);
        }
    }

    /// The rank of an event in the order of the rows.
    fn key(&self, index: usize) -> (i64, u64, usize) {
        let event = &self.diagram.execution.events()[index];
        match self.diagram.options.order {
            Order::Time => (event.time_ns, event.clock, index),
            Order::Lamport => (0, event.clock, index),
        }
    }

    /// The event's symbol, and its clock if there is room.
    fn own(&self, event: &Event) -> String {
        let symbol = match event.kind {
            Kind::Internal => '○',
            Kind::Send { .. } => '●',
            Kind::Receive { .. } => '◆',
        };
        let clock = event.clock.to_string();
        // A head of an arrow must fit between the clock and the next line.
        match clock.len() + 3 <= self.column {
            true => format!("{symbol}{clock}"),
            false => symbol.to_string(),
        }
    }

    /// The arrows of a send.
    fn put_messages(&self, index: usize, own: Range<usize>, tone: Tone, cells: &mut Cells) {
        let messages = self.diagram.execution.messages_of(index);
        let ends: Vec<(usize, bool)> = messages
            .iter()
            .filter_map(|message| {
                let at = self.column_of(message.recipient)?;
                Some((at, message.receive.is_some()))
            })
            .collect();
        let right = ends
            .iter()
            .map(|(at, _)| *at)
            .filter(|at| *at > own.start)
            .max();
        let left = ends
            .iter()
            .map(|(at, _)| *at)
            .filter(|at| *at < own.start)
            .min();
        if let Some(right) = right {
            self.put_line(own.end..right, tone, cells);
        }
        if let Some(left) = left {
            self.put_line(left + 1..own.start, tone, cells);
        }
        for (at, is_received) in ends {
            let (head, head_at) = match (at > own.start, is_received) {
                (true, true) => ("▶", at - 1),
                (true, false) => ("▷", at - 1),
                (false, true) => ("◀", at + 1),
                (false, false) => ("◁", at + 1),
            };
            cells.put(head_at, head, tone);
        }
    }

    fn put_line(&self, range: Range<usize>, tone: Tone, cells: &mut Cells) {
        for at in range {
            let crosses = cells.0.get(at).is_some_and(|(letter, _)| *letter != ' ');
            cells.put(at, if crosses { "┼" } else { "─" }, tone);
        }
    }

    /// Sender and age of a received message.
    fn put_detail(&self, index: usize, at: usize, cells: &mut Cells) {
        if self.column < DETAIL_COLUMN {
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
        let start = at.saturating_sub(TIME) % self.column;
        let room = self.column.saturating_sub(start + 2);
        let detail: String = detail.chars().take(room).collect();
        cells.put(at, &detail, Tone::Muted);
    }
}
