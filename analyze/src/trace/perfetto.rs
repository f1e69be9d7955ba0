//! Writes a run in Perfetto's protobuf format. In Perfetto's words, an event is a *slice*: a bar on a *track* (a line of the picture). A
//! message is a *flow*: an arrow between slices. Clocks and queues are *counters*. Each machine has three tracks: one for its events, one
//! for its clock, and one for its queue.
//!
//! The file format has *track events*. A slice is two track events, its start and its end. Each new value of a counter is one track event.
//!
//! The structs with `prost::Message` are the parts of Perfetto's schema (`protos/perfetto/trace/`) that are used here, with the names
//! and the field numbers of the schema.

use std::io::Write;

use prost::Message as _;

use super::{TraceError, recipients, slices};
use crate::execution::window::Window;
use crate::execution::{Execution, Kind};

/// A whole trace.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Trace {
    /// The packets of the trace.
    #[prost(message, repeated, tag = "1")]
    pub packet: Vec<TracePacket>,
}

/// One entry of a trace.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TracePacket {
    /// The time of the track event, in nanoseconds.
    #[prost(uint64, optional, tag = "8")]
    pub timestamp: Option<u64>,
    /// The number of the sequence that the packet belongs to. In Perfetto, all packets of one writer are a sequence.
    #[prost(uint32, optional, tag = "10")]
    pub trusted_packet_sequence_id: Option<u32>,
    /// Present if the packet is a track event.
    #[prost(message, optional, tag = "11")]
    pub track_event: Option<TrackEvent>,
    /// Present if the packet is the description of a track.
    #[prost(message, optional, tag = "60")]
    pub track_descriptor: Option<TrackDescriptor>,
}

/// The description of a track.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TrackDescriptor {
    /// The number of the track.
    #[prost(uint64, optional, tag = "1")]
    pub uuid: Option<u64>,
    /// The name of the track.
    #[prost(string, optional, tag = "2")]
    pub name: Option<String>,
    /// Present only in the description of the run's own track. In Perfetto's words, the run is a process.
    #[prost(message, optional, tag = "3")]
    pub process: Option<ProcessDescriptor>,
    /// The number of the parent track. Here, the run's track is the parent of all other tracks.
    #[prost(uint64, optional, tag = "5")]
    pub parent_uuid: Option<u64>,
    /// Present only in the description of a counter's track.
    #[prost(message, optional, tag = "8")]
    pub counter: Option<CounterDescriptor>,
}

/// The description of a process.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ProcessDescriptor {
    /// The number of the process.
    #[prost(int32, optional, tag = "1")]
    pub pid: Option<i32>,
    /// The name of the process.
    #[prost(string, optional, tag = "6")]
    pub process_name: Option<String>,
}

/// The description of a counter. It has no fields here: its presence says that the track is a counter.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CounterDescriptor {}

/// A track event.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TrackEvent {
    /// Values that are shown when the slice is selected.
    #[prost(message, repeated, tag = "4")]
    pub debug_annotations: Vec<DebugAnnotation>,
    /// The type of the track event: a number of [`TrackEventType`].
    #[prost(enumeration = "TrackEventType", optional, tag = "9")]
    pub r#type: Option<i32>,
    /// The number of the track.
    #[prost(uint64, optional, tag = "11")]
    pub track_uuid: Option<u64>,
    /// The name of the slice.
    #[prost(string, optional, tag = "23")]
    pub name: Option<String>,
    /// The new value of a counter.
    #[prost(int64, optional, tag = "30")]
    pub counter_value: Option<i64>,
    /// The numbers of the flows that start at this slice.
    #[prost(fixed64, repeated, packed = "false", tag = "47")]
    pub flow_ids: Vec<u64>,
    /// The numbers of the flows that end at this slice.
    #[prost(fixed64, repeated, packed = "false", tag = "48")]
    pub terminating_flow_ids: Vec<u64>,
}

/// The type of a track event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub enum TrackEventType {
    /// Not specified.
    Unspecified = 0,
    /// The start of a slice.
    SliceBegin = 1,
    /// The end of a slice.
    SliceEnd = 2,
    /// A point in time, without length. Not used here.
    Instant = 3,
    /// A new value of a counter.
    Counter = 4,
}

