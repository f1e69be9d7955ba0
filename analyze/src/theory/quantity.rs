//! The measures that theory predicts.

/// A measure that is predicted. The variants have the same order as [`Quantity::ALL`], so `quantity as usize` is the index of `quantity`
/// in this list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quantity {
    /// The slope of a straight line fitted to the queue's length over time.
    BacklogGrowth,
    /// The queue's length after the machine's last tick.
    BacklogFinal,
    /// The share of ticks that receive.
    ReceiveShare,
    /// The advance of the clock per second.
    LogicalRate,
    /// The slope of a straight line fitted to the lag over time. The lag is the greatest clock of the run minus the machine's own clock.
    LagSlope,
    /// The lag at the end of the run.
    LagFinal,
    /// The advance of the clock per event.
    JumpMean,
}

impl Quantity {
    /// All quantities, in the order in which a report shows them.
    pub const ALL: [Self; 7] = [
        Self::BacklogGrowth,
        Self::BacklogFinal,
        Self::ReceiveShare,
        Self::LogicalRate,
        Self::LagSlope,
        Self::LagFinal,
        Self::JumpMean,
    ];

    /// The name of the measure.
    pub fn name(self) -> &'static str {
        match self {
            Self::BacklogGrowth => "backlog_growth",
            Self::BacklogFinal => "backlog_final",
            Self::ReceiveShare => "receive_share",
            Self::LogicalRate => "logical_rate",
            Self::LagSlope => "lag_slope",
            Self::LagFinal => "lag_final",
            Self::JumpMean => "jump_mean",
        }
    }

    /// Whether the quantity is about clocks and not about queues.
    pub(super) fn is_about_clocks(self) -> bool {
        match self {
            Self::BacklogGrowth | Self::BacklogFinal | Self::ReceiveShare => false,
            Self::LogicalRate | Self::LagSlope | Self::LagFinal | Self::JumpMean => true,
        }
    }
}
