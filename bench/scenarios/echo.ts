/**
 * echo: the least that a frame can cost. 1,000 devices keep `--window` pings unanswered, or send them at `--rate`; each
 * is verified, counted against its connection's rate and answered by the gateway, and nothing else of the server takes
 * part. Its numbers: server CPU for each, and the round trip.
 */
import { Histogram } from '../histogram.js'
import type { Lab } from '../lab.js'
import { provenance, type Result, rounded } from '../result.js'
import { verdictOf } from './sessions.js'

export async function echo(lab: Lab): Promise<Result> {
  const { options } = lab
  const target = await lab.server()
  const load = lab.idleLoad()
  const plan = { first: 0, clients: options.clients, secret: lab.secret, connectingMax: options.connecting }
  await load.ask('open', plan, target.address)
  const whole = new Histogram()
  const sum = { seconds: 0, pongs: 0, inAll: 0, cpu: 0, clientCpu: 0 }
  for (let turn = 0; turn < options.rounds; turn++) {
    const warmUpSeconds = turn === 0 ? options.warmUpSeconds : Math.min(0.5, options.warmUpSeconds)
    const round = await lab.measured(target, {
      begin: () => load.ask('startPings', lab.pace),
      measure: () => load.ask('measure'),
      finish: () => load.ask('finish'),
      warmUpSeconds,
      seconds: options.seconds / options.rounds,
    })
    whole.add(new Histogram(round.roundTrip.counts, round.roundTrip.maxMicros))
    sum.seconds += round.seconds
    sum.pongs += round.pongs
    sum.inAll += round.pongsInAll
    sum.cpu += round.cpuMicros
    sum.clientCpu += round.clientCpuSeconds
  }
  return {
    ...provenance(options, lab.cores),
    echoesPerSecond: Math.round(sum.pongs / sum.seconds),
    roundTripMs: whole.summary(),
    serverCpuMicrosPerFrame: rounded(sum.cpu / sum.inAll, 2),
    clientCpu: rounded(sum.clientCpu / sum.seconds, 2),
    ...(await verdictOf([load])),
  }
}
