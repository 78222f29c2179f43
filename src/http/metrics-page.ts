/**
 * `/metrics`: the figures of all workers in Prometheus' text format 0.0.4, whichever worker is asked.
 */
import { METRICS, type Metric, type MetricName, PLACES, ROW_PLACES } from '../domain/metrics.js'

/** What only the process as a whole knows. */
export interface ProcessFigures {
  readonly residentBytes: number
  readonly cpuSeconds: number
  readonly version: string
}

export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

export function metricsText(rows: SharedArrayBuffer, { residentBytes, cpuSeconds, version }: ProcessFigures): string {
  const doubles = new Float64Array(rows)
  const lines: string[] = []
  for (const [name, metric] of Object.entries<Metric>(METRICS)) {
    const first = PLACES[name as MetricName]
    const across = 'across' in metric ? metric.across : undefined
    const value = (index: number) => combined(doubles, first + index, across)
    lines.push(`# HELP parley_${name} ${metric.help}`, `# TYPE parley_${name} ${metric.type}`)
    if (metric.type === 'histogram') lines.push(...histogramLines(`parley_${name}`, metric.buckets, value))
    else if ('values' in metric) {
      for (const [index, label] of metric.values.entries()) {
        lines.push(`parley_${name}{${metric.label}="${label}"} ${value(index)}`)
      }
    } else lines.push(`parley_${name} ${value(0)}`)
  }
  lines.push(
    ...single('process_resident_memory_bytes', 'gauge', 'Resident memory of the server process.', residentBytes),
    ...single('process_cpu_seconds_total', 'counter', 'User and system time of the server process.', cpuSeconds),
    '# HELP parley_info The build that answers.',
    '# TYPE parley_info gauge',
    `parley_info{version="${version}"} 1`,
  )
  return `${lines.join('\n')}\n`
}

function histogramLines(name: string, buckets: readonly number[], value: (index: number) => number): string[] {
  let count = 0
  const lines = buckets.map((end, index) => {
    count += value(index)
    return `${name}_bucket{le="${end}"} ${count}`
  })
  count += value(buckets.length)
  lines.push(`${name}_bucket{le="+Inf"} ${count}`, `${name}_sum ${value(buckets.length + 1)}`, `${name}_count ${count}`)
  return lines
}

function single(name: string, type: string, help: string, value: number): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, `${name} ${value}`]
}

function combined(doubles: Float64Array, place: number, across: 'max' | undefined): number {
  let all = 0
  for (let at = place; at < doubles.length; at += ROW_PLACES) {
    all = across === 'max' ? Math.max(all, doubles[at]!) : all + doubles[at]!
  }
  return all
}