/// A named value.
#[derive(Clone, PartialEq, prost::Message)]
pub struct DebugAnnotation {
    /// The value, if it is a number.
    #[prost(uint64, optional, tag = "3")]
    pub uint_value: Option<u64>,
    /// The value, if it is a text.
    #[prost(string, optional, tag = "6")]
    pub string_value: Option<String>,
    /// The name of the value.
    #[prost(string, optional, tag = "10")]
    pub name: Option<String>,
}

/// The number of the sequence to which all packets of this program belong.
const SEQUENCE: u32 = 1;
/// The number of the track of the whole run.
const RUN_TRACK: u64 = 1;
/// Each machine has three tracks with successive numbers: events, clock and queue.
const TRACKS_PER_MACHINE: u64 = 3;

/// The number of the track of a machine's events. The next two numbers are the tracks of its clock and its queue.
fn events_track(machine: u32) -> u64 {
    RUN_TRACK + 1 + TRACKS_PER_MACHINE * u64::from(machine)
}

/// Writes the events of the window (the part of the run that is chosen) as packets.
pub(super) fn write(
    execution: &Execution,
    window: &Window,
    out: &mut impl Write,
) -> Result<(), TraceError> {
    let mut writer = Writer {
        out,
        buffer: vec![],
    };
    for descriptor in descriptors(execution, window) {
        writer.write_track(descriptor)?;
    }
    let shift_ns = slices::shift_ns(execution);
    for &index in &window.events {
        let event = &execution.events()[index];
        // Nanoseconds since the run's start. Perfetto has no negative times. So if a faulty log has events before the start, all times are
        // made later by `shift_ns`. (For other logs, `shift_ns` is 0.)
        let at_ns = (event.time_ns + shift_ns) as u64;
        // Events take no time in the model. Their slices have a length so that they can be seen.
        let end_ns = at_ns + slices::length_ns(execution, index) as u64;
        writer.write_event(at_ns, slice_begin(execution, window, index))?;
        let end = TrackEvent {
            r#type: Some(TrackEventType::SliceEnd.into()),
            track_uuid: Some(events_track(event.machine)),
            ..TrackEvent::default()
        };
        writer.write_event(end_ns, end)?;
        // The tracks of the clock and the queue follow the track of the events.
        let values = [Some(event.clock), event.queue];
        for (offset, value) in (1..).zip(values) {
            if let Some(value) = value {
                let counter = counter(events_track(event.machine) + offset, value);
                writer.write_event(at_ns, counter)?;
            }
        }
    }
    Ok(())
}

/// Writes the packets of a [`Trace`] one by one, so that the whole trace is never in memory. In protobuf, a [`Trace`] is
/// stored packet by packet: each time the field number of [`Trace::packet`], the length of the packet, and the packet itself.
struct Writer<'w, W> {
    out: &'w mut W,
    /// The bytes of the last packet. The buffer is kept so that the next packet can use its memory.
    buffer: Vec<u8>,
}

impl<W: Write> Writer<'_, W> {
    /// Writes the description of a track.
    fn write_track(&mut self, descriptor: TrackDescriptor) -> Result<(), TraceError> {
        self.write(&TracePacket {
            trusted_packet_sequence_id: Some(SEQUENCE),
            track_descriptor: Some(descriptor),
            ..TracePacket::default()
        })
    }

    /// Writes a track event, with its time.
    fn write_event(&mut self, time_ns: u64, event: TrackEvent) -> Result<(), TraceError> {
        self.write(&TracePacket {
            timestamp: Some(time_ns),
            trusted_packet_sequence_id: Some(SEQUENCE),
            track_event: Some(event),
            ..TracePacket::default()
        })
    }

    fn write(&mut self, packet: &TracePacket) -> Result<(), TraceError> {
        self.buffer.clear();
        // 1 is the field number of `Trace::packet`.
        prost::encoding::message::encode(1, packet, &mut self.buffer);
        // `encode` must also write the field number and the length, so the buffer must be longer than the packet alone.
        debug_assert!(packet.encoded_len() < self.buffer.len());
        Ok(self.out.write_all(&self.buffer)?)
    }
}

