/** What a bench run is asked to do: scenarios, their canonical sizes, and the command line. */
import { parseArgs } from 'node:util'

export interface BenchOptions {
  readonly scenario: Scenario
  /** Measured per side, over all rounds together. */
  readonly seconds: number
  readonly clients: number
  readonly senders: number
  /** Direct conversations of each client: 1, or an even number. */
  readonly partners: number
  /** Unacked messages per sender, closed loop. */
  readonly window: number
  /** Messages a second of all senders, open loop; undefined: closed loop. */
  readonly rate: number | undefined
  /** Bytes of a body. */
  readonly size: number
  /** How often server and relay (growth: empty and full, recovery: kill and restart) take turns. */
  readonly rounds: number
  readonly workers: number
  readonly relay: boolean
  /** False: the relay sends every frame by itself. */
  readonly relayBatches: boolean
  readonly warmUpSeconds: number
  /** growth: what the full server holds before the rounds begin. */
  readonly conversations: number
  readonly messages: number
  /** sessions: devices that connect at the same time. */
  readonly connecting: number
  readonly json: string | undefined
  readonly compare: string | undefined
}

const COMMON = {
  seconds: 12,
  clients: 200,
  senders: 10,
  partners: 1,
  window: 8,
  size: 256,
  rounds: 3,
  workers: 1,
  'warm-up': 2,
  conversations: 100_000,
  messages: 1_000_000,
  connecting: 1_000,
}

/** The case that each runs without arguments. */
export const SCENARIOS = {
  durable: COMMON,
  spread: { ...COMMON, partners: 100, 'warm-up': 10 },
  fanout: { ...COMMON, clients: 1_000, window: 4 },
  recovery: { ...COMMON, seconds: 5, rounds: 5 },
  growth: { ...COMMON, seconds: 21, rounds: 7 },
  overload: { ...COMMON, clients: 2_000, seconds: 10, rounds: 1 },
  sessions: { ...COMMON, clients: 18_000 },
  resume: { ...COMMON, conversations: 1_000 },
  echo: { ...COMMON, clients: 1_000, window: 1 },
} as const
export type Scenario = keyof typeof SCENARIOS

export const USAGE = `usage: npm run -s bench -- SCENARIO [options]

scenarios
  durable    pairs, both sides send, every ack after the log's fsync; against the bare relay
  spread     the same without the relay, each client writing to a hundred others in turn
  fanout     one group, a few members send, all are online; against the bare relay
  recovery   kill -9 under load, restart, time until a send is acked again
  growth     CPU per message on an empty server and on one that holds much, in turns
  overload   three times the rate that the server can take
  sessions   devices that are just there: memory for each; all dropped, all back at once
  resume     one of many conversations, back after three of them changed: bytes heard
  echo       pings: server CPU and round trip of the least that a frame can be

options (defaults of the scenario in brackets)
  --seconds N    measured seconds per side [12; recovery 5, growth 21, overload 10]
  --clients N    online devices [200; fanout 1000, overload 2000, sessions 18000, echo 1000]
  --senders N    fanout: members who send [10]
  --partners N   spread: to how many each client writes in turn [100]
  --window N     unacked messages per sender [8; fanout 4, echo 1]
  --rate N       open loop: messages (echo: pings) a second of all senders
  --size BYTES   of a body [256]
  --rounds N     turns [3; recovery 5, growth 7, overload 1]
  --workers N    of the server [1]
  --warm-up N    seconds before measuring begins [2; spread 10]
  --no-relay     leave the relay out
  --no-batch     let the relay send every frame by itself
  --conversations N, --messages N   growth: what the full server holds [100000, 1000000]; resume [1000]
  --connecting N sessions: devices that connect at the same time [1000]
  --json FILE    write the result
  --compare FILE print what changed against an earlier result
`

/** Throws with a message for people. */
export function parseOptions(args: readonly string[]): BenchOptions {
  const number = { type: 'string' } as const
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      ...Object.fromEntries([...Object.keys(COMMON), 'rate'].map((name) => [name, number])),
      json: { type: 'string' },
      compare: { type: 'string' },
      'no-relay': { type: 'boolean' },
      'no-batch': { type: 'boolean' },
    } as Record<string, { type: 'string' | 'boolean' }>,
  })
  const scenario = positionals[0]
  if (positionals.length !== 1 || !isScenario(scenario))
    throw new Error(`name one scenario: ${Object.keys(SCENARIOS).join(', ')}`)
  const given = (name: string) => (values[name] === undefined ? undefined : positive(name, values[name] as string))
  const sized = (name: keyof typeof COMMON) => given(name) ?? SCENARIOS[scenario][name]
  const clients = sized('clients')
  if (scenario !== 'fanout' && clients % 2 === 1) throw new Error('--clients talk in pairs: give an even number')
  return {
    scenario,
    clients,
    seconds: sized('seconds'),
    senders: Math.min(sized('senders'), clients),
    partners: sized('partners'),
    window: sized('window'),
    size: sized('size'),
    rounds: sized('rounds'),
    workers: sized('workers'),
    warmUpSeconds: sized('warm-up'),
    conversations: sized('conversations'),
    messages: sized('messages'),
    connecting: sized('connecting'),
    rate: given('rate'),
    relay: values['no-relay'] !== true && scenario !== 'spread', // which keeps one room for each client
    relayBatches: values['no-batch'] !== true,
    json: values['json'] as string | undefined,
    compare: values['compare'] as string | undefined,
  }
}

function isScenario(name: string | undefined): name is Scenario {
  return name !== undefined && Object.hasOwn(SCENARIOS, name)
}

function positive(name: string, text: string): number {
  const value = Number(text)
  if (!Number.isFinite(value) || value < 0 || text === '') throw new Error(`--${name} is a number, not ${text}`)
  return value
}
