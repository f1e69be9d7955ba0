//! What theory speaks about.

/// A measure that is predicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quantity {
    /// The slope of the queue's length.
    BacklogGrowth,
    /// The queue's length at the end.
    BacklogFinal,
    /// Ticks that receive / ticks.
    ReceiveShare,
    /// What the clock advances by in a second.
    LogicalRate,
    /// The slope of the lag.
    LagSlope,
    /// The lag at the end.
    LagFinal,
    /// What the clock advances by in an event.
    JumpMean,
}

impl Quantity {
    /// All of them, in the order of the columns.
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

    /// Whether it is about the clocks; the others are about the queues.
    pub(super) fn is_of_clocks(self) -> bool {
        match self {
            Self::BacklogGrowth | Self::BacklogFinal | Self::ReceiveShare => false,
            Self::LogicalRate | Self::LagSlope | Self::LagFinal | Self::JumpMean => true,
        }
    }
}