/// The descriptions of all tracks: the run, and three tracks for each machine of the window.
fn descriptors(execution: &Execution, window: &Window) -> Vec<TrackDescriptor> {
    let run = TrackDescriptor {
        uuid: Some(RUN_TRACK),
        process: Some(ProcessDescriptor {
            pid: Some(1),
            process_name: Some(format!("{}, run {}", execution.dataset, execution.run)),
        }),
        ..TrackDescriptor::default()
    };
    let mut descriptors = vec![run];
    for &machine in &window.machines {
        let name = format!("machine {machine}");
        let rate = execution.rates[machine as usize];
        let tracks = [
            (format!("{name}, {rate}/s"), None),
            (format!("{name}: clock"), Some(CounterDescriptor {})),
            (format!("{name}: queue"), Some(CounterDescriptor {})),
        ];
        descriptors.extend(
            (0..)
                .zip(tracks)
                .map(|(offset, (name, counter))| TrackDescriptor {
                    uuid: Some(events_track(machine) + offset),
                    name: Some(name),
                    parent_uuid: Some(RUN_TRACK),
                    counter,
                    ..TrackDescriptor::default()
                }),
        );
    }
    descriptors
}

/// The new value of a counter.
fn counter(track: u64, value: u64) -> TrackEvent {
    TrackEvent {
        r#type: Some(TrackEventType::Counter.into()),
        track_uuid: Some(track),
        counter_value: Some(i64::try_from(value).unwrap_or(i64::MAX)),
        ..TrackEvent::default()
    }
}

/// The start of the slice of an event, with the event's values and flows.
fn slice_begin(execution: &Execution, window: &Window, index: usize) -> TrackEvent {
    let event = &execution.events()[index];
    let mut debug_annotations = vec![
        uint("tick", event.tick),
        uint("clock_before", event.clock_before),
        uint("clock", event.clock),
    ];
    debug_annotations.extend(event.queue.map(|queue| uint("queue", queue)));
    match event.kind {
        Kind::Internal => {}
        Kind::Send { stamp } => {
            debug_annotations.push(uint("stamp", stamp));
            debug_annotations.push(DebugAnnotation {
                name: Some("recipients".to_owned()),
                string_value: Some(recipients(execution, index)),
                uint_value: None,
            });
        }
        Kind::Receive { sender, stamp } => {
            debug_annotations.extend(sender.map(|sender| uint("sender", sender.into())));
            debug_annotations.extend(stamp.map(|stamp| uint("stamp", stamp)));
        }
    }
    TrackEvent {
        debug_annotations,
        r#type: Some(TrackEventType::SliceBegin.into()),
        track_uuid: Some(events_track(event.machine)),
        name: Some(event.kind.name().to_owned()),
        counter_value: None,
        flow_ids: sent_flows(execution, window, index),
        terminating_flow_ids: received_flow(execution, window, index),
    }
}

fn uint(name: &str, value: u64) -> DebugAnnotation {
    DebugAnnotation {
        name: Some(name.to_owned()),
        uint_value: Some(value),
        string_value: None,
    }
}

/// The flows that start at a send: one for each message that is received in the window. The number of a flow is the index of the
/// message's receive event plus 1, so no flow has the number 0.
fn sent_flows(execution: &Execution, window: &Window, index: usize) -> Vec<u64> {
    let receives = execution
        .messages_of(index)
        .iter()
        .filter_map(|message| message.receive);
    let receives = receives.filter(|&receive| window.has(execution, receive));
    receives.map(|receive| receive as u64 + 1).collect()
}

/// The flow that ends at a receive, with the number that [`sent_flows`] gives it. Empty for other events, and if the send of the message is
/// not in the window.
fn received_flow(execution: &Execution, window: &Window, index: usize) -> Vec<u64> {
    let send = execution.send_of(index);
    let send = send.filter(|&send| window.has(execution, send));
    send.map(|_| index as u64 + 1).into_iter().collect()
}
