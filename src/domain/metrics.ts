/**
 * Every figure that a server keeps of itself, in one table, and where each lies in memory that workers share.
 *
 * A worker writes only its own row of doubles, so nothing is atomic and a count costs as much as adding to an array
 * (ADR 55). Whoever is asked adds the rows up. A worker's next life goes on with the row: counters never go back.
 */
import { REFUSALS, type RefusalName } from './refusal.js'

interface Counter {
  readonly type: 'counter' | 'gauge'
  readonly help: string
  /** Gauges of all workers are added up unless the largest is what matters. */
  readonly across?: 'max'
}

interface Labelled {
  readonly type: 'counter'
  readonly help: string
  readonly label: string
  readonly values: readonly string[]
}

interface Histogram {
  readonly type: 'histogram'
  readonly help: string
  /** Upper ends, ascending; one more bucket takes what is above. */
  readonly buckets: readonly number[]
}

export type Metric = Counter | Labelled | Histogram

const SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1]
const SIZES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]
/** Up to what one worker holds. */
const FAN_OUT = [1, 4, 16, 64, 256, 1024, 4096, 16_384]
const BYTES = [512, 2048, 8192, 32_768, 131_072, 524_288, 2_097_152, 8_388_608]

/** Names are those of Prometheus, without `parley_`. */
export const METRICS = {
  connections: { type: 'gauge', help: 'Open connections.' },
  received_frames_total: { type: 'counter', help: 'Frames that clients sent.' },
  received_bytes_total: { type: 'counter', help: 'Bytes of those frames.' },
  sent_messages_total: { type: 'counter', help: 'WebSocket messages sent to clients; each holds one or more frames.' },
  sent_bytes_total: { type: 'counter', help: 'Bytes of WebSocket messages sent to clients.' },
  events_committed_total: { type: 'counter', help: 'Events made durable and acked.' },
  answers_total: { type: 'counter', help: 'Answers that waited for durability and left: acks and logged refusals.' },
  deliveries_total: { type: 'counter', help: 'Events and skips handed to a connection.' },
  fan_out_connections: {
    type: 'histogram',
    help: 'Connections of one worker that were handed the same events, or skip, together.',
    buckets: FAN_OUT,
  },
  refusals_total: {
    type: 'counter',
    help: 'Frames refused, by name; the codes are in docs/protocol.md.',
    label: 'refusal',
    values: Object.keys(REFUSALS),
  },
  lagging_total: { type: 'counter', help: 'Times that a connection read too slowly.' },
  send_queue_bytes: { type: 'gauge', help: 'Bytes that the kernel has not taken yet, all connections.' },
  commands_in_flight: { type: 'gauge', help: 'Commands of clients without an answer.' },
  batch_events: { type: 'histogram', help: 'Events in one batch of one shard.', buckets: SIZES },
  log_group_frames: { type: 'histogram', help: 'Log frames written and synced together.', buckets: SIZES },
  log_group_bytes: { type: 'histogram', help: 'Bytes written and synced together.', buckets: BYTES },
  log_sync_seconds: { type: 'histogram', help: 'One write and fdatasync of the log.', buckets: SECONDS },
  log_used_bytes: { type: 'gauge', help: 'Bytes of the write-ahead log.' },
  log_limit_bytes: { type: 'gauge', help: 'Bytes that the write-ahead log may have; sends stop at 80 %.' },
  append_refusals_total: { type: 'counter', help: 'Batches that the log refused: disk full, or read-only.' },
  shards_owned: { type: 'gauge', help: 'Shards that are to be served here.' },
  shards_serving: { type: 'gauge', help: 'Shards that answer.' },
  projector_waiting_checkpoints: { type: 'gauge', help: 'Checkpoints that the store does not have yet.' },
  store_lag_seconds: {
    type: 'gauge',
    help: 'How long the oldest checkpoint, of rows and timelines, has waited for the store.',
    across: 'max',
  },
  mailbox_commands: { type: 'gauge', help: 'Commands that wait for their actor, or for room in a batch.' },
  outbox_conversations: { type: 'gauge', help: 'Conversations whose heads user shards have not taken yet.' },
  store_failures_total: { type: 'counter', help: 'Transactions that the store refused; each is tried again.' },
  loop_lag_seconds: { type: 'gauge', help: 'Longest delay of an event loop in the last second.', across: 'max' },
  worker_starts_total: { type: 'counter', help: 'Lives of worker threads; more than the workers means that one died.' },
} as const satisfies Record<string, Metric>

export type MetricName = keyof typeof METRICS
type Kinds<Type> = { [Name in MetricName]: (typeof METRICS)[Name] extends Type ? Name : never }[MetricName]
export type HistogramName = Kinds<{ type: 'histogram' }>
export type PlainName = Exclude<MetricName, HistogramName | 'refusals_total'>

/** Name → its first place in a row. A histogram has one place per bucket, one for what is above, one for the sum. */
export const PLACES = {} as Record<MetricName, number>
let places = 0
for (const [name, metric] of Object.entries<Metric>(METRICS)) {
  PLACES[name as MetricName] = places
  if (metric.type === 'histogram') places += metric.buckets.length + 2
  else places += 'values' in metric ? metric.values.length : 1
}
/** Doubles in the row of one worker, rounded up to whole cache lines, so that workers do not share one. */
export const ROW_PLACES = Math.ceil(places / 8) * 8

const REFUSAL_PLACES = Object.fromEntries(
  Object.keys(REFUSALS).map((name, index) => [name, PLACES.refusals_total + index]),
) as Record<RefusalName, number>

/** Rows for so many workers, all zero. */
export function newMetricRows(workers: number): SharedArrayBuffer {
  return new SharedArrayBuffer(workers * ROW_PLACES * Float64Array.BYTES_PER_ELEMENT)
}

/** One worker's row. What is counted per message is looked up once, by `counter` and `histogram`. */
export class Metrics {
  readonly #row: Float64Array

  constructor(rows: SharedArrayBuffer, worker: number) {
    this.#row = new Float64Array(rows, worker * ROW_PLACES * Float64Array.BYTES_PER_ELEMENT, ROW_PLACES)
  }

  counter(name: PlainName): Count {
    return new Count(this.#row, PLACES[name])
  }

  histogram(name: HistogramName): Observations {
    return new Observations(this.#row, PLACES[name], METRICS[name].buckets)
  }

  add(name: PlainName, by: number): void {
    this.#row[PLACES[name]]! += by
  }

  set(name: PlainName, value: number): void {
    this.#row[PLACES[name]] = value
  }

  refused(name: RefusalName, by: number): void {
    this.#row[REFUSAL_PLACES[name]]! += by
  }
}

export class Count {
  readonly #row: Float64Array
  readonly #place: number

  constructor(row: Float64Array, place: number) {
    this.#row = row
    this.#place = place
  }

  add(by: number): void {
    this.#row[this.#place]! += by
  }
}

export class Observations {
  readonly #row: Float64Array
  readonly #first: number
  readonly #buckets: readonly number[]

  constructor(row: Float64Array, first: number, buckets: readonly number[]) {
    this.#row = row
    this.#first = first
    this.#buckets = buckets
  }

  observe(value: number): void {
    let bucket = 0
    while (bucket < this.#buckets.length && value > this.#buckets[bucket]!) bucket++
    this.#row[this.#first + bucket]! += 1
    this.#row[this.#first + this.#buckets.length + 1]! += value
  }
}
