/**
 * Prometheus' text, read back: what `parley top` shows.
 */

export interface Figures {
  /** All label values together; 0 where the server has no such figure. */
  value(name: string): number
  /** Label value → figure. */
  byLabel(name: string): ReadonlyMap<string, number>
  /** The upper end of the bucket that holds this fraction of what was observed since `earlier`; undefined: nothing was. */
  quantile(name: string, fraction: number, earlier: Figures | undefined): number | undefined
}

export function parseFigures(text: string): Figures {
  const series = new Map<string, Map<string, number>>()
  for (const line of text.split('\n')) {
    const found = /^([a-z_]+)(?:\{\w+="([^"]*)"\})? (\S+)$/.exec(line)
    if (found === null) continue
    const [, name, label = '', value] = found
    const labels = series.get(name!) ?? new Map<string, number>()
    series.set(name!, labels.set(label, Number(value)))
  }
  const byLabel = (name: string): ReadonlyMap<string, number> => series.get(name) ?? new Map()
  return {
    value: (name) => [...byLabel(name).values()].reduce((all, each) => all + each, 0),
    byLabel,
    quantile(name, fraction, earlier) {
      const before = earlier?.byLabel(`${name}_bucket`)
      const buckets = [...byLabel(`${name}_bucket`)].map(([end, count]) => ({
        end: end === '+Inf' ? Number.POSITIVE_INFINITY : Number(end),
        count: count - (before?.get(end) ?? 0),
      }))
      const all = buckets.at(-1)?.count ?? 0
      return all <= 0 ? undefined : buckets.find(({ count }) => count >= all * fraction)?.end
    },
  }
}
