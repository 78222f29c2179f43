/**
 * Latencies in logarithmic buckets: every percentile is exact to 2 %, whatever the range, and recording one costs a few
 * nanoseconds and no memory.
 *
 * Microseconds, 1 to about 4 hours; smaller counts as 1, larger as the last bucket. Each power of two is cut into 64.
 */
const STEPS_LOG2 = 6
const STEPS = 1 << STEPS_LOG2
const OCTAVES = 28
const MICROS_MAX = 2 ** OCTAVES - 1 // named: in `record`, the power would be taken each time

export interface Percentiles {
  readonly p50: number
  readonly p99: number
  readonly p999: number
  readonly max: number
}

export class Histogram {
  readonly counts: Float64Array<ArrayBuffer>
  #max: number

  /** Shares `counts` where given: that is how one crosses a process boundary. */
  constructor(counts = new Float64Array(OCTAVES * STEPS), maxMicros = 0) {
    this.counts = counts
    this.#max = maxMicros
  }

  record(micros: number): void {
    const value = micros < 1 ? 1 : micros >= MICROS_MAX ? MICROS_MAX : Math.floor(micros)
    const octave = 31 - Math.clz32(value)
    const step =
      octave <= STEPS_LOG2 ? (value << (STEPS_LOG2 - octave)) - STEPS : (value >> (octave - STEPS_LOG2)) - STEPS
    this.counts[octave * STEPS + step]!++
    if (micros > this.#max) this.#max = micros
  }

  get maxMicros(): number {
    return this.#max
  }

  clear(): void {
    this.counts.fill(0)
    this.#max = 0
  }

  add(other: Histogram): void {
    for (let at = 0; at < this.counts.length; at++) this.counts[at]! += other.counts[at]!
    if (other.#max > this.#max) this.#max = other.#max
  }

  get count(): number {
    return this.counts.reduce((sum, one) => sum + one, 0)
  }

  /** The value that `fraction` of all records are at or below, in microseconds; 0 where there are none. */
  percentile(fraction: number): number {
    const rank = Math.ceil(this.count * fraction)
    let seen = 0
    for (let at = 0; at < this.counts.length; at++) {
      seen += this.counts[at]!
      if (seen >= rank && seen > 0) return Math.min(this.#max, upperEdge(at))
    }
    return 0
  }

  /** In milliseconds, as the results name them. */
  summary(): Percentiles {
    const ms = (micros: number) => Math.round(micros) / 1000
    return {
      p50: ms(this.percentile(0.5)),
      p99: ms(this.percentile(0.99)),
      p999: ms(this.percentile(0.999)),
      max: ms(this.#max),
    }
  }
}

function upperEdge(bucket: number): number {
  const octave = Math.floor(bucket / STEPS)
  return 2 ** octave * (1 + ((bucket % STEPS) + 1) / STEPS)
}
