/**
 * `parley top`: what the server does, drawn again every second from its /metrics.
 */
import { sleep } from '../std/clock.js'
import { type Figures, parseFigures } from './metrics-text.js'
import { CommandError, EXIT, type Terminal } from './terminal.js'

export interface TopOptions {
  /** Of /metrics. */
  readonly url: string
  readonly intervalMs: number
  /** Views before it ends; absent: never. */
  readonly count?: number
  readonly json: boolean
}

const REFUSALS_SHOWN = 5
const CLEAR = '\x1b[H\x1b[2J'
const MiB = 1024 * 1024

export async function top(terminal: Terminal, options: TopOptions, stopped: AbortSignal): Promise<void> {
  const { clock } = terminal
  let earlier: Figures | undefined
  let at = clock.monotonic()
  for (let shown = 0; !stopped.aborted && shown < (options.count ?? Number.POSITIVE_INFINITY); ) {
    const now = clock.monotonic()
    const figures = await figuresOf(options.url)
    if (earlier !== undefined) {
      const view = viewOf(figures, earlier, (now - at) / 1_000)
      if (options.json) terminal.json(view)
      else draw(terminal, view, options.url)
      if (++shown === options.count) return
    }
    earlier = figures
    at = now
    await sleep(clock, options.intervalMs)
  }
}

/** Rates are per second over the interval. */
function viewOf(now: Figures, before: Figures, seconds: number) {
  const rate = (name: string) => Math.max(0, now.value(name) - before.value(name)) / seconds
  const milliseconds = (value: number | undefined) => (value === undefined ? null : value * 1_000)
  const earlierRefusals = before.byLabel('parley_refusals_total')
  const refusals = [...now.byLabel('parley_refusals_total')]
    .map(([name, count]) => ({ name, perSecond: (count - (earlierRefusals.get(name) ?? 0)) / seconds }))
    .filter(({ perSecond }) => perSecond > 0)
    .sort((a, b) => b.perSecond - a.perSecond)
  return {
    connections: now.value('parley_connections'),
    framesInPerSecond: rate('parley_received_frames_total'),
    eventsAckedPerSecond: rate('parley_events_committed_total'),
    deliveriesPerSecond: rate('parley_deliveries_total'),
    sentBytesPerSecond: rate('parley_sent_bytes_total'),
    commandsInFlight: now.value('parley_commands_in_flight'),
    sendQueueBytes: now.value('parley_send_queue_bytes'),
    syncsPerSecond: rate('parley_log_sync_seconds_count'),
    syncP50Ms: milliseconds(now.quantile('parley_log_sync_seconds', 0.5, before)),
    syncP99Ms: milliseconds(now.quantile('parley_log_sync_seconds', 0.99, before)),
    logUsedBytes: now.value('parley_log_used_bytes'),
    logLimitBytes: now.value('parley_log_limit_bytes'),
    shardsServing: now.value('parley_shards_serving'),
    shardsOwned: now.value('parley_shards_owned'),
    waitingCheckpoints: now.value('parley_projector_waiting_checkpoints'),
    storeFailures: now.value('parley_store_failures_total'),
    loopLagMs: now.value('parley_loop_lag_seconds') * 1_000,
    residentBytes: now.value('process_resident_memory_bytes'),
    cores: rate('process_cpu_seconds_total'),
    workerStarts: now.value('parley_worker_starts_total'),
    refusals,
  }
}

export type View = ReturnType<typeof viewOf>

function draw(terminal: Terminal, view: View, url: string): void {
  const figure = (value: number) => terminal.style('bold', Math.round(value).toLocaleString('en').padStart(11))
  const bytes = (value: number) => terminal.style('bold', `${(value / MiB).toFixed(1)} MiB`.padStart(11))
  const ms = (value: number | null) => (value === null ? '-' : `${Number(value.toFixed(2))} ms`)
  const isWhole = view.shardsServing === view.shardsOwned
  const lines = [
    `${terminal.style('bold', 'Parley')}  ${terminal.style('dim', url)}`,
    '',
    `connections ${figure(view.connections)}    frames in   ${figure(view.framesInPerSecond)}/s`,
    `in flight   ${figure(view.commandsInFlight)}    acked       ${figure(view.eventsAckedPerSecond)}/s`,
    `send queues ${bytes(view.sendQueueBytes)}    delivered   ${figure(view.deliveriesPerSecond)}/s`,
    `memory      ${bytes(view.residentBytes)}    bytes out   ${bytes(view.sentBytesPerSecond)}/s`,
    '',
    `processor   ${view.cores.toFixed(2)} cores, event loop at most ${ms(view.loopLagMs)} late`,
    `log         ${figure(view.syncsPerSecond).trim()} syncs/s, p50 ≤ ${ms(view.syncP50Ms)}, p99 ≤ ${ms(view.syncP99Ms)}; ` +
      `${bytes(view.logUsedBytes).trim()} of ${bytes(view.logLimitBytes).trim()}`,
    `store       ${view.waitingCheckpoints} checkpoints waiting, ${view.storeFailures} failures`,
    `shards      ${terminal.style(isWhole ? 'green' : 'red', `${view.shardsServing} of ${view.shardsOwned} serve`)}`,
    '',
    'refusals    ' + (view.refusals.length === 0 ? 'none' : ''),
    ...view.refusals
      .slice(0, REFUSALS_SHOWN)
      .map(({ name, perSecond }) => `  ${name.padEnd(22)}${figure(perSecond)}/s`),
  ]
  terminal.raw(`${terminal.isInteractive ? CLEAR : ''}${lines.join('\n')}\n`)
}

async function figuresOf(url: string): Promise<Figures> {
  let response: Response
  try {
    response = await fetch(url, { signal: AbortSignal.timeout(5_000) })
  } catch {
    throw new CommandError(`cannot reach ${url}; is the server running? (parley doctor)`, EXIT.unreachable)
  }
  if (!response.ok) throw new CommandError(`${url} answers ${response.status}`, EXIT.unreachable)
  return parseFigures(await response.text())
}
