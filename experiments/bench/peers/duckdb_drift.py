"""Uses DuckDB to make the same table as `analyze drift`.

The table has one row for each configuration and machine. The row has three measures: for each of them the mean over the runs, the
standard deviation, and the number of runs.
"""

import duckdb

from drift_columns import event_logs, journal, write

QUERY = """
with machines as (
    -- There is one event at each tick. A clock never falls, so its largest value is its final one.
    select run, machine, count(*) as ticks, max(logical_clock) as final_clock
    from read_csv($events)
    group by run, machine
),
measured as (
    select rates, internal, machine,
        final_clock / duration_s as logical_rate,
        final_clock - ticks as own_drift,
        max(final_clock) over (partition by run) - final_clock as lag_final
    from machines join read_csv($runs) using (run)
    where outcome = 'ok'
)
select rates, internal, machine,
    avg(logical_rate), stddev_samp(logical_rate), count(logical_rate),
    avg(own_drift), stddev_samp(own_drift), count(own_drift),
    avg(lag_final), stddev_samp(lag_final), count(lag_final)
from measured
group by rates, internal, machine
"""

write(duckdb.execute(QUERY, {"events": event_logs(), "runs": journal()}).fetchall())
