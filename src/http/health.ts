/**
 * What load balancers ask: `/healthz` (the process answers) and `/readyz` (this worker owns all its shards, so that
 * commands sent here are decided, not refused). Orchestrators restart on the first and route by the second.
 */
import type { HttpAnswer } from './message.js'
import { problem } from './problem.js'

const TEXT = 'text/plain; charset=utf-8'

/** Answers GET `path`; anything but the two is 404. */
export function answerHealth(path: string, isReady: () => boolean): HttpAnswer {
  if (path === '/healthz') return { status: 200, contentType: TEXT, body: 'alive\n' }
  if (path !== '/readyz') return problem('no-such-address')
  return isReady()
    ? { status: 200, contentType: TEXT, body: 'ready\n' }
    : { status: 503, contentType: TEXT, body: 'not ready: shards are still being taken over\n' }
}
